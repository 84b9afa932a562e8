"""Where a fault is made, and the checks under it get their connections."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pytest_oneroof.check.connection import GuardedConnection
from pytest_oneroof.clone.residue import Proof
from pytest_oneroof.controls.catalog import Fault
from pytest_oneroof.controls.changed import changed
from pytest_oneroof.controls.made import make
from pytest_oneroof.controls.touched import Touched, touched_by
from pytest_oneroof.errors import ResidueError
from pytest_oneroof.pack import Pack

if TYPE_CHECKING:
    from pytest_oneroof.check.sandbox import Sandbox


EXAMPLE = b"SAVEPOINT oneroof_example"
# A predicate that was turned may make a query endless: then the check fails by it.
PATIENCE = b"SET LOCAL statement_timeout = '5s'"
NO_EXAMPLE = b"ROLLBACK TO SAVEPOINT oneroof_example; RELEASE SAVEPOINT oneroof_example"


class Stage:
    """A place for faults; `name` is its own in what is told.

    `proof` is that of the last fault, where the place has one.
    """

    name = ""

    def __init__(self) -> None:
        self.proof: Proof | None = None

    def broken(
        self, fault: Fault | None, name: str
    ) -> AbstractContextManager[None]:  # pragma: no cover - abstract
        """Make a fault, none for a control, for the length of the block."""
        raise NotImplementedError

    def calling(self, item: pytest.Function) -> AbstractContextManager[None]:
        """Prepare what one call needs, for the length of the block."""
        return contextlib.nullcontext()

    def around(self, item: Any) -> AbstractContextManager[None]:
        """Do what a call needs when its fixtures are there."""
        return contextlib.nullcontext()

    def example(self) -> AbstractContextManager[None]:
        """Isolate one Hypothesis example of the called check."""
        return contextlib.nullcontext()

    def close(self) -> None:
        """Give back what the place has; idempotent."""


class GuardedStage(Stage):
    """The run's guarded transaction: a fault is made in it, and all is rolled back.

    `touched` is what the check called last has touched, where `watches`.
    """

    name = "guarded"

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.sandbox = sandbox
        self.watches = False
        self.touched = Touched()
        self._pgconn: Any = None
        self._connection: Any = None

    @contextlib.contextmanager
    def broken(self, fault: Fault | None, name: str) -> Iterator[None]:
        """Make a fault inside the guarded transaction, for the length of the block.

        Its proof is kept; raise ResidueError where it is not clean.
        """
        connection = self.sandbox.begin(name, constraints=False)
        self._connection = connection
        try:
            if fault is not None:
                if fault.generated:
                    connection.execute(PATIENCE)
                make(connection, fault)
            yield
        finally:
            self.proof = self.sandbox.finish()
        if self.proof.verdict != "clean":
            raise ResidueError(str(self.proof))

    def admits(self, fault: Fault) -> bool:
        """Tell whether the server takes a fault, in the transaction that is open.

        What it refuses is no fault: a text that says nothing, a rule that the rows
        there already break. What changes no row is none either.
        """
        assert self._connection is not None
        changed = True
        try:
            with self._connection.transaction(force_rollback=True):
                for statement in fault.does:
                    done = self._connection.execute(statement.encode())
                    changed = done.rowcount != 0
        except psycopg.Error:
            return False
        return changed

    @contextlib.contextmanager
    def connection(
        self, check: str, *, savepoints: bool = False, role: str = "", kind: type[Any]
    ) -> Iterator[Any]:
        """Hand out the connection of a check that is called under the fault."""
        with self.sandbox.nested(
            check, savepoints=savepoints, role=role, kind=kind
        ) as inner:
            inner.ward.remember = self.watches
            self._pgconn = inner.pgconn
            yield inner
            if self.watches and isinstance(inner, GuardedConnection):
                self.touched = touched_by(inner)

    def example(self) -> AbstractContextManager[None]:
        """Isolate one Hypothesis example of the called check."""
        return undone_example(self._pgconn)


@contextlib.contextmanager
def undone_example(pgconn: Any) -> Iterator[None]:
    """Undo one Hypothesis example to a savepoint; the fault's own proof is enough."""
    pgconn.exec_(EXAMPLE)
    try:
        yield
    finally:
        pgconn.exec_(NO_EXAMPLE)


def text_changed(fault: Fault | None, pack: Pack) -> AbstractContextManager[Any]:
    """Return a block in which the file that a fault changes is changed."""
    if fault is None or not fault.file:
        return contextlib.nullcontext()
    return changed(pack, fault.file, fault.old, fault.new)
