"""Every check of the shipped suites is seen failing, by the shipped catalogs.

Those hold what each check has to say. The pipeline's, whose every fault takes the time
of the whole machine, is seen in `tests/suites/test_pipeline_fail.py`. Of the default
suites' generated faults each twelfth is made here; all of them by the command in
docs/controls.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

Run = Callable[..., pytest.RunResult]
REHEARSALS = "SELECT datname FROM pg_database WHERE datname ~ '_rehearsal_'"

SAMPLE = """
def pytest_collection_modifyitems(config, items):
    made = [i for i in items if getattr(getattr(i, "fault", None), "generated", False)]
    left = [item for number, item in enumerate(made) if number % 12]
    items[:] = [item for item in items if item not in left]
    config.hook.pytest_deselected(items=left)
"""


def idle(verdict: Any) -> set[str]:
    """Return the checks that noticed none of the listed faults."""
    faults = [f for f in verdict["controls"]["faults"] if not f["generated"]]
    busy = {check for fault in faults for check in fault["killed_by"]}
    suites = verdict["suites"]
    return {f"{s['name']}:{c['id']}" for s in suites for c in s["checks"]} - busy


@pytest.mark.parametrize(
    ("suites", "checks", "faults"),
    [
        pytest.param((), 139, 250, id="default"),
        pytest.param(("axis_substrate",), 122, 120, id="axis_substrate"),
        pytest.param(("release",), 127, 54, id="release"),
    ],
)
def test_every_check_is_seen_failing(
    pytester: pytest.Pytester,
    run_alone: Run,
    lone_server: EmbeddedServer,
    suites: tuple[str, ...],
    checks: int,
    faults: int,
) -> None:
    """All faults are killed, no check is idle or unseen, nothing is left."""
    chosen = (f"--oneroof-suite={','.join(suites)}",) if suites else ()
    if not suites:
        pytester.makeconftest(SAMPLE)
    result = run_alone("--oneroof-controls", "--oneroof-report", "out", *chosen)
    assert result.ret == 0
    (told,) = (line for line in result.outlines if line.startswith("controls: "))
    found = re.fullmatch(
        r"controls: (\d+) of \1 faults noticed(; \d+ explained)?", told
    )
    assert found, told
    assert int(found[1]) >= faults
    outcomes = result.parseoutcomes()
    assert outcomes.keys() <= {"passed", "deselected"}
    verdict = (pytester.path / "out" / "verdict.json").read_text(encoding="utf-8")
    assert idle(json.loads(verdict)) == set()
    assert outcomes["passed"] >= checks + int(found[1])
    result.stdout.fnmatch_lines(["verdict: GO (clone)"])
    # A suite that goes by steps of its own has no proof of the run's clone to tell.
    left = [line for line in result.outlines if line.startswith("left behind: ")]
    assert all(line.startswith("left behind: nothing (") for line in left)
    assert left or suites
    with connect(lone_server.url("postgres")) as admin:
        assert admin.execute(REHEARSALS).fetchall() == []
