"""The verdict: what evidence opens which target, and what none ever opens."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pytest_oneroof import resources
from pytest_oneroof.evidence.facts import UNCOVERED, Check, Gate, RunFacts
from pytest_oneroof.evidence.verdict import WORDS, Row, Verdict
from pytest_oneroof.report.objectives import objective_lines
from pytest_oneroof.report.report import made_of, report_files
from pytest_oneroof.section import Section

from . import runs

SUITES = ("coverage", "isolation", "axis", "events", "dot", "contract", "gate")


def words(verdict: Verdict) -> dict[str, str]:
    """Return the status word of each objective and of each row, by its code."""
    found = {row.code: row.status for row in verdict.objectives}
    for matrix in verdict.matrices:
        found |= {row.code: row.status for row in matrix.rows}
    return found


def row_of(verdict: Verdict, code: str) -> Row:
    """Return an objective or a row by its code."""
    rows = [*verdict.objectives, *(row for m in verdict.matrices for row in m.rows)]
    return next(row for row in rows if row.code == code)


def schema(name: str) -> Any:
    """Return one of the two schemas."""
    return resources.read_json(f"fixtures/verdict/{name}.schema.json")


# ---------------------------------------------------------------------- what is said


def test_run_on_the_clone() -> None:
    """A whole run with the stand-in: the clone's targets are GO, no production's is."""
    verdict = runs.judge(runs.clone_run())
    assert (verdict.status, verdict.target, verdict.reasons) == ("GO", "clone", ())
    assert words(verdict) == {
        "production safety": "not checked",
        "clone isolation": "GO",
        "A": "GO",
        "B": "GO",
        "C": "GO",
        "D": "GO",
        "E": "GO",
        "F": "not checked",
        "G": "RETAINED",
        "rerun": "GO",
        "axis": "GO",
        "events": "GO",
        "dot": "GO",
        "substrate clone": "not checked",
        "seed": "not checked",
        "candidates": "NO-GO",
        "emit": "NO-GO",
        "daemon": "NO-GO",
        "substrate": "NO-GO",
        "dot execution": "NO-GO",
        "executor": "not checked",
        "rollback": "not checked",
        "verification": "not checked",
        "monitor": "GO",
        "option 3": "REJECTED",
        "clone": "RETAINED",
        "human gate": "not checked",
        "tiers": "not checked",
        "acceptance": "not checked",
        "production-shaped clone": "NO-GO",
        "checks": "GO",
    }
    reason = (
        "no production was read; a stand-in is none "
        "(to show it: --oneroof-production-url URL)"
    )
    assert row_of(verdict, "production safety").reason == reason
    assert row_of(verdict, "human gate").reason == reason
    assert row_of(verdict, "executor").reason == (
        "suite release did not run on a clone; no tier of the release ran "
        "(to show it: --oneroof-suite release)"
    )


def test_rehearsed_release_is_held() -> None:
    """A rehearsed release is HELD at a closed gate, and its tiers NO-GO by blocker."""
    facts = runs.with_production(runs.released(), "BLOCKED", "ospa<1;")
    verdict = runs.judge(facts)
    found = words(verdict)
    assert (found["F"], found["executor"], found["human gate"]) == (
        "HELD",
        "HELD",
        "CLOSED",
    )
    assert (found["rollback"], found["verification"]) == ("GO", "GO")
    assert (found["tiers"], found["seed"]) == ("NO-GO", "NO-GO")
    assert row_of(verdict, "tiers").reason == "gate BLOCKED (ospa<1;)"
    assert row_of(verdict, "human gate").reason == (
        "only people open it: gate BLOCKED (ospa<1;)"
    )
    assert found["production safety"] == "GO"


def test_open_gate_of_a_production() -> None:
    """A gate read READY on a real production opens seed and tiers, nothing further."""
    found = words(runs.judge(runs.with_production(runs.released(), "READY")))
    assert {found[c] for c in ("seed", "tiers", "executor", "F", "human gate")} == {
        "GO"
    }
    closed = ("candidates", "emit", "daemon", "substrate", "dot execution")
    assert {found[code] for code in closed} == {"NO-GO"}
    assert found["option 3"] == "REJECTED"


def test_substrate_on_a_clone_only_marked_isolated_and_droppable() -> None:
    """On a clone the substrate is GO while K2, K6 and K7 hold; on production never."""
    facts = runs.with_production(runs.released(), "READY")
    assert words(runs.judge(facts))["substrate clone"] == "GO"
    for ident in ("k2", "k6", "k7"):
        checks = tuple(
            replace(c, outcome="failed") if c.ident == ident else c
            for c in facts.checks
        )
        found = runs.judge(replace(facts, checks=checks))
        assert words(found)["substrate clone"] == "NO-GO"
        assert f"{ident.upper()} of isolation: 1 of 1 failed" in (
            row_of(found, "substrate clone").reason
        )
    assert words(runs.judge(facts))["substrate"] == "NO-GO"


def test_run_without_any_production() -> None:
    """On a user's own server there may be no production at all, nor a stand-in."""
    row = row_of(runs.judge(runs.clone_run(production="none")), "production safety")
    assert (row.status, row.reason) == (
        "not checked",
        "no production was read (to show it: --oneroof-production-url URL)",
    )


