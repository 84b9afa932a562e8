"""SQLAlchemy over the guarded connection, isolation 'savepoint'."""

from __future__ import annotations

from typing import Any

import pytest
from shop import Base, Loan, Reader
from sqlalchemy import Engine, func, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from pytest_oneroof.errors import StatementRefused

pytestmark = pytest.mark.oneroof(isolation="savepoint")


def count(session: Session, kind: type[Base] = Reader) -> int:
    """Return how many rows a class has."""
    return session.scalar(select(func.count()).select_from(kind)) or 0


def test_commit_and_rollback(session: Session) -> None:
    """A commit stays, and a rollback goes back to it."""
    session.add(Reader(name="Ada", loans=[Loan(story="Dune"), Loan(story="Ubik")]))
    session.commit()
    session.add(Reader(name="Bob"))
    session.flush()
    assert count(session) == 2
    session.rollback()
    assert count(session) == 1
    assert count(session, Loan) == 2


def test_begins_without_the_tables(engine: Engine) -> None:
    """Nothing of another test is there."""
    assert "shop_reader" not in inspect(engine).get_table_names()


def test_nested(session: Session) -> None:
    """begin_nested undoes its own part alone, also when it fails."""
    session.add(Reader(name="Ada"))
    session.flush()
    with pytest.raises(IntegrityError), session.begin_nested():  # noqa: PT012
        session.add(Reader(name="Ada"))
        session.flush()
    nested = session.begin_nested()
    session.add(Reader(name="Bob"))
    nested.rollback()
    session.commit()
    assert [reader.name for reader in session.scalars(select(Reader))] == ["Ada"]


def test_error_then_rollback(session: Session) -> None:
    """After an error a rollback is needed, and enough."""
    session.add(Reader(name="Ada"))
    session.commit()
    session.add(Reader(name="Ada"))
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()
    assert count(session) == 1


def test_second_session(session: Session, engine: Engine) -> None:
    """A later session sees what an earlier one has committed, and only that."""
    session.add(Reader(name="Ada"))
    session.commit()
    session.add(Reader(name="Bob"))
    session.flush()
    session.close()
    with Session(engine) as second, second.begin():
        assert count(second) == 1
        second.add(Reader(name="Cyd"))
    with Session(engine) as third:
        assert count(third) == 2


def test_core_blocks(engine: Engine) -> None:
    """engine.begin() commits at its end, or rolls back with an error."""
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(Reader), [{"name": f"r{i}"} for i in range(20)])
    with pytest.raises(ZeroDivisionError), engine.begin() as connection:  # noqa: PT012
        connection.execute(insert(Reader), {"name": "lost"})
        raise ZeroDivisionError
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(Reader)) == 20


def test_autocommit(engine: Engine) -> None:
    """In AUTOCOMMIT each statement stands by itself; then the default is back."""
    Base.metadata.create_all(engine)
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    with alone.connect() as connection:
        connection.execute(insert(Reader), {"name": "Ada"})
        with pytest.raises(IntegrityError):
            connection.execute(insert(Reader), {"name": "Ada"})
        connection.execute(insert(Reader), {"name": "Bob"})
    with engine.connect() as connection:
        connection.execute(insert(Reader), {"name": "Cyd"})
        connection.rollback()
        assert connection.scalar(select(func.count()).select_from(Reader)) == 2


def test_streamed(session: Session) -> None:
    """Results come through a server-side cursor."""
    session.add_all(Reader(name=f"r{i}") for i in range(30))
    session.commit()
    found = session.scalars(select(Reader).execution_options(yield_per=7))
    assert len(list(found)) == 30


def test_deferred_and_returning(session: Session, engine: Engine) -> None:
    """RETURNING and reflection work on the guarded connection."""
    found = session.execute(
        insert(Reader).values(name="Ada").returning(Reader.id, Reader.name)
    ).one()
    assert tuple(found) == (1, "Ada")
    session.rollback()
    columns = [column["name"] for column in inspect(engine).get_columns("shop_loan")]
    assert columns == ["id", "reader_id", "story"]


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_isolation_level(engine: Engine, level: Any) -> None:
    """A stricter level is refused, and the refusal says what to use instead."""
    with pytest.raises(StatementRefused, match=f"isolation level {level} is refused"):
        engine.execution_options(isolation_level=level).connect()


def test_read_only(engine: Engine) -> None:
    """A read-only transaction is refused as well."""
    with pytest.raises(StatementRefused, match="read_only is refused"):
        engine.connect().execution_options(postgresql_readonly=True)


def test_two_phases(engine: Engine) -> None:
    """A transaction in two phases is refused: its PREPARE could not be undone."""
    with (
        engine.connect() as connection,
        pytest.raises(DBAPIError, match="can't start two-phase transaction"),
        connection.begin_twophase(),
    ):
        connection.execute(text("SELECT 1"))


def test_text_commit(engine: Engine) -> None:
    """COMMIT as text is refused here as everywhere."""
    with (
        engine.connect() as connection,
        pytest.raises(StatementRefused, match="COMMIT"),
    ):
        connection.execute(text("COMMIT"))
