"""Every check of the shipped suites is seen failing, by the shipped catalogs.

Those hold what each check has to say. The pipeline's, whose every fault takes the time
of the whole machine, is seen in `tests/suites/test_pipeline_fail.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

Run = Callable[..., pytest.RunResult]
REHEARSALS = "SELECT datname FROM pg_database WHERE datname ~ '_rehearsal_'"


@pytest.mark.parametrize(
    ("suites", "checks", "faults"),
    [
        pytest.param((), 139, 290, id="default"),
        pytest.param(("axis_substrate",), 122, 120, id="axis_substrate"),
        pytest.param(("release",), 127, 54, id="release"),
    ],
)
def test_every_check_is_seen_failing(
    run_alone: Run,
    lone_server: EmbeddedServer,
    suites: tuple[str, ...],
    checks: int,
    faults: int,
) -> None:
    """All faults are killed, no check is idle or unseen, nothing is left."""
    chosen = (f"--oneroof-suite={','.join(suites)}",) if suites else ()
    result = run_alone("--oneroof-controls", *chosen)
    assert result.ret == 0
    (told,) = (line for line in result.outlines if line.startswith("controls: "))
    found = re.fullmatch(
        r"controls: (\d+) of \1 faults noticed(; \d+ change nothing)?", told
    )
    assert found, told
    assert int(found[1]) >= faults
    outcomes = result.parseoutcomes()
    assert outcomes == {"passed": outcomes["passed"]}
    assert outcomes["passed"] >= checks + int(found[1])
    result.stdout.fnmatch_lines(
        ["left behind: nothing (* as before)", "verdict: GO (clone)"]
    )
    with connect(lone_server.url("postgres")) as admin:
        assert admin.execute(REHEARSALS).fetchall() == []