def test_acceptance_speaks_of_production_alone() -> None:
    """Checks read on production open its acceptance, and nothing of a clone."""
    facts = runs.with_production(
        runs.clone_run(
            target="production",
            checks=runs.suites("coverage", where="production"),
            states=(),
            cells=(),
        ),
        "BLOCKED",
        "ospa<1;",
    )
    verdict = runs.judge(facts)
    found = words(verdict)
    assert (verdict.target, found["acceptance"]) == ("production", "GO")
    assert (found["production safety"], found["human gate"]) == ("GO", "CLOSED")
    assert found["A"] == "not checked"
    assert row_of(verdict, "A").reason == (
        "suite coverage did not run on a clone; no ownership was read "
        "(to show it: --oneroof-clone)"
    )


def test_what_ran_on_the_clone_accepts_no_production() -> None:
    """Coverage on the clone is none on production, though production was read."""
    verdict = runs.judge(
        runs.with_production(runs.clone_run(), "BLOCKED", "ospa<1;"), runs.PLAN
    )
    assert words(verdict)["acceptance"] == "not checked"
    assert row_of(verdict, "acceptance").reason == (
        "suite coverage, what reads of it did not run on a production "
        "(to show it: -m readonly)"
    )


def test_failed_check_is_told_by_its_figures() -> None:
    """A failed check makes its objective NO-GO, told by what was expected and found."""
    verdict = runs.judge(runs.failing(runs.clone_run(), "r1.2"))
    assert verdict.status == "NO-GO"
    row = row_of(verdict, "A")
    assert row.status == "NO-GO"
    assert row.reason == "suite coverage: 1 of 26 failed: r1.2 (gap 1 instead of 0)"
    assert objective_lines(verdict) == [
        "objectives GO clone isolation, B, C, D, E; RETAINED G; "
        "not checked production safety, F",
        "unchecked  production safety by --oneroof-production-url URL; F by "
        "--oneroof-suite release",
        f"objective  NO-GO A (Coverage regression suite): {row.reason}",
    ]


def test_broken_action_is_a_line_of_its_own() -> None:
    """A forbidden action that the run shows to have been done is told at the end."""
    lines = objective_lines(runs.judge(runs.failing(runs.clone_run(), "r5.3")))
    assert lines[-1] == (
        "forbidden  Automatic activation of event emission: R5.3 of coverage: 1 of 1 "
        "failed: r5.3 (gap 1 instead of 0)"
    )


def test_open_cells_are_named() -> None:
    """An open cell fails objective A by name, and a failed run names it too."""
    facts = runs.clone_run(cells=runs.cells("agents/audit", "tasks/policy"))
    row = row_of(runs.judge(facts), "A")
    assert (row.status, row.reason) == (
        "NO-GO",
        "2 of 6 cells without an owner: agents/audit, tasks/policy",
    )
    verdict = runs.judge(runs.failing(facts, "r1.2"))
    assert objective_lines(verdict)[-1] == (
        "open       2 cells: agents/audit, tasks/policy"
    )
    assert verdict.reasons == (
        "oneroof/test_coverage.py::test_it[r1.2] failed",
        "2 open cells: agents/audit, tasks/policy",
    )


