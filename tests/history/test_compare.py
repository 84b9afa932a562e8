"""Two runs compared, and many: what moved, what is flaky, what was accepted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pytest_oneroof.history.compare import (
    changes,
    last_accepted,
    last_run,
    reasons_against,
)
from pytest_oneroof.history.entry import shape_error, target_name
from pytest_oneroof.history.series import flaky, series_of, sparkline
from pytest_oneroof.history.since import since, since_line


def run(number: int = 1, **values: Any) -> dict[str, Any]:
    """Return a run as a history has it."""
    passed = ["test_a", "test_b"]
    failed: Sequence[str] = values.pop("failed", ())
    checks = {
        "passed": [name for name in passed if name not in failed],
        "failed": list(failed),
    }
    branch, base = values.pop("branch", ""), values.pop("base", "")
    origin = {"commit": values.pop("commit", "c0"), "changed": False}
    origin |= {"branch": branch, "base": base, "by": "", "pipeline": "", "meta": {}}
    return {
        "kind": "run",
        "number": number,
        "sha256": f"{number:064d}",
        "at": f"2026-12-{number:02d}T03:17:00Z",
        "verdict": "NO-GO" if failed else "GO",
        "target": "clone",
        "database": "shop",
        "reasons": [],
        "seconds": 1.5,
        "origin": origin,
        "suites": ["own tests"],
        "checks": {k: v for k, v in checks.items() if v},
        "objectives": {"coverage": "GO"},
        "gate": "BLOCKED",
        "figures": {"gap": 0},
        "organic": {"births": 100},
        "schema": "s0",
        **values,
    }


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (run(), ""),
        (run(gate=None), ""),
        ({"kind": "accepted", "run": 1, "at": "", "by": "", "reason": ""}, ""),
        ({"kind": "accepted", "run": "1"}, "run is missing, or of another type"),
        ({"kind": "other"}, "it is of kind 'other'"),
        ({}, "it is of kind None"),
        ({"kind": "run"}, "at is missing, or of another type"),
        (run(origin={}), "commit is missing, or of another type"),
        (run(verdict="MAYBE"), "its verdict is 'MAYBE'"),
        (run(figures={"gap": "0"}), "figures: gap is missing, or of another type"),
        (run(checks={"passed": [1]}), "checks: no names"),
        (
            run(checks={"passed": "abc"}),
            "checks: passed is missing, or of another type",
        ),
    ],
)
def test_line_that_is_neither_run_nor_acceptance(
    entry: dict[str, Any], told: str
) -> None:
    """What a line has to hold is looked at, its hash being right."""
    assert shape_error(entry) == told


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({}, []),
        ({"organic": {"births": 120}}, []),
        ({"gate": "READY"}, ["gate BLOCKED → READY"]),
        ({"gate": None}, []),
        ({"figures": {"gap": 1}}, ["figure gap 0 → 1"]),
        (
            {"figures": {"own": 3}},
            ["figure gap 0 → none", "figure own none → 3"],
        ),
        ({"figures": {}}, []),
        (
            {"schema": "s1"},
            ["the schema is another (oneroof fingerprint tells by what)"],
        ),
        ({"objectives": {"coverage": "NO-GO"}}, ["objective coverage GO → NO-GO"]),
        ({"objectives": {"coverage": "not checked"}}, []),
        ({"failed": ["test_a"]}, ["verdict GO → NO-GO", "now failing: test_a"]),
        ({"checks": {"passed": ["test_a"]}}, ["no longer there: 1 checks"]),
        ({"checks": {"passed": ["test_a"]}, "suites": ["gate"]}, []),
    ],
)
def test_what_changed(now: dict[str, Any], told: list[str]) -> None:
    """Each change is told; what only one of two runs looked at is none."""
    assert [str(change) for change in changes(run(), run(2, **now))] == told


def test_what_no_longer_fails() -> None:
    """A check that failed and passes is told."""
    told = [str(c) for c in changes(run(failed=["test_b"]), run(2))]
    assert told == ["verdict NO-GO → GO", "no longer failing: test_b"]


@pytest.mark.parametrize(
    ("history", "names"),
    [
        ([run(1), run(2, failed=["test_a"])], []),
        ([run(1), run(2, failed=["test_a"]), run(3)], ["test_a"]),
        ([run(1), run(2, failed=["test_a"], commit="c1")], []),
        (
            [run(1), run(2, failed=["test_a"], commit="c1"), run(3, commit="c2")],
            [],
        ),
        (
            [
                run(n, commit=f"c{n}", failed=["test_a"] if n % 2 else [])
                for n in range(1, 5)
            ],
            ["test_a"],
        ),
        ([run(1, commit=""), run(2, commit="", failed=["test_a"])], []),
        (
            [run(n, commit="", failed=["test_b"] if n == 2 else []) for n in (1, 2, 3)],
            ["test_b"],
        ),
        ([run(n, failed=["test_a"]) for n in (1, 2, 3)], []),
    ],
)
def test_what_is_flaky(history: list[Any], names: list[str]) -> None:
    """There and back on one commit, or once more: not what other code explains."""
    assert [one["check"] for one in flaky(history)] == names


def test_ten_runs_with_a_moved_figure_and_a_flaky_check() -> None:
    """The eleventh is told both, and which figure moved by itself."""
    ten = [
        run(
            n,
            failed=["test_b"] if n in (4, 7) else [],
            figures={"gap": 0 if n < 6 else 1},
            organic={"births": 100 + n},
        )
        for n in range(1, 11)
    ]
    now = run(11, organic={"births": 120}, figures={"gap": 2})
    told = since("shop-clone", ten, now)
    assert told["flaky"] == [{"check": "test_b", "failed": 2, "runs": 11}]
    assert {one["name"]: one["values"][-1] for one in told["series"]} == {
        "births": 120,
        "gap": 2,
    }
    assert since_line(told) == (
        "since run 10 (2026-12-10): figure gap 1 → 2; flaky: test_b"
    )
    assert told["number"] == 11


def test_first_run_has_nothing_before_it() -> None:
    """It is told so, and is no error."""
    told = since("shop-clone", [], run())
    assert (told["previous"], told["changes"]) == (None, [])
    assert since_line(told) == "history: the first run of shop-clone"


def test_merge_request_is_compared_with_its_base() -> None:
    """The last run of the base branch counts, where there is one."""
    entries = [
        run(1, branch="main", figures={"gap": 1}),
        run(2, branch="other", figures={"gap": 2}),
    ]
    now = run(3, branch="mine", base="main", figures={"gap": 3})
    assert since_line(since("t", entries, now)) == (
        "since run 1 of main (2026-12-01): figure gap 1 → 3"
    )
    alone = since("t", entries[1:], now)
    assert since_line(alone).startswith("since run 2 of other (2026-12-02): ")


def test_many_changes_are_counted() -> None:
    """The closing line stays one line."""
    before = run(figures={f"f{n}": 0 for n in range(9)})
    now = run(2, figures={f"f{n}": 1 for n in range(9)}, failed=["test_a", "test_b"])
    assert since_line(since("t", [before], now)) == (
        "since run 1 (2026-12-01): verdict GO → NO-GO; 9 figures moved; "
        "2 checks now failing"
    )


def test_production_is_held_to_what_was_accepted() -> None:
    """A NO-GO run accepts nothing; a person's acceptance does, whatever it found."""
    entries = [run(1), run(2, figures={"gap": 1}, verdict="NO-GO")]
    now = run(3, figures={"gap": 1}, gate="READY")
    assert reasons_against(last_accepted(entries), now) == [
        "gate BLOCKED → READY since the last accepted run (1, 2026-12-01T03:17:00Z)",
        "figure gap 0 → 1 since the last accepted run (1, 2026-12-01T03:17:00Z)",
    ]
    entries += [{"kind": "accepted", "number": 3, "run": 2}]
    assert last_run(entries) == entries[1]
    assert [r[:4] for r in reasons_against(last_accepted(entries), now)] == ["gate"]
    assert reasons_against(last_accepted([]), now) == []
    # An acceptance of what is no run releases nothing.
    entries += [
        {"kind": "accepted", "number": n, "run": r} for n, r in ((4, 9), (5, 3))
    ]
    assert last_accepted(entries) == entries[1]


def test_series_are_of_what_moved() -> None:
    """A figure that stood still has no line; a gap in one stays a gap."""
    found = series_of([run(1), run(2, figures={}), run(3, figures={"gap": 4})])
    assert [(one["name"], one["values"]) for one in found] == [("gap", [0, None, 4])]
    assert sparkline([0, None, 4, 2]) == "▁ █▄"
    assert sparkline([5, 5]) == "▁▁"
    assert sparkline([None]) == ""


def test_target_is_a_name_of_a_file() -> None:
    """Whatever a database is called."""
    assert target_name("shop", "production", "../Đơn hàng", "7") == (
        "shop-production-n_h_ng-7"
    )
