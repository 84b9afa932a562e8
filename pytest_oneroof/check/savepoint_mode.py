"""Isolation 'savepoint': what commit, autocommit and the like become inside a check.

The check's one transaction never commits. A savepoint stands for the last commit: a
commit moves it, a rollback goes back to it. What ends with a transaction is ended by
a commit as well: deferred constraints are checked, cursors closed, settings that were
local put back, temporary tables emptied or dropped. What psycopg would have committed
by itself (a statement in autocommit, a `with connection.transaction()` that began
outside of a transaction) is *unsettled* until the call that made it ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq

from pytest_oneroof.check import transaction_locks
from pytest_oneroof.check.transaction_locks import Lock, give_back, takes_only_locks

if TYPE_CHECKING:
    from pytest_oneroof.check.ward import Ward
    from pytest_oneroof.statements.read import Text

NAME = "oneroof_check"
SAVEPOINT = b"SAVEPOINT oneroof_check"
ROLLBACK = b"ROLLBACK TO SAVEPOINT oneroof_check"
RELEASE = b"RELEASE SAVEPOINT oneroof_check; SAVEPOINT oneroof_check"
HIGHEST = psycopg.IsolationLevel.READ_COMMITTED
INTRANS = pq.TransactionStatus.INTRANS
INERROR = pq.TransactionStatus.INERROR
DATABASE = '@pytest.mark.oneroof(isolation="database")'
CLOSING = b"""
SELECT pg_catalog.string_agg(pg_catalog.format('CLOSE %I; ', c.name), '')
  FROM pg_catalog.pg_cursor() AS c WHERE NOT c.is_holdable AND c.name <> ''
"""
# The commands that check deferred constraints, and have those deferred again that are
# so by declaration. SET CONSTRAINTS ALL would hold for constraints made later as
# well, and reach the tripwire's.
CHECKING = b"""
WITH known AS (
  SELECT pg_catalog.format('%I.%I', n.nspname, c.conname) AS name,
         pg_catalog.bool_and(c.condeferrable AND c.condeferred) AS deferred
    FROM pg_catalog.pg_constraint AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.connamespace
   WHERE n.nspname <> 'oneroof'
     AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
   GROUP BY 1 HAVING pg_catalog.bool_or(c.condeferrable)
)
SELECT pg_catalog.concat(
  'SET CONSTRAINTS ' || (SELECT pg_catalog.string_agg(d.name, ', ')
                           FROM known AS d) || ' IMMEDIATE; ',
  'SET CONSTRAINTS ' || (SELECT pg_catalog.string_agg(d.name, ', ')
                           FROM known AS d WHERE d.deferred) || ' DEFERRED; ')
"""
TEMPORARY = b"""
SELECT pg_catalog.string_agg(
         CASE WHEN t.dropped THEN 'DROP TABLE ' ELSE 'TRUNCATE ' END
           || pg_catalog.format('pg_temp.%%I; ', t.name), '')
  FROM (VALUES %s) AS t (name, dropped)
 WHERE pg_catalog.to_regclass(pg_catalog.format('pg_temp.%%I', t.name)) IS NOT NULL
