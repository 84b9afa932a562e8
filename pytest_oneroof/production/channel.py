"""The read-only channel to production: one session, a transaction for each check.

Layers, each tried alone: the role may not write (preflight), the transaction is
READ ONLY and can no more be switched, statements are read by the grammar before
they are sent, everything is rolled back, and before that it is looked whether the
check has got a transaction id, a lock or a listener, or moved a setting.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import psycopg
from psycopg import pq

from pytest_oneroof.errors import ServerError
from pytest_oneroof.postgres.connect import connect, wait_for_recovery
from pytest_oneroof.postgres.results import exec_one, is_lost
from pytest_oneroof.production.connection import ReadOnlyConnection, Visit
from pytest_oneroof.production.cursors import Bounds
from pytest_oneroof.production.past import uncovered
from pytest_oneroof.production.preflight import ChannelRules, Facts, admit, read_facts
from pytest_oneroof.production.session_state import (
    QUERY,
    SessionState,
    moved,
    read_state,
)

OVERDUE = (
    "a statement went on after the statement timeout: a routine catches query_canceled"
)
APPLICATION = "pytest-oneroof acceptance"
OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
Status = pq.TransactionStatus

_AGAIN = b"ROLLBACK TO SAVEPOINT oneroof_read; "
# Of locks that a session holds; behind a pooler they would stay with its server.
_UNLOCK = b"SELECT pg_catalog.pg_advisory_unlock_all(); "
# How often, and after how many seconds, a login is tried again that the server refuses
# because the session before has not quite ended.
LOGINS, PAUSE = 20, 0.15


@dataclass(frozen=True)
class Reading:
    """What one check did on the channel, and whether that is proved harmless.

    clean: its transaction was READ ONLY to its end and got no transaction id, and the
    session is as before; dirty: it is not; unprovable: the transaction was ended or
    lost.
    """

    check: str
    verdict: Literal["clean", "dirty", "unprovable"] = "clean"
    reason: str = ""
    statements: int = 0
    transaction_id: str | None = None
    refused: tuple[str, ...] = ()
    swallowed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.check}: {self.verdict}" + (
            f"\n  {self.reason}" if self.reason else ""
        )


class ProductionChannel:
    """A session that reads one database of the rules, as a role that may not write.

    Raise ServerError when it cannot be reached, ChannelRefused with every reason
    when the preflight does not admit it. One check at a time; close it at the end.
    """

    def __init__(self, url: str, rules: ChannelRules) -> None:
        self.url = url
        self.rules = rules
        self.readings: list[Reading] = []
        self.facts: Facts
        self._pgconn: Any = None
        self._session: psycopg.Connection[Any]
        self._open: tuple[ReadOnlyConnection, SessionState] | None = None
        self._connect()

    @property
    def uncovered(self) -> tuple[str, ...]:
        """What the role may do that no proof of a reading covers."""
        facts = self.facts
        lent = (power.object for power in facts.powers if power.kind == "ROUTINE")
        return tuple(uncovered(facts.past, self.rules.tolerated, lent))

    def begin(self, check: str) -> ReadOnlyConnection:
        """Open the READ ONLY transaction of one check and hand out its connection."""
        before = self._begin()
        rules = self.rules
        bounds = Bounds(rules.rows, rules.size, rules.statement_timeout)
        connection = ReadOnlyConnection(self._pgconn, Visit(check, bounds))
        self._open = (connection, before)
        return connection

    def finish(self) -> Reading:
        """End the check's transaction and return what it proved to have done."""
        assert self._open is not None
        connection, before = self._open
        self._open = None
        visit = connection.visit
        held = connection.retire()
        reading = replace(
            self._end(visit.check, before) if held else _held(visit.check),
            statements=visit.statements,
            refused=tuple(visit.refused),
            swallowed=visit.swallowed.lines(),
        )
        if visit.overdue:
            reading = replace(reading, verdict="dirty", reason=OVERDUE)
        if reading.verdict != "clean":
            self._pgconn.finish()
        self.readings.append(reading)
        return reading

    @contextlib.contextmanager
    def reading(self, purpose: str) -> Iterator[psycopg.Connection[Any]]:
        """Yield the session for our own reads, in a READ ONLY transaction of its own.

        Raise ServerError when that transaction was not READ ONLY to its end, or
        got a transaction id.
        """
        before = self._begin()
        try:
            yield self._session
        finally:
            reading = self._end(purpose, before)
            self.readings.append(reading)
        if reading.verdict != "clean":
            raise ServerError(str(reading))

    def close(self) -> None:
        """End the session; idempotent."""
        if self._pgconn is not None:
            self._pgconn.finish()

    def _connect(self) -> None:
        session = self._login()
        # Behind a pooler a prepared statement, like a setting by plain SET, would
        # stay with somebody else's session: neither is made.
        session.prepare_threshold = None
        try:
            self.facts = read_facts(session)
            admit(self.facts, self.rules)
        except psycopg.Error as error:
            session.close()
            raise ServerError(f"the preflight failed: {error}") from error
        except BaseException:
            session.close()
            raise
        self._session, self._pgconn = session, session.pgconn

    def _login(self) -> psycopg.Connection[Any]:
        """Connect; wait for the session before where the role may have one alone."""
        for _ in range(LOGINS):
            try:
                return connect(self.url, application=APPLICATION)
            except ServerError as error:
                if "too many connections" not in str(error):
                    raise
                time.sleep(PAUSE)
        return connect(self.url, application=APPLICATION)

    def _begin(self) -> SessionState:
        """Begin, set the limits, and take the snapshot; return the state before.

        After its first query a READ ONLY transaction cannot be made READ WRITE
        (manual, SET TRANSACTION).
        """
        if self._pgconn.transaction_status != Status.IDLE:
            self._session.close()
            self._connect()
        rules, version = self.rules, self._pgconn.server_version
        limits = {
            "statement_timeout": rules.statement_timeout,
            "lock_timeout": rules.lock_timeout,
            "idle_in_transaction_session_timeout": rules.idle_timeout,
            "transaction_timeout": rules.transaction_timeout,
            # A session that we end does not go on with its statement.
            "client_connection_check_interval": 500,
            # Texts are read here as they are there.
            "standard_conforming_strings": "on",
            # A policy that would hide rows fails, so that no count is too low.
            "row_security": "off",
            # Results are read to their end, although through a portal.
            "cursor_tuple_fraction": 1.0,
        }
        if version < 170000:
            del limits["transaction_timeout"]
        if not self.facts.sees_lost_clients:
            del limits["client_connection_check_interval"]
        settings = "".join(f"SET LOCAL {k} = {v}; " for k, v in limits.items())
        command = (
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; "
            f"{settings}SAVEPOINT oneroof_read; "
        )
        result = exec_one(self._pgconn, command.encode() + QUERY)
        if is_lost(result):
            # The session has ended since the check before, which was proved.
            wait_for_recovery(self.url)
            self._session.close()
            self._connect()
            result = self._pgconn.exec_(command.encode() + QUERY)
        if result.status not in OK:
            message = (result.error_message or b"").decode(errors="replace").strip()
            raise ServerError(f"cannot begin a READ ONLY transaction: {message}")
        return read_state(result)

    def _end(self, check: str, before: SessionState) -> Reading:
        status = self._pgconn.transaction_status
        if status not in (Status.INTRANS, Status.INERROR):
            how = "was ended" if status == Status.IDLE else "was lost with its session"
            return Reading(
                check,
                "unprovable",
                f"the READ ONLY transaction {how}: whether production gave it a "
                "transaction id is not known",
            )
        # In a failed transaction nothing runs before a ROLLBACK TO.
        again = _AGAIN if status == Status.INERROR else b""
        try:
            result = self._pgconn.exec_(again + QUERY)
            if read := result.status in OK and result.ntuples == 1:
                after = read_state(result)
            self._pgconn.exec_(_UNLOCK + b"ROLLBACK" if read else b"ROLLBACK")
        except psycopg.Error as error:
            return Reading(check, "unprovable", f"its session was lost: {error}")
        if not read:
            return Reading(check, "unprovable", "its savepoint was released")
        if after.began != before.began or not after.read_only:
            return Reading(
                check, "unprovable", "the READ ONLY transaction was replaced by another"
            )
        reasons = "; ".join(moved(before, after))
        return Reading(
            check,
            "dirty" if reasons else "clean",
            reasons,
            transaction_id=after.transaction_id,
        )


def _held(check: str) -> Reading:
    reason = "a thread of the check still waits for its statement"
    return Reading(check, "unprovable", reason)
