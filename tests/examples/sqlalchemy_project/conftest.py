"""A project's engine and session, bound to the guarded clone in two ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from shop import Base
from sqlalchemy import Engine, StaticPool, create_engine, make_url
from sqlalchemy.orm import Session


@pytest.fixture
def engine(oneroof_clone: Any) -> Iterator[Engine]:
    """An engine over the check's one connection (isolation 'savepoint')."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: oneroof_clone, poolclass=StaticPool
    )
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session over that engine, its tables made."""
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session


@pytest.fixture
def database_engine(oneroof_database: str) -> Iterator[Engine]:
    """A plain engine, with a pool of its own, on a throw-away database."""
    url = make_url(oneroof_database).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()
