"""Deferred constraints are checked where a real commit would check them."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.oneroof(isolation="savepoint")
ORPHAN = "INSERT INTO child VALUES (1)"
PARENT = "INSERT INTO parent VALUES (1)"
violated = pytest.raises(psycopg.errors.ForeignKeyViolation)


def count(db: Any, table: str = "child") -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_commit(db: Any) -> None:
    db.execute(ORPHAN)
    with violated:
        db.commit()
    assert count(db) == 0
    db.execute(ORPHAN)
    db.execute(PARENT)
    db.commit()
    db.rollback()
    assert count(db) == 1


def test_with_connection(db: Any) -> None:
    with violated, db:
        db.execute(ORPHAN)
    assert count(db) == 0


def test_block(db: Any) -> None:
    with violated, db.transaction():
        db.execute(ORPHAN)
    assert count(db) == 0


def test_autocommit(db: Any) -> None:
    db.autocommit = True
    with violated:
        db.execute(ORPHAN)
    with violated, db.cursor().copy("COPY child FROM STDIN") as copy:
        copy.write_row([1])
    with violated:
        db.cursor().executemany("INSERT INTO child VALUES (%s)", [(1,), (2,)])
    assert count(db) == 0
    db.cursor().executemany("INSERT INTO parent VALUES (%s)", [(1,), (2,)])
    db.execute(ORPHAN)
    assert count(db) == 1


@pytest.mark.parametrize("end", ["", "close", "rollback", "failure", "block"])
def test_uncommitted_work_is_lost(db: Any, end: str) -> None:
    if end == "block":
        block = db.transaction()
        block.__enter__()
    db.execute(ORPHAN)
    if end == "failure":
        with pytest.raises(psycopg.errors.UndefinedTable):
            db.execute("SELECT * FROM absent")
    elif end and end != "block":
        getattr(db, end)()


@pytest.mark.parametrize("commits", [False, True])
def test_examples(db: Any, *, commits: bool) -> None:
    @given(st.integers(2, 100))
    def one(number: int) -> None:
        with db.example():
            db.execute(ORPHAN)
            if commits:
                db.execute(PARENT)
                db.execute("INSERT INTO parent VALUES (%s)", [number])
                db.commit()
                db.execute("INSERT INTO child VALUES (%s)", [number + 1])

    one()
    assert count(db) == 0


def test_constraints_made_after_a_commit_are_as_they_are_declared(db: Any) -> None:
    db.execute("CREATE TABLE other (LIKE child)")
    db.execute("ALTER TABLE other ADD UNIQUE (id) DEFERRABLE INITIALLY DEFERRED")
    db.execute("INSERT INTO other VALUES (1), (1)")
    db.execute("DELETE FROM other WHERE ctid = '(0,1)'")
    db.commit()
    db.execute("ALTER TABLE other ADD UNIQUE (id) DEFERRABLE")
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute("INSERT INTO other VALUES (1)")


def test_set_constraints_ends_with_the_transaction(db: Any) -> None:
    db.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with violated:
        db.execute(ORPHAN)
    db.rollback()
    db.execute("SET CONSTRAINTS child_id_fkey IMMEDIATE")
    db.commit()
    db.execute(ORPHAN)
    db.execute(PARENT)
    db.commit()


def test_deferred_triggers_run_once_at_each_commit(db: Any) -> None:
    db.execute(
        "CREATE TABLE log (id int);"
        " CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO log VALUES (NEW.id); RETURN NULL; END $$;"
        " CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON parent"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()"
    )
    db.commit()
    db.execute(PARENT)
    assert count(db, "log") == 0
    db.commit()
    db.commit()
    assert count(db, "log") == 1


def test_of_two_constraints_with_one_name_none_stops_a_commit(db: Any) -> None:
    deferred = "CONSTRAINT same UNIQUE DEFERRABLE INITIALLY DEFERRED"
    db.execute(f"CREATE TABLE b (id int {deferred})")
    db.commit()
    db.execute("CREATE TABLE a (id int CONSTRAINT same CHECK (id > 0))")
    db.execute("INSERT INTO b VALUES (1)")
    db.commit()
    assert count(db, "b") == 1
