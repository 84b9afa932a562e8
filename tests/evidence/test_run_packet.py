"""A run's evidence packet: whole, sealed, verified elsewhere, never lost unsaid."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_oneroof import resources
from pytest_oneroof.packet.write import verify_packet

from .packets import forge
from .pages import numbers_in, text_of

Run = Callable[..., pytest.RunResult]

FILES = {
    "HASH_MANIFEST.txt",
    "README_FOR_REVIEWER.md",
    "RERUN.sh",
    "attestations.json",
    "baselines.json",
    "blockers.json",
    "commands.sh",
    "decision.json",
    "declared.json",
    "exit_codes.json",
    "manifest.json",
    "packet_tree.sha256",
    "probes.json",
    "provenance.json",
    "report.html",
    "results.json",
    "results.tsv",
    "run.json",
    "seals.json",
    "settings.json",
    "status.txt",
    "verdict.json",
    "verdict.md",
}


def _worse(value: Any) -> None:
    value["verdict"]["status"] = "NO-GO"


FORGERIES: dict[str, Callable[[Any], Any]] = {
    "verdict.json": _worse,
    "report.html": lambda data: data.replace(b"no channel to", b"a channel to", 1),
    "verdict.md": lambda data: data.replace(b"passed", b"failed", 1),
}


def _put(*path: Any, to: Any) -> Callable[[Any], None]:
    """Return what puts another value at a path of a JSON value."""

    def change(value: Any) -> None:
        for part in path[:-1]:
            value = value[part]
        assert value[path[-1]] != to
        value[path[-1]] = to

    return change


# Each claims of verdict.json what its run does not show.
CLAIMS: dict[str, Callable[[Any], None]] = {
    "objective": _put("objectives", 2, "status", to="GO"),
    "reason": _put("objectives", 1, "reason", to="seen"),
    "row of a matrix": _put("matrices", 0, "rows", 0, "status", to="HELD"),
    "evidence": _put("objectives", 2, "evidence", 0, "holds", to=True),
    "forbidden action": _put("compliance", 0, "state", to="broken"),
    "count": _put("summary", "passed", to=47),
    "count of a suite": _put("suites", 0, "total", to=1),
    "outcome": _put("suites", 0, "checks", 0, "outcome", to="skipped"),
    "proof": _put("suites", 0, "checks", 0, "proof", "ids", to=0),
    "figure at exit": _put("states", 0, "metrics", 0, "exit", to=-1),
    "place": _put("suites", 0, "where", to="production"),
    "production": _put("production", to="production"),
    "exercised": _put("exercised", "production", to=46),
    "seal": _put("seals", 0, "holds", to=False),
    "deselected": _put("deselected", to=["a"]),
    "secrets": _put("provenance", "secrets", to="NO"),
}
PROBES = ("--oneroof-clone", "--oneroof-suite", "probes,seal,isolation,production")


def value_of(folder: Path, name: str) -> Any:
    """Return the value in one of a packet's JSON files."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


def findings(folder: Path) -> list[tuple[str, str]]:
    """Return code and path of each finding of a packet."""
    answer = verify_packet(folder)
    return [(f["code"], f["path"]) for f in answer.data["findings"]]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "two-workers"])
