"""Runs with --oneroof-clone: what is collected, selected, shown and reported."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from pytest_oneroof.pack import bundled

Run = Callable[..., pytest.RunResult]
TWO = "--oneroof-suite=coverage,isolation"


def test_runs_default_suites_in_empty_folder(run_oneroof: Run) -> None:
    """In an empty folder all default suites run, each check proved clean."""
    result = run_oneroof("--oneroof-clone")
    assert result.ret == 0, result.stdout.str()
    names = [suite.name for suite in bundled().suites if suite.default]
    result.stdout.fnmatch_lines(
        [
            "oneroof: embedded PostgreSQL 16 (default) in * (--oneroof-cache-dir)",
            "oneroof: clone directus_gov_test_* on PostgreSQL 16.*, closed to others*",
            "oneroof: clone's phase seeded + scanned",
            "oneroof: production directus on PostgreSQL 16.*(stand-in)",
            "oneroof: phase greenfield; gate BLOCKED (ospa<1;)",
            f"oneroof: suites {', '.join(names)} (default)",
            "coverage   26/26",
            "isolation  8/8",
            "proof * 0 committed by checks; put back: *",
            "state      entry = exit (19 figures, sequences, schema)*",
            "verdict: GO *",
        ],
    )


def test_tells_three_lines_when_quiet(run_oneroof: Run) -> None:
    """With -q the section is three lines: suites, proof, verdict."""
    result = run_oneroof("--oneroof-clone", TWO, "-q")
    assert result.ret == 0
    lines = [line for line in result.outlines if line and "[100%]" not in line]
    assert lines[-4] == "coverage 26/26 · isolation 8/8"
    assert lines[-3].startswith("34 clean of 34 checks; ")
    assert lines[-2].startswith("verdict: GO ")
    assert lines[-1].startswith("34 passed in ")


def test_selects_suites(run_oneroof: Run) -> None:
    """--oneroof-suite selects; an unknown name is a usage error that lists all."""
    run_oneroof("--oneroof-clone", "--oneroof-suite=isolation").assert_outcomes(
        passed=8
    )
    result = run_oneroof("--oneroof-clone", "--oneroof-suite=coverge")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = "*no suite is called coverge; the pack 'oneroof' has: coverage, *"
    result.stderr.fnmatch_lines([told])


def test_printed_ids_can_be_pasted_back(run_oneroof: Run) -> None:
    """An id as printed, also of a module alone, selects exactly its items."""
    nodeid = "oneroof/test_coverage.py::test_owner_gap[r1.2]"
    result = run_oneroof("--oneroof-clone", "-v", nodeid, "oneroof/test_isolation.py")
    result.assert_outcomes(passed=9)
    assert f"{nodeid} PASSED" in result.stdout.str()
    result.stdout.fnmatch_lines(["*collected 9 items"])
    result.stdout.fnmatch_lines(["oneroof/test_isolation.py::test_k1*"])
    whole = run_oneroof("--oneroof-clone", "oneroof/", "-k", "r7.1 or k3")
    whole.assert_outcomes(passed=2)
    result = run_oneroof("--oneroof-clone", "oneroof/test_coverage.py::test_absent")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no shipped check matches: *test_absent"])


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_selects_by_keyword(run_oneroof: Run, workers: str) -> None:
    """-k works on shipped ids, serial and distributed."""
    result = run_oneroof("--oneroof-clone", TWO, "-k", "r7.1 or k3", workers)
    assert result.parseoutcomes()["passed"] == 2


def test_workers_report_as_serial(run_oneroof: Run) -> None:
    """Under -n 2 the merged section equals the serial one but for ids and clones."""
    told = []
    for workers in ("-n0", "-n2"):
        result = run_oneroof("--oneroof-clone", TWO, workers)
        result.assert_outcomes(passed=34)
        told.append([line for line in result.outlines if line[:10].strip() in SECTION])
    serial, distributed = told
    assert serial[:2] == distributed[:2]
    assert [line.split("; ")[0] for line in serial[2:3]] == [
        line.split("; ")[0] for line in distributed[2:3]
    ]
    assert "2 clones: entry = exit (19 figures" in distributed[3]


SECTION = ("coverage", "isolation", "proof", "state")


def test_own_tests_join(run_oneroof: Run, pytester: pytest.Pytester) -> None:
    """Own tests that use the clone run beside the suites; others are deselected."""
    pytester.makepyfile(
        """
        def test_uses(oneroof_clone):
            oneroof_clone.execute("DELETE FROM governance_docs")

        def test_again(oneroof_clone):
            query = "SELECT count(*) FROM governance_docs"
            assert oneroof_clone.execute(query).fetchone() == (12,)

        def test_other():
            pass
        """
    )
    result = run_oneroof("--oneroof-clone", "--oneroof-suite=isolation")
    result.assert_outcomes(passed=10, deselected=1)
    result.stdout.fnmatch_lines(["own tests  2/2"])


def test_paths_given_run_alone(run_oneroof: Run, pytester: pytest.Pytester) -> None:
    """With a path only that runs, unless --oneroof-suite adds suites."""
    pytester.makepyfile("def test_plain(): pass\ndef test_uses(oneroof_clone): pass")
    path = "test_paths_given_run_alone.py"
    run_oneroof("--oneroof-clone", path).assert_outcomes(passed=2)
    result = run_oneroof("--oneroof-clone", path, "--oneroof-suite=isolation")
    result.assert_outcomes(passed=10)


def test_tells_how_to_run_without_the_option(
    run_oneroof: Run, pytester: pytest.Pytester
) -> None:
    """Without --oneroof-clone a test that asks for the clone is skipped, saying how."""
    pytester.makepyfile("def test_uses(oneroof_clone): pass")
    result = run_oneroof("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*needs a clone: run pytest --oneroof-clone*"])


def test_junit_holds_the_proof(run_oneroof: Run, pytester: pytest.Pytester) -> None:
    """junit names the shipped checks, and holds each proof in the properties."""
    run_oneroof("--oneroof-clone", "oneroof/test_coverage.py", "--junitxml=j.xml")
    cases = ET.parse(pytester.path / "j.xml").getroot().findall(".//testcase")
    assert len(cases) == 26
    assert cases[0].get("classname") == "oneroof.test_coverage"
    assert str(cases[0].get("name")).endswith("[r1.1]")
    properties = {p.get("name"): p.get("value") for p in cases[0].iter("property")}
    assert properties["oneroof_verdict"] == "clean"
    assert properties["oneroof_constraints"] == "checked"
    assert properties["oneroof_left"] == "nothing"


def test_strict_fails_what_was_put_back(
    run_oneroof: Run, pytester: pytest.Pytester
) -> None:
    """A moved sequence is put back and told; with --oneroof-strict it is an error."""
    pytester.makepyfile(
        """
        def test_moves(oneroof_clone):
            oneroof_clone.execute("SELECT nextval('system_issues_id_seq')")
        """
    )
    path = "test_strict_fails_what_was_put_back.py"
    result = run_oneroof("--oneroof-clone", path)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["proof *put back: 1 sequence"])
    result = run_oneroof("--oneroof-clone", "--oneroof-strict", path)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*put back: sequence public.system_issues_id_seq: before *"]
    )


def test_checks_deferred_constraints(
    run_oneroof: Run, pytester: pytest.Pytester
) -> None:
    """A violated deferred constraint fails the check, unless its marker opts out."""
    pytester.makepyfile(
        """
        import pytest

        def violate(connection):
            connection.execute(
                "CREATE TABLE once (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)"
            )
            connection.execute("INSERT INTO once VALUES (1), (1)")

        def test_violates(oneroof_clone):
            violate(oneroof_clone)

        @pytest.mark.oneroof(constraints=False)
        def test_opts_out(oneroof_clone):
            violate(oneroof_clone)
        """
    )
    result = run_oneroof("--oneroof-clone", "test_checks_deferred_constraints.py")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*a deferred constraint is violated: *once*"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--oneroof-suite=coverage"], "--oneroof-suite needs a target"),
        (["--oneroof-clone-url=x"], "--oneroof-clone-url needs --oneroof-clone"),
        (["--oneroof-clone", "--oneroof-pg-version=14"], "PostgreSQL 15 to 18"),
        (["--oneroof-clone", "--oneroof-pg-version=x"], "must be a whole number"),
    ],
    ids=["suite", "url", "version", "number"],
)
def test_wrong_use(run_oneroof: Run, arguments: list[str], said: str) -> None:
    """Settings that contradict each other are usage errors that name them."""
    result = run_oneroof(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}*"])


def test_wrong_marker(run_oneroof: Run, pytester: pytest.Pytester) -> None:
    """A marker with an unknown isolation or without a reason is an error."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.oneroof(isolation="none")
        def test_unknown(oneroof_clone): pass
        """
    )
    result = run_oneroof("--oneroof-clone", "test_wrong_marker.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*isolation is one of rollback, savepoint, database*"])
