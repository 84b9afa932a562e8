"""The fixtures; what they stand on is imported when one is asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneroof.run.fixtures import checks_of

if TYPE_CHECKING:
    from pytest_oneroof.guests.alembic import Migrations
    from pytest_oneroof.guests.sessions import Sessions

DEFAULT = "savepoint"


@pytest.fixture
def oneroof_engine(request: pytest.FixtureRequest) -> Iterator[Any]:
    """An SQLAlchemy engine on the clone, in isolation 'savepoint' without a marker.

    It has the check's one connection, that of `oneroof_clone` where the test asks for
    both; in isolation 'database' it is a plain engine, with a pool of its own, on a
    throw-away database. Needs SQLAlchemy 2 (extra `sqlalchemy`).
    """
    checks = checks_of(request)
    from pytest_oneroof.guests import engine

    with contextlib.ExitStack() as stack:
        if checks.isolation(request.node, default=DEFAULT) == "database":
            url = request.getfixturevalue("oneroof_database")
            made = engine.of_url(url)
        else:
            made = engine.of_connection(_connection(request, stack))
        stack.callback(made.dispose)
        yield made


@pytest.fixture
def oneroof_session(oneroof_engine: Any) -> Iterator[Any]:
    """An SQLAlchemy ORM session over `oneroof_engine`, closed at the end."""
    from sqlalchemy.orm import Session

    with Session(oneroof_engine) as session:
        yield session


@pytest.fixture
def oneroof_alembic(request: pytest.FixtureRequest) -> Migrations:
    """Alembic's migrations on a throw-away copy of the clone: up, down and up again.

    `oneroof_alembic.check("alembic.ini")` names the revisions that lose rows or do
    not revert. Needs Alembic (extra `alembic`).
    """
    checks_of(request)
    from pytest_oneroof.guests.alembic import Migrations

    return Migrations(request.getfixturevalue("oneroof_database"))


@pytest.fixture
def oneroof_sessions(request: pytest.FixtureRequest) -> Iterator[Sessions]:
    """Named sessions on one throw-away database, for what happens between them.

    `oneroof_sessions["a"].run(…)` ends before the test goes on; `.start(…)` does not,
    and its `waits_for(…)` sees on the server for which other session it waits.
    """
    from pytest_oneroof.guests.sessions import Sessions

    checks_of(request)
    with contextlib.closing(
        Sessions(request.getfixturevalue("oneroof_database"))
    ) as sessions:
        yield sessions


def _connection(request: pytest.FixtureRequest, stack: contextlib.ExitStack) -> Any:
    """Return the check's guarded connection, shared with `oneroof_clone`."""
    if "oneroof_clone" in request.fixturenames:
        return request.getfixturevalue("oneroof_clone")
    guarded = contextlib.contextmanager(checks_of(request).guarded)
    return stack.enter_context(guarded(request.node, default=DEFAULT))