@pytest.mark.parametrize("name", SUITES)
def test_suite_that_did_not_run_whole(name: str) -> None:
    """With one check of a suite less, what needs it is not shown; with none, too."""
    facts = runs.clone_run()
    own = [c for c in facts.checks if c.suite == name]
    others = tuple(c for c in facts.checks if c.suite != name)
    whole = words(runs.judge(facts))
    for kept in (own[1:], []):
        verdict = runs.judge(replace(facts, checks=(*others, *kept)))
        lost = {c for c, word in words(verdict).items() if word != whole[c]}
        assert lost, name
        for code in lost:
            row = row_of(verdict, code)
            assert row.status == "not checked"
            assert "only" in row.reason or "did not run" in row.reason, row


def test_dirty_proof_fails_its_suite() -> None:
    """A check that passed but left something is a failed one."""
    facts = runs.dirty(runs.clone_run())
    verdict = runs.judge(facts)
    assert row_of(verdict, "A").reason == (
        "suite coverage: 1 of 26 failed: r1.1 "
        "(content table public.agents: before 6 rows, after 5 rows)"
    )
    assert row_of(verdict, "G").reason == "not clean: one"
    assert {a.state for a in verdict.compliance if "dispatch" in a.action} == {"broken"}


def test_exit_that_differs_from_entry() -> None:
    """A figure that moved makes isolation NO-GO, and the clone is not retained."""
    facts = runs.clone_run(states=(runs.state("clone", "own was 30 at entry, is 29"),))
    verdict = runs.judge(facts)
    assert row_of(verdict, "clone isolation").reason == (
        "clone_db: own was 30 at entry, is 29"
    )
    assert words(verdict)["clone"] == "NO-GO"
    island = next(a for a in verdict.compliance if "island" in a.action)
    assert island.state == "broken"


# ------------------------------------------------------- what nothing on a clone opens


def places(production: str) -> st.SearchStrategy[str]:
    """Return the places at which a check may have been measured."""
    return st.sampled_from(["clone", "package", production])


@st.composite
def runs_without_production(draw: st.DrawFn) -> RunFacts:
    """Return any run in which no production was read, however green."""
    ready = Gate(
        "READY", "", draw(st.sampled_from(["clone", "stand-in", "production"]))
    )
    names = draw(st.sets(st.sampled_from([*SUITES, "release", "axis_substrate"])))
    where = draw(places("stand-in"))
    checks: tuple[Check, ...] = runs.suites(*sorted(names))
    checks += runs.suites("production", "coverage", where=where)
    return runs.clone_run(
        target=draw(st.sampled_from(["clone", "production"])),
        checks=checks,
        gate=draw(st.sampled_from([None, ready])),
        tiers=runs.tiers(where=draw(places("stand-in"))),
        states=(runs.state(draw(places("stand-in"))),),
    )


@given(runs_without_production())
@settings(max_examples=60, deadline=None)
def test_nothing_without_a_production_opens_one(facts: RunFacts) -> None:
    """Without a production read no production target is GO, whatever else passed."""
    verdict = runs.judge(facts)
    rows = [*verdict.objectives, *(r for m in verdict.matrices for r in m.rows)]
    targets = {r.code for r in rows if r.target in ("production", "anywhere")}
    assert len(targets) > 9
    closed = {"NO-GO", "not checked", "REJECTED"}
    assert {words(verdict)[code] for code in targets} <= closed
    claim = next(a for a in verdict.compliance if a.action.startswith("Claim"))
    assert claim.state == "shown"


def test_declaration_cannot_let_a_clone_open_a_production() -> None:
    """A declared row that asks for a clone's evidence alone is never GO."""
    plan = copy.deepcopy(dict(runs.PLAN))
    case = {"status": "GO", "when": ["coverage suite"]}
    row = {
        "code": "x",
        "title": "Go",
        "target": "production",
        "gate": "",
        "cases": [case],
    }
    plan["objectives"] = [row]
    (found,) = runs.judge(
        runs.with_production(runs.released(), "READY"), plan
    ).objectives
    assert (found.status, found.reason) == (
        "not checked",
        "nothing of it was measured on a production",
    )


