"""SQLAlchemy on a throw-away database, by its plain URL: isolation 'database'."""

from __future__ import annotations

from shop import Reader
from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.orm import Session


def test_two_connections(database_engine: Engine) -> None:
    """One connection sees what another has really committed."""
    with Session(database_engine) as first, Session(database_engine) as second:
        first.add(Reader(name="Ada"))
        first.flush()
        assert second.scalar(select(func.count()).select_from(Reader)) == 0
        second.rollback()
        first.commit()
        assert second.scalar(select(func.count()).select_from(Reader)) == 1


def test_serializable(database_engine: Engine) -> None:
    """Every isolation level is there."""
    strict = database_engine.execution_options(isolation_level="SERIALIZABLE")
    with strict.begin() as connection:
        connection.execute(insert(Reader), {"name": "Ada"})
        level = connection.scalar(text("SHOW transaction_isolation"))
    assert level == "serializable"


def test_begins_empty(database_engine: Engine) -> None:
    """The database of another test is gone."""
    with Session(database_engine) as session:
        assert session.scalar(select(func.count()).select_from(Reader)) == 0
