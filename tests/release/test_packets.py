"""Tests of the packets as files: their seal, their plan, the rules they keep."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_oneroof import resources
from pytest_oneroof.errors import OneroofError, SettingsError
from pytest_oneroof.pack import bundled
from pytest_oneroof.production.gate import Gate
from pytest_oneroof.release import plan as plan_module
from pytest_oneroof.release.plan import (
    MANIFEST,
    PLAN,
    known_packets,
    open_packet,
    parse_plan,
    told_plan,
)
from pytest_oneroof.release.seals import pinned_seals
from pytest_oneroof.sealing import manifest as m
from pytest_oneroof.sealing.seal import SealBroken
from pytest_oneroof.statements.read import read as read_statements
from pytest_oneroof.statements.scripts import body
from tests.release.conftest import reseal, seal_of
from tests.release.reseal import SHIPPED, block

PACKETS = ("full", "ownership")
GATE = Gate(bundled())
READING = ("99_run_all.sql", "standing.sql", "baseline_probe.sql")
FILES = [
    (name, path)
    for name in PACKETS
    for path in sorted(open_packet(name, bundled()).files)
    if path.endswith(".sql") and not path.endswith(READING)
]


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[str], Path]:
    """Return a copy of a packet's folder, seal included."""

    def copied(name: str) -> Path:
        return Path(shutil.copytree(SHIPPED / name, tmp_path / name))

    return copied


def refused(folder: Path) -> list[str]:
    """Return the codes with which a folder is refused."""
    with pytest.raises(SealBroken) as broken:
        open_packet(str(folder), bundled())
    return [finding.code for finding in broken.value.findings]


def test_both_packets_are_known() -> None:
    """The shipped packets are full and ownership, each the other's alternative."""
    assert known_packets(bundled()) == PACKETS
    assert [open_packet(name, bundled()).alternative for name in PACKETS] == [
        "ownership",
        "full",
    ]


def test_unknown_packet_is_wrong_use(tmp_path: Path) -> None:
    """A name that is neither a packet nor a folder of one names what there is."""
    with pytest.raises(SettingsError) as error:
        open_packet(str(tmp_path / "nothing"), bundled())
    assert "there are: full, ownership, or give a folder" in str(error.value)


@pytest.mark.parametrize(("name", "path"), FILES, ids=lambda value: str(value))
def test_each_edited_byte_is_refused(
    name: str, path: str, copy: Callable[[str], Path]
) -> None:
    """One byte more or less in any file breaks the seal of the packet, by its name."""
    folder = copy(name)
    data = (folder / path).read_bytes()
    (folder / path).write_bytes(data.replace(b"SELECT", b"SELEcT", 1))
    assert refused(folder) == ["SHA256_MISMATCH"]
    (folder / path).write_bytes(data + b"\n")
    assert refused(folder) == ["SHA256_MISMATCH", "LENGTH_MISMATCH"]


DRIFTS = {
    "crlf": lambda data: data.replace(b"\n", b"\r\n"),
    "bom": lambda data: b"\xef\xbb\xbf" + data,
    "em dash for a hyphen": lambda data: data.replace(b"-", "—".encode(), 1),
}


@pytest.mark.parametrize("drift", list(DRIFTS))
def test_drifted_encoding_is_refused(drift: str, copy: Callable[[str], Path]) -> None:
    """Line ends, a byte order mark and a typographic dash are changed bytes."""
    folder = copy("full")
    file = folder / "30_ownership_seed.sql"
    file.write_bytes(DRIFTS[drift](file.read_bytes()))
    assert refused(folder) == ["SHA256_MISMATCH", "LENGTH_MISMATCH"]


def test_a_file_too_many_and_too_few_are_refused(copy: Callable[[str], Path]) -> None:
    """A file beside the sealed ones is refused, and so is one that is missing."""
    folder = copy("full")
    (folder / "70_further.sql").write_bytes(b"SELECT 1;\n")
    assert refused(folder) == ["UNLISTED_FILE"]
    (folder / "70_further.sql").unlink()
    (folder / "rollback/99_rollback_full.sql").unlink()
    assert refused(folder) == ["MISSING_FILE"]


