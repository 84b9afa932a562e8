"""A fault as a pytest item, so that -n, -k, -x and --junitxml work by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneroof.controls.catalog import Fault
from pytest_oneroof.controls.verdict import SURVIVED, Result, some
from pytest_oneroof.evidence.tally import FAULTS
from pytest_oneroof.run.keys import proofs_key

if TYPE_CHECKING:
    from pytest_oneroof.controls.plugin import ControlsPlugin

NODEID = FAULTS.removesuffix("::")
result_key: pytest.StashKey[Result] = pytest.StashKey()


class Survived(AssertionError):
    """Raised when a fault was not noticed by the checks that should have."""

    def __init__(self, result: Result) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        result = self.result
        lines = [f"{result.ident} survived: {result.breaks}"]
        missed = some(result.missed_by) or "no check of this run touches it"
        word = "one of these should have noticed" if result.generated else "not noticed"
        lines.append(f"  {word}: {missed}")
        if result.killed_by:
            lines.append(f"  noticed by: {', '.join(result.killed_by)}")
        if result.reason:
            lines.append(f"  {result.reason}")
        return "\n".join(lines)


class FaultItem(pytest.Item):
    """One fault: made, shown to the checks that must notice, and rolled back."""

    fault: Fault
    plugin: ControlsPlugin

    def runtest(self) -> None:
        """Make the fault, and call the checks; raise Survived where it is missed."""
        stage = self.plugin.stage_of(self.fault)
        try:
            result = self.plugin.try_fault(self.fault, stage, self.nodeid)
        finally:
            if stage.proof is not None:
                self.stash.setdefault(proofs_key, []).append(stage.proof)
        self.stash[result_key] = result
        self.user_properties.append(("oneroof_control", result.verdict))
        if result.verdict == SURVIVED:
            raise Survived(result)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Return a survivor's own words, without a traceback."""
        if isinstance(excinfo.value, Survived):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Return what pytest calls the item in its headings."""
        return NODEID, None, f"{NODEID}::{self.name}"


class FaultCollector(pytest.Collector):
    """All faults of a run."""

    plugin: ControlsPlugin
    faults: tuple[Fault, ...] = ()

    def collect(self) -> Iterator[FaultItem]:
        """Yield an item for each fault."""
        for fault in self.faults:
            item: FaultItem = FaultItem.from_parent(self, name=fault.ident)
            item.fault, item.plugin = fault, self.plugin
            yield item


def collect_faults(
    session: pytest.Session, plugin: ControlsPlugin, faults: tuple[Fault, ...]
) -> list[pytest.Item]:
    """Return the items of faults, with ids ``oneroof/controls::…``."""
    collector = FaultCollector.from_parent(session, name=NODEID, nodeid=NODEID)
    collector.plugin, collector.faults = plugin, faults
    return list(collector.collect())
