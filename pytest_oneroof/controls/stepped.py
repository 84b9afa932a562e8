"""Faults of a suite that goes step by step, on the clone that it commits on.

Such a suite has a fixture that leads its clone through stages: its `broken(fault)` goes
to the stage that the fault names, makes the fault there, and undoes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pytest_oneroof.controls.catalog import Fault
from pytest_oneroof.controls.stages import Stage
from pytest_oneroof.errors import SettingsError


class SteppedStage(Stage):
    """The suite's own clone, at the stage that a fault names."""

    name = "stepped"

    def __init__(self) -> None:
        super().__init__()
        self._fault: Fault | None = None

    @contextlib.contextmanager
    def broken(self, fault: Fault | None, name: str) -> Iterator[None]:
        """Remember the fault: it is made when the suite's fixture is there."""
        self._fault = fault
        yield

    @contextlib.contextmanager
    def around(self, item: Any) -> Iterator[None]:
        """Make the fault at its stage, and roll it back after the call."""
        fault = self._fault
        if fault is None:
            yield
            return
        with journey_of(item, fault).broken(fault):
            yield


def journey_of(item: Any, fault: Fault) -> Any:
    """Return the fixture of a check that leads its clone through stages.

    Where there are several, the one whose `folder` holds the file that is changed.
    """
    found = [v for v in item.funcargs.values() if hasattr(v, "broken")]
    if not found:
        raise SettingsError(f"{item.nodeid} goes through no stages")
    fitting = [v for v in found if fault.file.startswith(getattr(v, "folder", "-"))]
    return (fitting or found)[0]