def test_swapped_files_are_refused(copy: Callable[[str], Path]) -> None:
    """Two tiers under each other's names are two files of other bytes."""
    folder = copy("full")
    one, other = folder / "40_containment.sql", folder / "50_topic_finalization.sql"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert set(refused(folder)) == {"SHA256_MISMATCH", "LENGTH_MISMATCH"}


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Have the seal of a folder count as reviewed, as packet full."""

    def pin(folder: Path) -> None:
        pins = {**pinned_seals(bundled()), "full": seal_of(folder)}
        monkeypatch.setattr(plan_module, "pinned_seals", lambda pack: pins)

    return pin


def test_swapped_order_in_the_manifest_is_refused(
    copy: Callable[[str], Path], pinned: Callable[[Path], None]
) -> None:
    """A manifest that holds but names the tiers in another order is refused."""
    folder = copy("full")
    entries = list(m.parse((folder / MANIFEST).read_bytes()).entries)
    places = {entry.path: place for place, entry in enumerate(entries)}
    one, other = places["40_containment.sql"], places["50_topic_finalization.sql"]
    entries[one], entries[other] = entries[other], entries[one]
    (folder / MANIFEST).write_bytes(m.render(entries))
    pinned(folder)
    assert refused(folder) == ["ORDER_MISMATCH"]


def test_swapped_order_in_the_plan_is_refused(
    copy: Callable[[str], Path], pinned: Callable[[Path], None]
) -> None:
    """A plan that runs the tiers in another order, sealed anew, is refused too."""
    folder = copy("full")
    plan = json.loads((folder / PLAN).read_text())
    plan["steps"][4], plan["steps"][5] = plan["steps"][5], plan["steps"][4]
    (folder / PLAN).write_text(json.dumps(plan))
    reseal(folder)
    pinned(folder)
    assert refused(folder) == ["ORDER_MISMATCH"]


def test_another_manifest_than_the_rehearsed_is_refused(
    remade: Callable[..., Path],
) -> None:
    """A packet that was sealed anew does not pass for the one that was rehearsed."""
    pin = open_packet("full", bundled()).sha256
    assert open_packet("full", bundled(), pin=pin).sha256 == pin
    other = seal_of(remade("full", "90_verify.sql", "own <> 30", "own < 30"))
    assert other != pin
    with pytest.raises(SealBroken) as broken:
        open_packet("full", bundled(), pin=other)
    assert [f.code for f in broken.value.findings] == ["MANIFEST_PIN_MISMATCH"]


def test_a_packet_that_nobody_reviewed_is_refused(
    remade: Callable[..., Path],
) -> None:
    """A seal that holds is not enough: it has to be one that the owner has pinned."""
    folder = remade("full", "90_verify.sql", "own <> 30", "own < 30")
    with pytest.raises(SealBroken) as broken:
        open_packet(str(folder), bundled(), pin=seal_of(folder))
    [finding] = broken.value.findings
    assert finding.code == "SEAL_NOT_PINNED"
    assert seal_of(folder) in finding.found
    assert finding.found.endswith("pinned are: full, ownership")


def test_a_pinned_packet_under_another_name_is_refused(
    remade: Callable[..., Path], pinned: Callable[[Path], None]
) -> None:
    """What was reviewed as one packet is not run as another."""
    folder = remade("full", PLAN, '"packet": "full"', '"packet": "other"')
    pinned(folder)
    assert refused(folder) == ["SEAL_NOT_PINNED"]


PROBE = ("verify/baseline_probe.sql", "SELECT scope, metric, value")
TIER_6 = ("standing.sql", "SELECT\n  '6' AS step")
READS = {
    "one more": (*TIER_6, f"SELECT 1;\n{TIER_6[1]}"),
    "a block": (*TIER_6, f"DO $$ BEGIN END $$;\n{TIER_6[1]}"),
    "a lock": ("standing.sql", "scan_id = 1\n", "scan_id = 1 FOR UPDATE\n"),
    "a setting": (*PROBE, "SELECT set_config('a.b', '', false), scope, metric, value"),
    "their call": (*PROBE, "SELECT public.quorum_passed(''), scope, metric, value"),
    "a write": (*PROBE, f"DELETE FROM public.agents; {PROBE[1]}"),
    "a transaction": (*PROBE, f"BEGIN; {PROBE[1]}"),
}


@pytest.mark.parametrize("kind", list(READS))
def test_what_is_read_before_the_hold_is_select_alone(
    kind: str, remade: Callable[..., Path], pinned: Callable[[Path], None]
) -> None:
    """Even of a pinned packet only SELECTs are asked of a target before the hold."""
    folder = remade("full", *READS[kind])
    pinned(folder)
    assert set(refused(folder)) == {"NOT_A_READ"}


@pytest.mark.parametrize("name", PACKETS)
def test_shipped_seals_are_pinned(name: str) -> None:
    """After an edit: python -m tests.release.reseal, and a review of what changed."""
    assert pinned_seals(bundled())[name] == seal_of(SHIPPED / name)


@pytest.mark.parametrize("name", PACKETS)
def test_every_gated_file_asks_for_what_the_plan_declares(name: str) -> None:
    """The approval that a file asks for by itself is the one of the sealed plan."""
    packet = open_packet(name, bundled())
    gated = [path for found, path in GATED if found == name]
    for path in gated:
        text = packet.files[path].decode()
        asked = re.findall(r"SET LOCAL oneroof\.request = '(.*?)';", text, re.DOTALL)
        assert [json.loads(found) for found in asked] == [packet.request], path


def test_plan_that_names_an_unsealed_file_is_no_plan() -> None:
    """A step without sealed bytes, and a part too many, are told."""
    files = dict(open_packet("ownership", bundled()).files)
    plan = json.loads(files[PLAN])
    plan["steps"][1]["file"] = "01_other.sql"
    with pytest.raises(OneroofError) as error:
        parse_plan({**files, PLAN: json.dumps(plan).encode()}, "", bundled())
    assert str(error.value) == (
        "plan.json names files that are not sealed: ['01_other.sql']"
    )
    plan["force"] = True
    with pytest.raises(OneroofError, match="unexpected keyword argument 'force'"):
        parse_plan({**files, PLAN: json.dumps(plan).encode()}, "", bundled())


@pytest.mark.parametrize(("name", "path"), FILES, ids=lambda value: str(value))
def test_each_file_keeps_the_rules_of_committing_files(name: str, path: str) -> None:
    """One BEGIN first and one COMMIT last, no meta-command, no psql variable."""
    text = open_packet(name, bundled()).files[path].decode()
    body(text, path)
    lines = text.splitlines()
    assert not [line for line in lines if line.startswith("\\")]
    assert not re.search(r"[^:]:['\"]?[a-z_]+\b", re.sub(r"--.*|'[^']*'", "", text))
    assert lines.count("BEGIN;") + sum("BEGIN TRANSACTION" in x for x in lines) == 1
    assert lines[-1] == "COMMIT;"


@pytest.mark.parametrize(("name", "path"), FILES, ids=lambda value: str(value))
def test_each_file_guards_itself_and_says_so(name: str, path: str) -> None:
    """Every file has the one guard, and a header with gate, delta, stop and undoing."""
    packet = open_packet(name, bundled())
    text = packet.files[path].decode()
    assert _guard("full", "00_preflight.sql") in text
    header = text.partition("\n\n")[0]
    for word in ("Gate:", "Needs before:", "Expected delta:", "Undone by:", "Stop:"):
        assert word in header, f"{path} does not say {word!r}"


GATED = [
    ("full", step.file)
    for step in open_packet("full", bundled()).steps
    if step.kind != "verify" and step.step != "1"
] + [("ownership", "00_preflight.sql"), ("ownership", "01_seed_commit.sql")]


@pytest.mark.parametrize(("name", "path"), GATED, ids=lambda value: str(value))
def test_each_gated_file_quotes_the_one_predicate(name: str, path: str) -> None:
    """The text that opens the gate is the monitor's, letter for letter."""
    text = open_packet(name, bundled()).files[path].decode()
    assert text.count(GATE.predicate()) == 1
    assert text.count(GATE.ratified()) == 1
    assert block() in text, "quote it anew: python -m tests.release.reseal"