def test_run_leaves_a_packet_that_holds(
    pytester: pytest.Pytester, run_oneroof: Run, workers: tuple[str, ...]
) -> None:
    """Every file is there and sealed, every status agrees with its evidence.

    RERUN passes on a copy elsewhere; each file changed, removed or added is named.
    """
    result = run_oneroof(*PROBES, "--oneroof-report", "out", *workers)
    result.assert_outcomes(passed=46)
    out = pytester.path / "out"
    answer = verify_packet(out)
    assert answer.status == 0, "\n".join(answer.lines)
    assert {path.name for path in out.iterdir()} == FILES
    assert (answer.data["verdict"], answer.data["results"]["checks"]) == ("GO", 46)
    result.stdout.fnmatch_lines(
        [f"packet     out: 21 files, tree {answer.data['tree']}"]
    )
    told = {
        name: found["answer"] for name, found in answer.data["attestations"].items()
    }
    assert set(told.values()) == {"no"}
    probes = value_of(out, "probes.json")
    assert len(probes["probes"]) == 13
    assert (probes["positive_controls"], probes["any_invalid_exit0"]) == (3, False)
    clones, production = (
        value_of(out, "baselines.json")["baselines"][:-1],
        (value_of(out, "baselines.json")["baselines"][-1]),
    )
    assert len(clones) == (2 if workers else 1)
    assert all(
        c["role"] == "clone" and len(c["fingerprint_exit"]) == 64 for c in clones
    )
    assert (production["role"], production["database"]) == ("production", "directus")
    assert production["entry"] == production["exit"]
    assert value_of(out, "settings.json")["report"]["source"] == "--oneroof-report"

    document = (out / "verdict.json").read_text(encoding="utf-8")
    schema = resources.read_json("fixtures/verdict/verdict.schema.json")
    Draft202012Validator(schema).validate(json.loads(document))
    known = numbers_in(document)
    for shown in ("report.html", "verdict.md"):
        text = text_of((out / shown).read_text(encoding="utf-8"))
        assert numbers_in(text) - known == set(), shown

    elsewhere = pytester.path / "elsewhere" / "copy"
    shutil.copytree(out, elsewhere)
    done = subprocess.run(
        ["sh", elsewhere / "RERUN.sh"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "RERUN_RESULT: PASS"
    for name in sorted(FILES - {"packet_tree.sha256", "HASH_MANIFEST.txt"}):
        file = elsewhere / name
        data = file.read_bytes()
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        assert ("SHA256_MISMATCH", name) in findings(elsewhere)
        file.unlink()
        assert findings(elsewhere) == [("MISSING_FILE", name)]
        file.write_bytes(data)
    (elsewhere / "more.txt").write_text("")
    assert findings(elsewhere) == [("UNLISTED_FILE", "more.txt")]
    (elsewhere / "more.txt").unlink()
    assert findings(elsewhere) == []
    # With every hash made anew, what disagrees with the evidence is still named.
    for name, change in FORGERIES.items():
        forged = pytester.path / f"forged-{name}"
        shutil.copytree(out, forged)
        forge(forged, name, change)
        assert ("STATUS_DISAGREES", name) in findings(forged)
    claims_are_compared(out, pytester.path / "claimed")


def claims_are_compared(packet: Path, forged: Path) -> None:
    """See each claim refused that the evidence does not give, and changed demands."""
    files = {path.name: path.read_bytes() for path in packet.iterdir()}
    shutil.copytree(packet, forged)

    def found(name: str, change: Callable[[Any], Any]) -> list[tuple[str, str]]:
        for path, data in files.items():
            (forged / path).write_bytes(data)
        forge(forged, name, change)
        return findings(forged)

    for what, change in CLAIMS.items():
        seen = found("verdict.json", change)
        assert ("STATUS_DISAGREES", "verdict.json") in seen, what
    easier = _put("plan", "objectives", 2, "cases", 0, "when", to=["nothing claimed"])
    assert ("STATUS_DISAGREES", "declared.json") in found("declared.json", easier)
    assert ("STATUS_DISAGREES", "verdict.json") in found("declared.json", easier)


def test_rehearsal_of_an_acceptance_is_told_as_one(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """On `-m readonly` the clone's packet holds too, and says what it was."""
    suites = "coverage,isolation,contract"
    result = run_oneroof(
        *("--oneroof-clone", "--oneroof-suite", suites),
        *("-m", "readonly", "--oneroof-report", "out"),
    )
    assert result.ret == 0
    answer = verify_packet(pytester.path / "out")
    assert answer.status == 0, "\n".join(answer.lines)
    assert value_of(pytester.path / "out", "run.json")["target"] == "rehearsal"


def test_acceptance_leaves_a_packet(
    pytester: pytest.Pytester, run_oneroof: Run, embedded: Any
) -> None:
    """A production's packet tells live contact, and that nothing was written."""
    from pytest_oneroof.production.reader import reader_url

    url = reader_url(embedded)
    for workers in ((), ("-n", "1")):
        result = run_oneroof(
            *("-m", "readonly", "--oneroof-production-url", url),
            *("--oneroof-report", "out", *workers),
        )
        out = pytester.path / "out"
        answer = verify_packet(out)
        assert answer.status == 0, "\n".join(answer.lines)
        told = value_of(out, "attestations.json")
        assert told["live_production_contact"]["answer"] == "yes"
        assert told["production_mutation"]["answer"] == "no"
        run = value_of(out, "run.json")
        assert (run["exit_status"], run["postgres"][:3]) == (result.ret, "16.")
        password = url.split("://")[1].split("@")[0].split(":")[1]
        assert password not in result.stdout.str() + result.stderr.str()
        assert all(password.encode() not in file.read_bytes() for file in out.iterdir())


FAILS = '''
def test_gap(oneroof_clone):
    """The gap is one."""
    gap = oneroof_clone.execute("SELECT count(*) FROM v_object_owner_gap").fetchone()[0]
    assert gap == 1, "postgresql://reader:hunter2@host/directus is not read"
'''


def test_failed_run_leaves_a_packet_that_says_so(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """Its status, table and scripts say NO-GO; the packet itself is whole for all."""
    pytester.makepyfile(test_own=FAILS)
    result = run_oneroof("--oneroof-clone", "test_own.py", "--oneroof-report", "out")
    assert result.ret == 1
    out = pytester.path / "out"
    answer = verify_packet(out)
    assert (answer.status, answer.data["verdict"]) == (0, "NO-GO")
    status = (out / "status.txt").read_text()
    assert status == "verdict\tNO-GO\nexit\t1\nreason\ttest_own.py::test_gap failed\n"
    assert all(b"hunter2" not in file.read_bytes() for file in out.iterdir())
    done = subprocess.run(
        ["sh", out / "RERUN.sh"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "RUN_VERDICT: NO-GO\n  because test_own.py::test_gap failed\n" in done.stdout


INTERRUPTED = '''
def test_one(oneroof_clone):
    """It passes."""

def test_two(oneroof_clone):
    """It is interrupted."""
    raise KeyboardInterrupt
'''


def test_interrupted_run_is_no_go(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """What ran before passed; the run did not end, and neither packet says GO."""
    pytester.makepyfile(test_own=INTERRUPTED)
    result = run_oneroof("--oneroof-clone", "test_own.py", "--oneroof-report", "out")
    assert result.ret == 2
    told = "test_own.py::test_two did not run: set up, and not called to its end"
    result.stdout.fnmatch_lines([f"verdict: NO-GO (clone): {told}"])
    out = pytester.path / "out"
    answer = verify_packet(out)
    assert (answer.status, answer.data["verdict"]) == (0, "NO-GO")
    assert value_of(out, "verdict.json")["verdict"]["reasons"] == [told]


# --------------------------------------------------------------------- where it may lie


@pytest.mark.parametrize(
    ("folder", "more", "told"),
    [
        ("held", (), "holds other files: letter.txt; nothing was written there"),
        ("file", (), "is no folder: nothing was written"),
        (".", (), "is where pytest works: a packet needs a folder of its own"),
        ("out", ("--junitxml=out/all.xml",), "would also get out/all.xml: a packet"),
        ("out", ("--basetemp=out/tmp",), "would also get out/tmp: a packet holds"),
    ],
    ids=["other-files", "file", "here", "junit", "basetemp"],
)
def test_folder_that_cannot_be_a_packet_is_refused_at_once(
    pytester: pytest.Pytester,
    run_oneroof: Run,
    folder: str,
    more: tuple[str, ...],
    told: str,
) -> None:
    """It is a usage error before anything runs, and nothing in it is touched."""
    (pytester.path / "held").mkdir()
    (pytester.path / "held" / "letter.txt").write_text("mine")
    (pytester.path / "file").write_text("mine")
    result = run_oneroof("--oneroof-clone", "--oneroof-report", folder, *more)
    assert result.ret == 4
    (line,) = [x for x in result.stderr.lines if told in x]
    assert line.startswith("ERROR: --oneroof-report ")
    assert (pytester.path / "held" / "letter.txt").read_text() == "mine"
    assert not (pytester.path / "out").exists()


def test_earlier_packet_is_replaced(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """A second run's packet takes the place of the first, and nothing of it stays."""
    trees = set()
    for suite in ("dot", "contract"):
        run_oneroof(
            *("--oneroof-clone", "--oneroof-suite", suite, "--oneroof-report", "out")
        )
        answer = verify_packet(pytester.path / "out")
        assert answer.status == 0, "\n".join(answer.lines)
        trees.add(answer.data["tree"])
    assert len(trees) == 2
    assert not [p for p in pytester.path.iterdir() if p.name.startswith(".oneroof")]


CHANGES = """
import os, resource, pathlib

def test_{how}(oneroof_clone):
    {do}
"""
CANNOT = {
    "full_disk": (
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))",
        "File too large",
    ),
    "in_the_way": ("pathlib.Path('deep').write_text('')", "File exists"),
    "other_file": (
        "os.makedirs('deep/out'); pathlib.Path('deep/out/x').write_text('')",
        "holds other files: x; nothing was written there",
    ),
}


@pytest.mark.parametrize(
    ("how", "quiet"),
    [*((how, ("--verbosity=0",)) for how in CANNOT), ("full_disk", ("-q",))],
    ids=[*CANNOT, "told-in-few-words"],
)
def test_packet_that_cannot_be_written_is_told_at_the_end(
    pytester: pytest.Pytester, run_oneroof: Run, how: str, quiet: tuple[str, ...]
) -> None:
    """The run's own verdict is told all the same, and its exit status is not 0."""
    do, told = CANNOT[how]
    pytester.makepyfile(test_own=CHANGES.format(how=how, do=do))
    result = run_oneroof(
        "--oneroof-clone", "test_own.py", "--oneroof-report", "deep/out", *quiet
    )
    result.assert_outcomes(passed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"report: FAILED: *{told}*", "*GO (clone)"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert not (pytester.path / "deep" / "out" / "manifest.json").exists()
    assert not [p for p in pytester.path.rglob(".oneroof*") if p.is_dir()]


def test_run_without_checks_leaves_no_packet(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """Where nothing ran there is nothing to seal, and that is said."""
    result = run_oneroof(
        *("--oneroof-clone", "--oneroof-suite", "dot", "-k", "zzz"),
        *("--oneroof-report", "out"),
    )
    assert result.ret == 5
    result.stdout.fnmatch_lines(["report: not written, as no check ran"])
    assert not (pytester.path / "out").exists()
