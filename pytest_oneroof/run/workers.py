"""Distribution to xdist workers: a suite that is ordered stays on one."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from pytest_oneroof.run import suites as shipped


def make_scheduler(
    config: pytest.Config, log: Any, ordered: frozenset[str]
) -> SuiteScheduling:
    """Return the scheduler of a run that has ordered suites, whatever --dist says."""
    scheduling = SuiteScheduling(config, log)
    scheduling.ordered = ordered
    return scheduling


class SuiteScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out each item by itself, but an ordered suite as a whole."""

    ordered: frozenset[str] = frozenset()

    def _split_scope(self, nodeid: str) -> str:
        suite = shipped.suite_of(nodeid)
        return suite if suite in self.ordered else nodeid