def test_no_other_file_asks_for_ratification() -> None:
    """Structure, verify and rollback are not gated: the way back is always open."""
    gated = [
        (name, path)
        for name, path in FILES
        if GATE.predicate() in open_packet(name, bundled()).files[path].decode()
    ]
    assert sorted(gated) == sorted(GATED)


def test_nothing_writes_to_what_opens_the_gate() -> None:
    """No sealed file writes os_proposal_approvals, approval_requests, apr_approvals."""
    for name, path in FILES:
        text = open_packet(name, bundled()).files[path].decode()
        written = re.findall(
            r"(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\s+public\.(\w+)", text
        )
        assert not {"os_proposal_approvals", "approval_requests", "apr_approvals"} & {
            *written
        }


def test_structure_is_that_of_the_rehearsed_substrate() -> None:
    """Tier 1 makes the objects of the clone's axis build, letter for letter.

    Only comments may differ, and the name that would-be events give as their source.
    """
    built: dict[str, str] = {}
    for file in sorted(resources.path("sql/axis").glob("[A-F]*_COMMIT.sql")):
        built |= _definitions(file.read_text(encoding="utf-8"))
    for file in sorted(resources.path("sql/axis").glob("P*_COMMIT.sql")):
        built = _definitions(file.read_text(encoding="utf-8")) | built
    released = _definitions(
        open_packet("full", bundled()).files["10_structure.sql"].decode()
    )
    assert len(released) == 11 + 31 + 1 + 3
    for name, text in released.items():
        source = built[name].replace("'axis_substrate_clone'", "'axis_substrate'")
        assert text == source, f"{name} is not as rehearsed"
    assert built.keys() == released.keys()


