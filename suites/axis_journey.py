"""The way of one rehearsal clone through the stages of the axis substrate.

A stage is a state that its committing files lead to. A check names the stage it is
about; the journey goes there, and no further. Where a step failed, every later check
fails too, and names that step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg
from pytest_oneroof.suites.governed import Governed, read_governed, same
from pytest_oneroof.suites.support import PACK, rows, sql

from pytest_oneroof import resources
from pytest_oneroof.clone.rehearsal import Fingerprint, Rehearsal
from pytest_oneroof.controls.catalog import Fault
from pytest_oneroof.controls.made import make
from pytest_oneroof.controls.stages import text_changed
from pytest_oneroof.redaction import redact

PLAN = resources.read_json("fixtures/axis_substrate.json")
ORDER = tuple(stage["name"] for stage in PLAN["stages"])
# Where the database has to be as it was before, and where that was.
MILESTONES = ("start", "drop", "again", "rollback", "last drop")

MakeClone = Callable[[], AbstractContextManager[Rehearsal]]


class Journey:
    """One rehearsal clone and the stage that it has reached. Close it at the end."""

    def __init__(self, make_clone: MakeClone, drop: str = PLAN["drop"]) -> None:
        assert_drop_script(resources.path(drop))
        self._make_clone = make_clone
        self._stack = contextlib.ExitStack()
        # The fault that a block is under, and the one that the clone has run.
        self._under = self._carries = ""
        self._begin()

    def _begin(self) -> None:
        self._stack.close()
        self.clone = self._stack.enter_context(self._make_clone())
        self.clone.connection.execute(
            "SELECT set_config('oneroof.axis_as_of', %s, false)", [PLAN["as_of"]]
        )
        self.governed: Governed = read_governed(self.clone.connection)
        self.prints: dict[str, Fingerprint] = {}
        self.failed = ""
        self._figures: dict[str, dict[str, Any]] = {}
        self.stage = "start"
        self._carries = ""
        self._remember()

    def close(self) -> None:
        """Drop the clone."""
        self._stack.close()

    def reach(self, stage: str) -> psycopg.Connection[Any]:
        """Bring the clone to a stage; return its connection, in autocommit.

        One that is past it begins anew. Raise AssertionError where a step failed,
        now or before, naming the first one that did.
        """
        is_past = ORDER.index(stage) < ORDER.index(self.stage)
        if is_past or self._carries not in ("", self._under):
            self._begin()
        while self.stage != stage:
            self._step(PLAN["stages"][ORDER.index(self.stage) + 1])
        return self.clone.connection

    @contextlib.contextmanager
    def trial(self, stage: str) -> Iterator[psycopg.Connection[Any]]:
        """Bring the clone to a stage, and roll back what the block does there."""
        connection = self.reach(stage)
        with connection.transaction(force_rollback=True):
            yield connection

    @contextlib.contextmanager
    def broken(self, fault: Fault) -> Iterator[None]:
        """Have a fault of the controls stand at its stage, for a block.

        What its statements do is rolled back. A file that it changes may be run by
        the check, which leads on: the clone then carries the fault, for the next
        check of the same one, and is made anew for whoever comes without it.
        """
        self._under = fault.ident
        try:
            with contextlib.ExitStack() as stack:
                if fault.does or fault.definition:
                    make(stack.enter_context(self.trial(fault.at)), fault)
                elif self._carries != fault.ident:
                    self.reach(fault.at)
                self._figures.clear()
                stack.callback(self._figures.clear)
                stack.enter_context(text_changed(fault, PACK))
                yield
        finally:
            self._under = ""
            if self.failed or self.stage != fault.at:
                self._carries = fault.ident

    def expect(self, stage: str, check: dict[str, Any]) -> None:
        """Assert the figures of one check at a stage."""
        __tracebackhide__ = True
        connection = self.reach(stage)
        query = check.get("query", stage)
        key = f"{stage} {query}"
        if key not in self._figures:
            self._figures[key] = read_figures(connection, query)
        self.compare(check, self._figures[key])

    def compare(self, check: dict[str, Any], found: dict[str, Any]) -> None:
        """Assert the figures of one check among those that were found."""
        __tracebackhide__ = True
        now = read_governed(self.clone.connection)
        for figure, expected in check["figures"].items():
            same(figure, resolve(expected, self.governed), found.get(figure), now)

    def _step(self, stage: dict[str, Any]) -> None:
        if self.failed:
            raise AssertionError(
                f"not reached, as an earlier step failed: {self.failed}"
            )
        for name in stage["files"]:
            try:
                self.clone.run(resources.path(name))
            except psycopg.Error as error:
                said = redact(str(error)).strip().splitlines()[0]
                self.failed = f"stage {stage['name']}, {Path(name).name}: {said}"
                raise AssertionError(f"step failed: {self.failed}") from error
        self.stage = stage["name"]
        self._remember()

    def _remember(self) -> None:
        if self.stage in MILESTONES:
            self.prints[self.stage] = self.clone.fingerprint()


def read_figures(connection: psycopg.Connection[Any], query: str) -> dict[str, Any]:
    """Return the figures of a stage, by name."""
    return dict(rows(connection, sql(f"axis/figures/{query}.sql")))


def assert_drop_script(file: Path) -> None:
    """Assert that the drop script is there: no build begins without its undo."""
    if not file.is_file():
        raise AssertionError(
            f"REFUSING to build: the drop script {file.name} is missing; nothing is "
            "committed that could not be dropped again"
        )


def resolve(expected: Any, governed: Governed) -> Any:
    """Return an expected value with its formulas computed.

    A text that begins with `=` is a sum of numbers and of objects, scopes, groups
    and cells as the baseline recorded them; `=members` and `=group names` are the
    recorded groups, with their sizes and without.
    """
    if isinstance(expected, dict):
        return {key: resolve(value, governed) for key, value in expected.items()}
    if isinstance(expected, list):
        return [resolve(value, governed) for value in expected]
    if not isinstance(expected, str) or not expected.startswith("="):
        return expected
    if expected == "=members":
        return dict(governed.members)
    if expected == "=group names":
        return sorted(governed.recorded["group"])
    total, sign = 0, 1
    for word in expected[1:].split():
        if word in "+-":
            sign = 1 if word == "+" else -1
        else:
            total += sign * (int(word) if word.isdigit() else getattr(governed, word))
    return total
