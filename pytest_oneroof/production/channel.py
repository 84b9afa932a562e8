"""The read-only channel to production: one session, a transaction for each check.

Layers, each tried alone: the role may not write (preflight), the transaction is
READ ONLY and can no more be switched, statements are read by the grammar before
they are sent, everything is rolled back, and no transaction id was assigned.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import psycopg
from psycopg import pq

from pytest_oneroof.errors import ServerError
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.production.connection import ReadOnlyConnection, Visit
from pytest_oneroof.production.preflight import ChannelRules, Facts, admit, read_facts

APPLICATION = "pytest-oneroof acceptance"
OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
Status = pq.TransactionStatus

# The state of the channel's transaction: the id it should never get, what it may
# do, and when it began, by which another one is told from it.
_STATE = (
    b"SELECT pg_catalog.pg_current_xact_id_if_assigned()::text,"
    b" pg_catalog.current_setting('transaction_read_only'),"
    b" pg_catalog.transaction_timestamp()::text"
)
_AGAIN = b"ROLLBACK TO SAVEPOINT oneroof_read; "


@dataclass(frozen=True)
class Reading:
    """What one check did on the channel, and whether that is proved harmless.

    clean: its transaction was READ ONLY to its end and got no transaction id;
    dirty: it got one; unprovable: the transaction was ended or lost.
    """

    check: str
    verdict: Literal["clean", "dirty", "unprovable"] = "clean"
    reason: str = ""
    statements: int = 0
    transaction_id: str | None = None
    refused: tuple[str, ...] = ()

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
        self._open: tuple[Visit, str] | None = None
        self._connect()

    def begin(self, check: str) -> ReadOnlyConnection:
        """Open the READ ONLY transaction of one check and hand out its connection."""
        began = self._begin()
        visit = Visit(check, self.rules.rows)
        self._open = (visit, began)
        return ReadOnlyConnection(self._pgconn, visit)

    def finish(self) -> Reading:
        """End the check's transaction and return what it proved to have done."""
        assert self._open is not None
        visit, began = self._open
        self._open = None
        visit.over = True
        reading = replace(
            self._end(visit.check, began),
            statements=visit.statements,
            refused=tuple(visit.refused),
        )
        self.readings.append(reading)
        return reading

    @contextlib.contextmanager
    def reading(self, purpose: str) -> Iterator[psycopg.Connection[Any]]:
        """Yield the session for our own reads, in a READ ONLY transaction of its own.

        Raise ServerError when that transaction was not READ ONLY to its end, or
        got a transaction id.
        """
        began = self._begin()
        try:
            yield self._session
        finally:
            reading = self._end(purpose, began)
            self.readings.append(reading)
        if reading.verdict != "clean":
            raise ServerError(str(reading))

    def close(self) -> None:
        """End the session; idempotent."""
        if self._pgconn is not None:
            self._pgconn.finish()

    def _connect(self) -> None:
        session = connect(self.url, application=APPLICATION)
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

    def _begin(self) -> str:
        """Begin, set the limits, and take the snapshot; return when it began.

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
            # A policy that would hide rows fails, so that no count is too low.
            "row_security": "off",
            # Results are read to their end, although through a portal.
            "cursor_tuple_fraction": 1.0,
        }
        if version < 170000:
            del limits["transaction_timeout"]
        settings = "".join(f"SET LOCAL {k} = {v}; " for k, v in limits.items())
        command = (
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; "
            f"{settings}SAVEPOINT oneroof_read; "
        )
        result = self._pgconn.exec_(command.encode() + _STATE)
        if result.status not in OK:
            message = (result.error_message or b"").decode(errors="replace").strip()
            raise ServerError(f"cannot begin a READ ONLY transaction: {message}")
        return (result.get_value(0, 2) or b"").decode()

    def _end(self, check: str, began: str) -> Reading:
        status = self._pgconn.transaction_status
        if status not in (Status.INTRANS, Status.INERROR):
            how = "was ended" if status == Status.IDLE else "was lost with its session"
            if status != Status.IDLE:
                self._pgconn.finish()
            return Reading(
                check,
                "unprovable",
                f"the READ ONLY transaction {how}: whether production gave it a "
                "transaction id is not known",
            )
        # In a failed transaction nothing runs before a ROLLBACK TO.
        again = _AGAIN if status == Status.INERROR else b""
        result = self._pgconn.exec_(again + _STATE)
        read = result.status in OK and result.ntuples == 1
        self._pgconn.exec_(b"ROLLBACK")
        if not read:
            return Reading(check, "unprovable", "its savepoint was released")
        xid, read_only, now = (_text(result.get_value(0, i)) for i in range(3))
        if now != began or read_only != "on":
            return Reading(
                check, "unprovable", "the READ ONLY transaction was replaced by another"
            )
        if xid is not None:
            reason = f"production assigned it the transaction id {xid}"
            return Reading(check, "dirty", reason, transaction_id=xid)
        return Reading(check)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
