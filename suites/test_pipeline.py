"""Pipeline suite: the pipeline's steps in any order, and its invariants; rolled back.

Not in the default run, as it takes longer than all of that: --oneroof-suite pipeline.
How many orders are tried is Hypothesis' own setting (`--hypothesis-profile`).
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from pytest_oneroof.suites.figures import Connection, row
from pytest_oneroof.suites.pipeline_machine import Pipeline

STEPS = 20


@row("any-order")
def test_invariants(oneroof_clone: Connection) -> None:
    """Whatever order the pipeline's steps are done in, its invariants hold."""
    machine = type("Pipeline", (Pipeline,), {"connection": oneroof_clone})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            deadline=None, stateful_step_count=STEPS, database=None, print_blob=True
        ),
    )
