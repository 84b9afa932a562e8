"""The connection says of itself what a real one would."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from pytest_oneroof.errors import StatementRefused

pytestmark = pytest.mark.oneroof(isolation="savepoint")
IDLE, INTRANS, INERROR, UNKNOWN = (
    TransactionStatus.IDLE,
    TransactionStatus.INTRANS,
    TransactionStatus.INERROR,
    TransactionStatus.UNKNOWN,
)
failing = pytest.raises(psycopg.errors.SyntaxError)


def test_status(db: Any) -> None:
    def status() -> TransactionStatus:
        return db.info.transaction_status  # type: ignore[no-any-return]

    assert status() == IDLE
    for end in (db.commit, db.rollback):
        db.execute("SELECT 1")
        assert status() == INTRANS
        end()
        assert status() == IDLE
    with failing:
        db.execute("sel")
    assert status() == INERROR
    with pytest.raises(
        psycopg.ProgrammingError,
        match="can't change 'autocommit' now: connection in transaction status INERROR",
    ):
        db.autocommit = True
    db.commit()
    assert status() == IDLE
    with db.transaction():
        assert status() == INTRANS
        with pytest.raises(psycopg.ProgrammingError, match=r"transaction\(\) context"):
            db.autocommit = True
    assert status() == IDLE
    db.autocommit = True
    with failing:
        db.execute("sel")
    assert status() == IDLE
    db.execute("SELECT 1")
    assert status() == IDLE
    db.close()
    assert status() == UNKNOWN


def test_modes_of_later_transactions_are_refused_unless_they_are_so(db: Any) -> None:
    db.execute(
        "SET SESSION CHARACTERISTICS AS TRANSACTION"
        " ISOLATION LEVEL READ COMMITTED, READ WRITE, NOT DEFERRABLE"
    )
    db.execute("SET default_transaction_read_only = off")
    db.execute("RESET default_transaction_isolation")
    for text in (
        "SET default_transaction_isolation = 'serializable'",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    ):
        with pytest.raises(StatementRefused, match="keeps this mode"):
            db.execute(text)


def test_asyncio(oneroof_clone_async: Any) -> None:
    async def run(connection: Any) -> None:
        await connection.execute(
            "CREATE TABLE parent (id int PRIMARY KEY);"
            " CREATE TABLE child"
            " (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
        )
        await connection.commit()
        assert connection.info.transaction_status == IDLE
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            async with connection.transaction():
                await connection.execute("INSERT INTO child VALUES (1)")
        await connection.execute("SELECT pg_advisory_xact_lock(1)")
        await connection.execute("INSERT INTO child VALUES (1)")
        assert connection.info.transaction_status == INTRANS

    asyncio.run(run(oneroof_clone_async))