def test_run_all_runs_the_planned_files_in_their_order() -> None:
    """99_run_all.sql includes exactly the plan's steps, and stops at the first."""
    packet = open_packet("full", bundled())
    text = packet.files["99_run_all.sql"].decode()
    assert re.findall(r"^\\ir (\S+)$", text, re.M) == [s.file for s in packet.steps]
    assert "\n\\set ON_ERROR_STOP on\n" in text
    assert text.endswith("\\echo ROLLOUT COMPLETE — ALL TIERS PASSED\n")


def test_plan_marks_what_is_automatic_and_what_never_is() -> None:
    """Seed, verify, scanner and cursor are automatic; emit, DOT and daemons never."""
    for name in PACKETS:
        packet = open_packet(name, bundled())
        later = {entry.name: entry.automation for entry in packet.later}
        assert {step.automation for step in packet.steps} == {"automatic"}
        assert {step.automation for step in packet.rollback} == {"on decision"}
        assert later["cursor advance"] == "automatic"
        never = ("emit activation", "DOT execution", "worker daemon")
        assert [later[name] for name in never] == ["never"] * 3
    assert "  - emit activation [never]: " in "\n".join(
        told_plan(open_packet("full", bundled()))
    )


def _guard(name: str, path: str) -> str:
    text = open_packet(name, bundled()).files[path].decode()
    start = text.index("DO $$\nDECLARE\n  target text")
    return text[start : text.index("$$;", start)]


def _definitions(text: str) -> dict[str, str]:
    found = {}
    for statement in read_statements(text):
        match = re.match(
            r"CREATE (?:OR REPLACE )?(TABLE|VIEW|FUNCTION|UNIQUE INDEX) (\S+)",
            statement.text,
        )
        if match and "pg_temp" not in match[2]:
            made = re.sub(r"^CREATE OR REPLACE VIEW", "CREATE VIEW", statement.text)
            found[match[2]] = re.sub(r"\s+", " ", re.sub(r"--.*", "", made)).strip()
    return found
