"""Distribution to xdist workers: suites that go step by step stay on one."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from pytest_oneroof.run import suites as shipped

STEPPED = frozenset({"axis_substrate", "release"})


def make_scheduler(config: pytest.Config, log: Any) -> SuiteScheduling:
    """Return the scheduler of a run that has a stepped suite, whatever --dist says."""
    return SuiteScheduling(config, log)


class SuiteScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out each item by itself, but a stepped suite as a whole, in order."""

    def _split_scope(self, nodeid: str) -> str:
        suite = shipped.suite_of(nodeid)
        return suite if suite in STEPPED else nodeid
