"""What pytest's own JUnit report does not hold: the checks that never ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

# pytest has no public name for it; asked for by its class, and left out where a
# later version calls it otherwise.
REPORTER = "LogXML"


def tell_unrun(config: pytest.Config, unrun: Mapping[str, str]) -> None:
    """Add each check that did not run to the JUnit report, as an error with its why.

    Without a JUnit report nothing is done.
    """
    for plugin in config.pluginmanager.get_plugins():
        if type(plugin).__name__ == REPORTER:
            for nodeid, why in unrun.items():
                plugin.pytest_runtest_logreport(_unrun(nodeid, why))


def _unrun(nodeid: str, why: str) -> Any:
    path = nodeid.partition("::")[0]
    name = nodeid.rpartition("::")[2]
    return pytest.TestReport(
        nodeid=nodeid,
        location=(path, None, name),
        keywords={},
        outcome="failed",
        longrepr=f"did not run: {why}",
        when="setup",
    )
