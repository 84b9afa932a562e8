"""What ends with a transaction ends at a commit or rollback that is played."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

pytestmark = pytest.mark.oneroof(isolation="savepoint")
LOCKS = (
    "SELECT count(*) FROM pg_locks"
    " WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
)


def value(db: Any, query: str) -> Any:
    return db.execute(query).fetchone()[0]


@pytest.fixture(params=["commit", "rollback", "block", "autocommit"])
def work(db: Any, request: pytest.FixtureRequest) -> Any:
    """Run statements in a transaction that ends in one of four ways."""

    def run(*texts: str) -> str:
        db.rollback()
        if request.param == "block":
            with db.transaction():
                for text in texts:
                    db.execute(text)
        elif request.param == "autocommit":
            db.autocommit = True
            db.execute("; ".join(texts))
            db.autocommit = False
        else:
            for text in texts:
                db.execute(text)
            getattr(db, request.param)()
        return str(request.param)

    return run


@pytest.mark.parametrize(
    ("text", "shown", "before"),
    [
        ("SET LOCAL work_mem = '77MB'", "SHOW work_mem", None),
        ("SET LOCAL app.x = 'y'", "SELECT current_setting('app.x', true)", ""),
        ("SELECT set_config('app.x', 'y', true)",
         "SELECT current_setting('app.x', true)", ""),
        ("DO $$ BEGIN PERFORM set_config('app.x', 'y', true); END $$",
         "SELECT current_setting('app.x', true)", ""),
        ("SET LOCAL app.x = E'it''s a \\\\'; SET LOCAL app.x = 'z'",
         "SELECT current_setting('app.x', true)", ""),
        ("SET LOCAL ROLE NONE", "SELECT current_user = session_user", True),
        ("SET TRANSACTION READ ONLY", "SHOW transaction_read_only", "off"),
    ],
)  # fmt: skip
def test_local_settings(work: Any, db: Any, text: str, shown: str, before: Any) -> None:
    if before is None:
        before = value(db, shown)
    work(text)
    assert (value(db, shown) or "") == before


def test_settings_of_the_session_are_committed_and_rolled_back(
    work: Any, db: Any
) -> None:
    how = work("SET LOCAL lock_timeout = '5s'", "SET lock_timeout = '7s'")
    assert value(db, "SHOW lock_timeout") == ("0" if how == "rollback" else "7s")
    how = work("SET LOCAL lock_timeout = '9s'")
    assert value(db, "SHOW lock_timeout") == ("0" if how == "rollback" else "7s")


def test_a_setting_that_there_is_not(db: Any) -> None:
    with pytest.raises(psycopg.errors.UndefinedObject), db.transaction():
        db.execute("SET LOCAL absent_setting = 1")
    db.execute("INSERT INTO parent VALUES (1)")
    db.commit()
    assert value(db, "SELECT count(*) FROM parent") == 1


def test_settings_by_a_routine_of_the_test(work: Any, db: Any) -> None:
    db.execute(
        "CREATE FUNCTION enter() RETURNS void LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM set_config('app.x', 'y', true); END $$"
    )
    db.commit()
    work("SELECT enter()")
    assert value(db, "SELECT current_setting('app.x', true)") == ""


def test_cursors(work: Any, db: Any) -> None:
    how = work(
        "DECLARE plain CURSOR FOR SELECT 1",
        'DECLARE "He said ""held""" CURSOR WITH HOLD FOR SELECT 1',
        'DECLARE "Plain; too" CURSOR FOR SELECT 1',
    )
    names = [name for (name,) in db.execute("SELECT name FROM pg_cursors")]
    assert names == ([] if how == "rollback" else ['He said "held"'])


def test_server_side_cursor(db: Any) -> None:
    cursor = db.cursor("mine")
    cursor.execute("SELECT generate_series(1, 5)")
    assert cursor.fetchone() == (1,)
    db.commit()
    with pytest.raises(psycopg.errors.InvalidCursorName):
        cursor.fetchone()
    db.rollback()
    with db.cursor("held", withhold=True) as held:
        held.execute("SELECT generate_series(1, 5)")
        db.commit()
        assert held.fetchall() == [(number,) for number in range(1, 6)]


def test_temporary_tables(work: Any, db: Any) -> None:
    how = work(
        "CREATE TEMP TABLE dropped (id int) ON COMMIT DROP",
        "CREATE TEMP TABLE emptied ON COMMIT DELETE ROWS AS SELECT 1 AS id",
        "CREATE TEMP TABLE kept AS SELECT 1 AS id",
    )
    tables = [f"to_regclass('{name}')" for name in ("dropped", "emptied", "kept")]
    found = db.execute(f"SELECT {', '.join(tables)}").fetchone()
    if how == "rollback":
        assert found == (None, None, None)
        return
    assert found == (None, "emptied", "kept")
    assert value(db, "SELECT count(*) FROM emptied") == 0
    work("INSERT INTO emptied VALUES (1)")
    assert value(db, "SELECT count(*) FROM emptied") == 0
    assert value(db, "SELECT count(*) FROM kept") == 1


@pytest.mark.parametrize(
    "call",
    [
        "pg_advisory_xact_lock(42)",
        "pg_try_advisory_xact_lock(-7)",
        "pg_advisory_xact_lock(hashtext('x'))",
        "pg_advisory_xact_lock_shared(-1, -2)",
        "pg_try_advisory_xact_lock_shared(-9223372036854775808)",
    ],
)
def test_advisory_locks(work: Any, db: Any, call: str) -> None:
    with db.transaction(force_rollback=True):
        db.execute("INSERT INTO parent VALUES (1)")
        db.execute(f"SELECT {call}")
        assert value(db, LOCKS) == 1
        db.execute("INSERT INTO parent VALUES (2)")
        assert value(db, "SELECT count(*) FROM parent") == 2
    work(f"SELECT {call}")
    assert value(db, LOCKS) == 0


def test_an_advisory_lock_of_the_session_stays(db: Any) -> None:
    db.execute("SELECT pg_advisory_lock(42)")
    db.execute("SELECT pg_advisory_xact_lock(42)")
    db.commit()
    assert value(db, LOCKS) == 1
    assert value(db, "SELECT pg_advisory_unlock(42)")
    assert value(db, LOCKS) == 0


def test_a_transaction_that_was_read_only(db: Any) -> None:
    db.execute("SET TRANSACTION READ ONLY")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        db.execute("INSERT INTO parent VALUES (1)")
    db.rollback()
    db.execute("INSERT INTO parent VALUES (1)")
    db.commit()
    assert value(db, "SELECT count(*) FROM parent") == 1
