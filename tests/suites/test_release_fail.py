"""Every check of the release is seen failing, and no rehearsal clone is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_oneroof import resources
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

BREAKS = Path(__file__).with_name("release_breaks.py")
REHEARSALS = (
    "SELECT datname FROM pg_catalog.pg_database WHERE datname ~ '_rehearsal_'"
    " ORDER BY datname"
)
Run = Callable[..., pytest.RunResult]


def test_each_check_fails_by_name(
    pytester: pytest.Pytester, run_alone: Run, lone_server: EmbeddedServer
) -> None:
    """Each break is told by its check: every item of the suite has one."""
    listed = run_alone("--oneroof-suite", "release", "--collect-only", "-q")
    items = sum("test_release.py::" in line for line in listed.outlines)
    pytester.makepyfile(test_breaks=BREAKS.read_text(encoding="utf-8"))
    result = run_alone("test_breaks.py")
    # The inert shadow is broken in three ways.
    result.assert_outcomes(passed=items + 2)
    with connect(lone_server.url("postgres")) as admin:
        assert admin.execute(REHEARSALS.encode()).fetchall() == []


def test_every_stop_of_a_header_has_its_item() -> None:
    """Each step of both packets is stopped by something in its list of stops."""
    for name in ("full", "ownership"):
        data = resources.read_json(f"fixtures/release/{name}.json")
        plan = resources.read_json(f"sql/release/{name}/plan.json")
        stopped = {entry["step"] for entry in data["stops"]}
        steps = {s["step"] for s in (*plan["steps"], *plan["reads"], *plan["rollback"])}
        assert steps == stopped, name
