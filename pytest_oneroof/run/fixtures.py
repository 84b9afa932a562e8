"""The fixtures that tests ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneroof.run.keys import (
    acceptance_key,
    pack_key,
    production_key,
    run_key,
)

if TYPE_CHECKING:
    from pytest_oneroof.pack import Pack
    from pytest_oneroof.run.isolation import Checks

HOW_PRODUCTION = (
    "needs a production: run pytest -m readonly --oneroof-production-url URL, "
    "or pytest --oneroof-clone"
)
HOW = "needs a clone: run pytest --oneroof-clone (README: the first minute)"


@pytest.fixture
def oneroof_clone(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A psycopg connection to the clone, inside this check's guarded transaction.

    Everything is rolled back at the check's end, and proved to be gone: what
    was left makes the check an error. `commit()`, `rollback()` and `close()` are
    refused; `with oneroof_clone.transaction():` gives a savepoint. For code that
    commits use the marker `oneroof(isolation="savepoint")`; with isolation
    "database" it is a plain connection to a throw-away database. Skipped
    without `--oneroof-clone`.
    """
    checks = checks_of(request)
    if checks.isolation(request.node) == "database":
        yield from checks.throwaway_connection(request)
    else:
        yield from checks.guarded(request.node)


@pytest.fixture
def oneroof_clone_async(request: pytest.FixtureRequest) -> Iterator[Any]:
    """As `oneroof_clone`, a psycopg AsyncConnection. Needs no asyncio plugin."""
    yield from checks_of(request).guarded_async(request.node)


@pytest.fixture
def oneroof_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a throw-away database, a fresh copy of the clone's baseline.

    For code that opens its own connections, uses threads or really commits. It
    is dropped after the test; with `--oneroof-keep-failed` it is kept when the
    test fails, and the psql line for it is printed.
    """
    yield from checks_of(request).throwaway(request.node)


@pytest.fixture
def oneroof_production(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A psycopg connection to production that reads, in a transaction of its own.

    SELECT, VALUES, TABLE, SHOW and EXPLAIN pass, one at a time; a result has at
    most 500 rows, and one with more is an error, never cut. In a run on the clone
    it reads `--oneroof-production-url`, or the embedded server's stand-in. Skipped
    without a run that has a production.
    """
    production = request.config.stash.get(production_key, None)
    if production is None:
        pytest.skip(HOW_PRODUCTION)
    yield from production.checked(request.node)


@pytest.fixture
def oneroof_target(request: pytest.FixtureRequest) -> Any:
    """A connection to what this run is about: the clone, or the production.

    For checks that only read, and hold on both.
    """
    accepting = request.config.stash.get(acceptance_key, False)
    name = "oneroof_production" if accepting else "oneroof_clone"
    return request.getfixturevalue(name)


@pytest.fixture
def oneroof_pack(request: pytest.FixtureRequest) -> Pack:
    """The pack of this run: what its suites read their files from."""
    pack = request.config.stash.get(pack_key, None)
    if pack is None:
        pytest.skip(HOW)
    return pack


def checks_of(request: pytest.FixtureRequest) -> Checks:
    """Return the run's checks; skip the test in a run without a clone."""
    run = request.config.stash.get(run_key, None)
    if run is None:
        pytest.skip(HOW)
    from pytest_oneroof.run.isolation import Checks

    return Checks(run)
