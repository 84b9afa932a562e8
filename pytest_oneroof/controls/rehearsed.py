"""Faults that the check role may not make, on a rehearsal clone.

The server's administrator makes a fault in a transaction, becomes the check role in
it, and all is rolled back: one clone serves all faults of a process.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pytest_oneroof.check.app_roles import quoted, stand_in_of
from pytest_oneroof.check.savepoint_mode import SAVEPOINT
from pytest_oneroof.check.ward import Ward
from pytest_oneroof.clone.guard import GuardedClone
from pytest_oneroof.clone.host import MAINTENANCE
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.rehearsal import Rehearsal, rehearsal, why_not
from pytest_oneroof.controls.catalog import Fault
from pytest_oneroof.controls.made import make
from pytest_oneroof.controls.stages import Stage, undone_example
from pytest_oneroof.postgres.connect import connect, with_database
from pytest_oneroof.postgres.stand_ins import read_stand_ins
from pytest_oneroof.run.clone_side import CloneRun
from pytest_oneroof.run.keys import run_key

# How often the end of closed sessions is asked for, every 10 ms.
PATIENCE = 200
OPEN = b"SAVEPOINT oneroof_control; "
UNDO = b"ROLLBACK TO SAVEPOINT oneroof_control; RELEASE SAVEPOINT oneroof_control"


class StagedRun(CloneRun):
    """The run as a check sees it whose clone is a rehearsal."""

    def __init__(self, run: CloneRun, made: Rehearsal) -> None:
        self.__dict__.update(run.__dict__)
        self._clone = made.clone
        self.lease = Lease(url=made.url, database=made.name)

    @property
    def clone(self) -> GuardedClone:
        """The rehearsal, as the guard admitted it."""
        return self._clone


class RehearsalStage(Stage):
    """A rehearsal clone, made when first needed. Close it at the end."""

    name = "admin"

    def __init__(self, run: CloneRun, config: pytest.Config) -> None:
        super().__init__()
        self._run = run
        self._config = config
        self._stack = contextlib.ExitStack()
        self._made: Rehearsal | None = None
        self._admin: psycopg.Connection[Any] | None = None

    @contextlib.contextmanager
    def broken(self, fault: Fault | None, name: str) -> Iterator[None]:
        """Make a fault as the administrator, and go on as the check role."""
        made = self._clone()
        # The session of the fault before this one, just closed, would be a stranger.
        await_empty(made)
        run, opened = self._run, contextlib.ExitStack()
        staged = StagedRun(run, made)
        staged.stage = self
        with opened:
            if fault is not None and fault.opens:
                opened.callback(open_session(made, fault).close)
            self._admin = connect(made.admin_url, autocommit=False)
            opened.callback(self._admin.close)
            if fault is not None:
                make(self._admin, fault)
            role = sql.Identifier(made.clone.role)
            text = sql.SQL("SET LOCAL SESSION AUTHORIZATION {}").format(role)
            self._admin.execute(text)
            self._config.stash[run_key] = staged
            opened.callback(self._config.stash.__setitem__, run_key, run)
            yield

    @contextlib.contextmanager
    def connection(
        self, check: str, *, savepoints: bool = False, role: str = "", kind: type[Any]
    ) -> Iterator[Any]:
        """Hand out a connection inside the administrator's transaction."""
        assert self._admin is not None
        pgconn = self._admin.pgconn
        clone = self._clone().clone
        roles = read_stand_ins(self._admin, clone.marker.owner, clone.role)
        opening = OPEN
        if role:
            name = stand_in_of(role, roles, clone.database)
            opening += f"SET ROLE {quoted(name)}; ".encode()
        pgconn.exec_(opening + SAVEPOINT if savepoints else opening)
        connection = kind(pgconn, Ward(check, savepoints=savepoints, roles=roles))
        try:
            yield connection
        finally:
            connection.retire()
            pgconn.exec_(UNDO)

    def example(self) -> contextlib.AbstractContextManager[None]:
        """Undo one Hypothesis example of the called check."""
        assert self._admin is not None
        return undone_example(self._admin.pgconn)

    def close(self) -> None:
        """Drop the rehearsal clone."""
        self._stack.close()
        self._made = None

    def _clone(self) -> Rehearsal:
        if self._made is None:
            self._made = self._stack.enter_context(rehearsed(self._run))
            # Its own session would be somebody else to the checks.
            self._made.close()
        return self._made


@contextlib.contextmanager
def rehearsed(run: CloneRun) -> Iterator[Rehearsal]:
    """Hand out a rehearsal clone; skip, and say why, where none can be made."""
    assert run.lease is not None
    if reason := why_not(run.lease):
        pytest.skip(f"a fault for the administrator {reason}")
    with rehearsal(run.lease, run.rules()) as made:
        try:
            yield made
        finally:
            made.close()
            await_empty(made)


def await_empty(made: Rehearsal) -> None:
    """Wait until the server has ended the sessions that were closed."""
    query = "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = %s"
    url = with_database(made.admin_url, MAINTENANCE)
    with contextlib.closing(connect(url)) as admin:
        for _ in range(PATIENCE):
            row = admin.execute(query, [made.name]).fetchone()
            if row is None or row[0] == 0:
                return
            time.sleep(0.01)


def open_session(made: Rehearsal, fault: Fault) -> psycopg.Connection[Any]:
    """Open the session of a fault beside the check's, and run its statements."""
    url = made.admin_url if fault.opens == "admin" else made.url
    other = connect(url, application="a stranger")
    for statement in fault.session:
        other.execute(statement.encode())
    return other