# ------------------------------------------------------------------ forbidden actions


def test_every_forbidden_action_is_told() -> None:
    """All actions are listed; with a production read, only four cannot be shown."""
    verdict = runs.judge(
        runs.with_production(runs.released(), "BLOCKED", "ospa<1;"), runs.PLAN
    )
    assert len(verdict.compliance) == 19
    assert [a.action for a in verdict.compliance if a.state != "shown"] == [
        "Production write: handler",
        "Production write: Qdrant, Nuxt or another interface",
        "Unbounded scan of single objects (birth_registry)",
    ]
    assert all(a.state != "broken" and a.reason for a in verdict.compliance)


def test_assigned_transaction_id_breaks_production_writes() -> None:
    """One transaction id assigned on production breaks every production write shown."""
    facts = runs.with_production(runs.released(), "BLOCKED", "ospa<1;")
    last = facts.checks[-1]
    assert last.where == "production"
    wrote = replace(last, proof=runs.proved(last.nodeid, ids=1))
    verdict = runs.judge(replace(facts, checks=(*facts.checks[:-1], wrote)))
    broken = [a for a in verdict.compliance if a.state == "broken"]
    assert len(broken) == 9
    assert all(a.action.startswith("Production write") for a in broken)
    assert all("1 transaction ids were assigned" in a.reason for a in broken)
    assert words(verdict)["production safety"] == "NO-GO"


# ------------------------------------------------------------------------ the document


def test_declared_data_is_valid() -> None:
    """What is declared fits its schema; every evidence named is declared, and used."""
    for name in ("declared", "verdict"):
        Draft202012Validator.check_schema(schema(name))
    plan = runs.PLAN
    Draft202012Validator(schema("declared")).validate(plan)
    rows = [*plan["objectives"], *(row for m in plan["matrices"] for row in m["rows"])]
    asked = {n for row in rows for case in row.get("cases", ()) for n in case["when"]}
    ways = [way for entry in plan["forbidden"] for way in entry["shown_by"]]
    asked |= {name for way in ways for name in way}
    assert asked == set(plan["evidence"])
    codes = [row["code"] for row in rows]
    assert len(codes) == len(set(codes))
    assert resources.path(plan["heat_map"]).is_file()


def test_ruling_may_not_be_go() -> None:
    """What is decided without evidence can only be decided against."""
    plan = copy.deepcopy(dict(runs.PLAN))
    row = {"code": "x", "title": "t", "target": "production", "gate": "", "reason": "r"}
    plan["objectives"] = [row | {"ruling": "GO"}]
    assert not Draft202012Validator(schema("declared")).is_valid(plan)
    plan["objectives"] = [row | {"ruling": "NO-GO"}]
    assert Draft202012Validator(schema("declared")).is_valid(plan)


@pytest.mark.parametrize(
    "facts",
    [
        runs.clone_run(),
        runs.with_production(runs.released(), "READY"),
        runs.dirty(runs.failing(runs.released(), "r1.2")),
        runs.clone_run(cells=(), states=(), gate=None, checks=()),
    ],
    ids=["clone", "released", "failed", "nothing"],
)
def test_document_fits_its_schema(facts: RunFacts) -> None:
    """The document of any run validates, and holds the seven status words only."""
    told = json.loads(json.dumps(runs.told_of(facts)))
    Draft202012Validator(schema("verdict")).validate(told)
    rows = [*told["objectives"], *(row for m in told["matrices"] for row in m["rows"])]
    assert {row["status"] for row in rows} <= set(WORDS)


def test_schema_refuses_another_document() -> None:
    """The schema takes no key beside, none less, and no other version."""
    validator = Draft202012Validator(schema("verdict"))
    facts = runs.released()
    told = json.loads(json.dumps(runs.told_of(facts)))
    for key in told:
        assert not validator.is_valid({k: v for k, v in told.items() if k != key}), key
    assert not validator.is_valid(told | {"beside": 1})
    assert not validator.is_valid(told | {"version": 1})