"""
# A statement that failed may have named a setting that there is not.
RESTORING = b"""SELECT pg_catalog.set_config(%s, %s, false)
 WHERE pg_catalog.current_setting(%s, true) IS NOT NULL; """
SETTING = b"SELECT pg_catalog.current_setting(%s, true)"
# The commands of CHECKING by session: all checks that define nothing have the same.
_checks: dict[int, bytes] = {}


@dataclass
class Played:
    """What a check's connection would be in, were its commits real.

    `began`: there is work neither committed nor rolled back; `outermost`: the outermost
    `with connection.transaction()` commits at its end. `locals` are settings changed
    for the transaction with what they were before, `watched` those that routines made
    by the check change so; `temporary` are tables that a commit drops or empties.
    `locking`: a statement takes locks of the transaction; `locks` stand in for those.
    `plain`: so far the check has read and written rows, no more; `called`: and called
    functions.
    """

    autocommit: bool = False
    began: bool = False
    unsettled: bool = False
    outermost: bool = False
    locals: dict[str, bytes | None] = field(default_factory=dict)
    watched: frozenset[str] = frozenset()
    temporary: dict[str, bool] = field(default_factory=dict)
    locking: bool = False
    locks: frozenset[Lock] = frozenset()
    plain: bool = True
    called: bool = False

    def within(self) -> Played:
        """Return the state in which an example of the check begins."""
        return Played(self.autocommit, self.began, plain=self.plain, called=self.called)


class PlayedInfo(psycopg.ConnectionInfo):
    """Information about the connection, with the status that a real one would have."""

    def __init__(self, mode: SavepointMode) -> None:
        super().__init__(mode.pgconn)
        self._mode = mode

    @property
    def transaction_status(self) -> pq.TransactionStatus:
        """The status as if commits were real: IDLE after one."""
        if self._mode.ward.closed:
            return pq.TransactionStatus.UNKNOWN
        real = super().transaction_status
        idle = real in (INTRANS, INERROR) and not self._mode.in_transaction
        return pq.TransactionStatus.IDLE if idle else real


class SavepointMode:
    """The part of a guarded connection that plays commits on its savepoint."""

    pgconn: Any
    ward: Ward
    _num_transactions: int
    _autocommit: bool
    _isolation_level: Any
    _run: Any

    @property
    def in_transaction(self) -> bool:
        """Whether a real connection would be in a transaction now."""
        return self.ward.played.began or self._num_transactions > 0

    @property
    def info(self) -> psycopg.ConnectionInfo:
        """Information about the connection."""
        if self.ward.savepoints:
            return PlayedInfo(self)
        return psycopg.ConnectionInfo(self.pgconn)

    def note_statement(self, read: Text) -> None:
        """Note what a statement begins, and what ends with its transaction."""
        played = self.ward.played
        self.settle()
        if played.autocommit or (self._num_transactions and played.outermost):
            played.unsettled = True
        else:
            played.began = True
        played.plain = played.plain and read.plain
        played.called = played.called or bool(read.functions)
        played.temporary |= dict(read.on_commit)
        if self.pgconn.transaction_status != INTRANS or self.pgconn.pipeline_status:
            return
        self._note_locals(read)
        played.locking = takes_only_locks(read)
        if played.locking:
            self._run(transaction_locks.BEFORE)

    def note_block(self) -> None:
        """Note whether a `with connection.transaction()` commits at its end."""
        self.settle()
        if not self._num_transactions:
            self.ward.played.outermost = not self.ward.played.began

    def end_statement(self) -> None:
        """Do, once a call has ended, what its statement needs to be done after it."""
        played = self.ward.played
        if self.ward.over or not (played.locking or played.unsettled):
            return
        if played.locking and self.pgconn.transaction_status == INTRANS:
            played.locks |= transaction_locks.stand_in(self._run)
        played.locking = False
        self.settle()

    def settle(self) -> None:
        """Keep what counts as committed; undo a statement that autocommit lost.

        Raise psycopg.Error where a deferred constraint is violated.
        """
        if not self.ward.played.unsettled or self._num_transactions:
            return
        if self.pgconn.pipeline_status != pq.PipelineStatus.OFF:
            return
        if self.pgconn.transaction_status == INERROR:
            self.lose_work()
        elif self.pgconn.transaction_status == INTRANS:
            self.keep_work()

    def keep_work(self) -> None:
        """Do what a COMMIT does, and move the savepoint.

        Raise psycopg.Error, the work undone, where a deferred constraint is violated.
        """
        try:
            self._run(b"".join(self._ending()) + RELEASE)
        except psycopg.Error:
            self.lose_work()
            raise
        self._forget_work()

    def lose_work(self) -> None:
        """Do what a ROLLBACK does."""
        self._run(ROLLBACK + b"; " + give_back(self.ward.played.locks))
        self._forget_work()

    def losing(self) -> bytes:
        """Return what a check's end begins with: uncommitted work is lost."""
        played = self.ward.played
        kept = played.unsettled and not (self._num_transactions or self.ward.closed)
        if kept or not self.ward.savepoints:
            return b""
        return ROLLBACK + b"; " + give_back(played.locks)

    def _forget_work(self) -> None:
        self.ward.stack = ()
        played = self.ward.played
        played.began = played.unsettled = played.locking = False
        played.locals.clear()
        played.locks = frozenset()

    def _ending(self) -> Iterable[bytes]:
        played = self.ward.played
        yield self._checking()
        if played.called or not played.plain:
            yield self._text_of(CLOSING) or b""
        if played.temporary:
            tables = (
                b"(%s, %s)" % (self._literal(name), str(dropped).encode())
                for name, dropped in played.temporary.items()
            )
            yield self._text_of(TEMPORARY % b", ".join(tables)) or b""
        for name, value in played.locals.items():
            known, given = self._literal(name), self._literal(value or b"")
            yield RESTORING % (known, given, known)
        yield give_back(played.locks)

    def _checking(self) -> bytes:
        session = self.pgconn.backend_pid
        if self.ward.played.plain and session in _checks:
            return _checks[session]
        found = self._text_of(CHECKING) or b""
        if self.ward.played.plain:
            _checks[session] = found
        return found

    def _text_of(self, query: bytes) -> bytes | None:
        found: bytes | None = self._run(query).get_value(0, 0)
        return found

    def _literal(self, text: str | bytes) -> bytes:
        # As the session's encoding and its standard_conforming_strings have it.
        given = text.encode(self.info.encoding) if isinstance(text, str) else text
        return bytes(pq.Escaping(self.pgconn).escape_literal(given))

    def _note_locals(self, read: Text) -> None:
        """Remember what settings are before they change for the transaction."""
        played = self.ward.played
        changed = [s for statement in read.statements for s in statement.settings]
        if "CreateFunctionStmt" in read.kinds:
            played.watched |= {setting.name for setting in changed if setting.local}
        names = set(played.watched)
        for setting in changed:
            if setting.local:
                names.add(setting.name)
            else:
                names.discard(setting.name)
                played.locals.pop(setting.name, None)
        for name in names - played.locals.keys():
            # The mode of a transaction ends with the savepoint by itself.
            if not name.startswith("transaction_"):
                played.locals[name] = self._text_of(SETTING % self._literal(name))

    def change_autocommit(self, *, value: bool) -> None:
        """Play autocommit; refuse it in isolation 'rollback'.

        Raise psycopg.ProgrammingError, as psycopg does, while there is work that is
        neither committed nor rolled back.
        """
        __tracebackhide__ = True
        ward = self.ward
        if not ward.savepoints:
            if value:
                ward.refuse("autocommit is refused inside a guarded check")
            return
        if value == ward.played.autocommit:
            return
        if self._num_transactions:
            raise psycopg.ProgrammingError(
                "can't change 'autocommit' now: "
                "connection.transaction() context in progress"
            )
        if ward.played.began:
            raise psycopg.ProgrammingError(
                "can't change 'autocommit' now: connection in transaction status "
                f"{self.info.transaction_status.name}"
            )
        self.settle()
        ward.played.autocommit = self._autocommit = value

    def change_isolation_level(self, value: Any) -> None:
        """Take READ COMMITTED, which a check runs at, or the default; refuse others."""
        __tracebackhide__ = True
        if value is not None and psycopg.IsolationLevel(value) > HIGHEST:
            name = psycopg.IsolationLevel(value).name.replace("_", " ")
            self.ward.refuse(
                f"isolation level {name} is refused: a guarded check's one transaction "
                "runs at READ COMMITTED",
                remedy=DATABASE,
            )
        self._isolation_level = value

    def change_flag(self, name: str, *, value: bool | None) -> None:
        """Take read_only or deferrable only as they are: not set."""
        __tracebackhide__ = True
        if value:
            self.ward.refuse(
                f"{name} is refused: a guarded check's transaction has begun",
                remedy=DATABASE,
            )