def files_of(facts: RunFacts) -> dict[str, str]:
    """Return the texts of a run's three files, by name."""
    made = report_files(runs.told_of(facts))
    return {name: data.decode() for name, data in made.items()}


def test_report_is_made_of_its_document_alone() -> None:
    """Page and comment come out the same, byte for byte, from verdict.json."""
    for facts in (runs.dirty(runs.released()), runs.clone_run()):
        files = report_files(runs.told_of(facts))
        told = json.loads(files["verdict.json"])
        assert list(files) == ["verdict.json", "verdict.md", "report.html"]
        assert made_of(told) == {k: v for k, v in files.items() if k in made_of(told)}
    assert told["verdict"] == {"status": "GO", "target": "clone", "reasons": []}


def test_password_is_never_written() -> None:
    """No text of any of the files holds a password of a URL."""
    url = "postgresql://reader:s3cret@host/directus"
    facts = runs.failing(runs.clone_run(), "r1.2")
    told = replace(facts.checks[0], message=f"could not read {url}", outcome="failed")
    facts = replace(
        facts,
        checks=(told, *facts.checks[1:]),
        reasons=(f"{url} failed",),
        run=(runs.Told("production", url, "x"),),
    )
    for text in files_of(facts).values():
        assert "s3cret" not in text
        assert "host/directus" in text


# ------------------------------------------------------------------------ the Markdown


def test_markdown_of_a_failed_run() -> None:
    """The comment tells verdict, failures and open cells first, matrices folded."""
    facts = runs.clone_run(cells=runs.cells("agents/audit"))
    facts = runs.failing(facts, "r1.2")
    text = files_of(facts)["verdict.md"]
    lines = text.splitlines()
    checks = len(facts.checks)
    assert lines[0] == f"## 🔴 NO-GO (clone): {checks - 1} of {checks} checks passed"
    assert "**1 of 6 cells are open:** agents/audit" in lines
    found = next(
        n for n, line in enumerate(lines) if "gap: expected 0, found 1" in line
    )
    assert found < next(n for n, line in enumerate(lines) if "| Objective" in line)
    assert text.count("<details>") == text.count("</details>") > 1
    assert "What had no room here stands in report.html." in lines


def test_markdown_is_short() -> None:
    """Whatever a run found, the comment has fewer than sixty lines, the worst first."""
    bad = [
        replace(check, outcome="failed", message="lost\n" * 99, figures=())
        for check in runs.clone_run().checks
    ]
    wide = tuple(Section(f"part {n}", "", ("a",), (("b",),) * 40) for n in range(9))
    facts = runs.clone_run(
        checks=tuple(bad),
        cells=runs.cells("agents/audit"),
        reasons=tuple(f"reason {n}" for n in range(99)),
        notes=tuple(f"{UNCOVERED}: {n}" for n in range(99)),
        sections=wide,
    )
    for one in (facts, runs.clone_run(), runs.dirty(runs.released())):
        lines = files_of(one)["verdict.md"].splitlines()
        assert len(lines) < 60
        assert any(line.startswith("| Objective") for line in lines)
    lines = files_of(facts)["verdict.md"].splitlines()
    assert lines[2] == "- reason 0"
    assert "part 0" not in "".join(lines)


def test_markdown_is_not_broken_by_what_it_tells() -> None:
    """A claim or message with pipes, tags and line ends stays one cell of its table."""
    facts = runs.failing(runs.clone_run(), "r1.2")
    nasty = "a | b\n</details><b>`x` @all"
    broken = tuple(
        replace(c, claim=nasty, message=nasty, figures=()) if c.failed else c
        for c in facts.checks
    )
    text = files_of(replace(facts, checks=broken))["verdict.md"]
    (line,) = [x for x in text.splitlines() if "it&#91;r1.2&#93;" in x and "|" in x]
    assert line.count("|") == 5
    assert "</details><b>" not in text
    assert "&#60;b&#62;" in text
    assert "@all" not in text
