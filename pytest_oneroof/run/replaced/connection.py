"""The connection of a replaced fixture, and pytest-postgresql's `load=` on it.

Apart from `replaced.py`, as it is imported when such a fixture is set up.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pytest_oneroof.check.connection import GuardedConnection
from pytest_oneroof.check.savepoint_mode import HIGHEST, SAVEPOINT
from pytest_oneroof.postgres.connect import parse
from pytest_oneroof.run.isolation import Checks, read_marker
from pytest_oneroof.run.keys import run_key
from pytest_oneroof.run.replaced import address, second_way
from pytest_oneroof.run.replaced.asked import AskedAsyncConnection, AskedConnection
from pytest_oneroof.run.replaced.fixtures import DEFAULT, SETTING, Made, closure
from pytest_oneroof.statements.read import read
from pytest_oneroof.statements.scripts import body


@dataclass(frozen=True)
class Load:
    """One element of a process fixture's `load=`: an SQL file or a callable."""

    element: Any
    autocommit: bool

    @property
    def told(self) -> str:
        """What messages call it."""
        return str(getattr(self.element, "__name__", self.element))


def loads_of(request: pytest.FixtureRequest, server: str) -> tuple[Load, ...]:
    """Return what a process fixture would load, that of its `depends_on` first.

    The process fixture is read, not set up: its server is not started.
    """
    from pytest_postgresql.config import get_config

    manager = request.session._fixturemanager
    found = manager.getfixturedefs(server, request.node)
    if not found:
        pytest.fail(f"{SETTING}: there is no fixture {server}", pytrace=False)
    given = closure(found[-1].func)
    config = get_config(request)
    chosen = given.get("load_autocommit")
    autocommit = getattr(config, "load_autocommit", False) if chosen is None else chosen
    base = given.get("depends_on")
    own = given.get("load") or getattr(config, "load", None) or ()
    return (
        *(loads_of(request, base) if base else ()),
        *(Load(element, bool(autocommit)) for element in own),
    )


def connection(
    request: pytest.FixtureRequest, name: str, made: Made, loads: tuple[Load, ...]
) -> Iterator[Any]:
    """Yield a loaded connection, isolated as the test's marker says: 'savepoint'."""
    checks = Checks(request.config.stash[run_key])
    if read_marker(request.node, default=DEFAULT).isolation == "database":
        yield from _throwaway(checks, request.node, made, loads)
    elif why := _wider(checks, request.node, made, name):
        second_way.leave(request.node, why)
    else:
        yield from _guarded(checks, request.node, name, made, loads)


def _throwaway(
    checks: Checks, item: pytest.Item, made: Made, loads: tuple[Load, ...]
) -> Iterator[Any]:
    """Yield a plain connection to a database of the fixture's own."""
    kind: Any = psycopg.AsyncConnection if made.asynchronous else psycopg.Connection
    with (
        contextlib.contextmanager(checks.throwaway)(item) as found,
        address.told(item.config, address.by_port(item.config, found)) as url,
    ):
        for load in loads:
            loader = _loader(load)
            with _told(load, alone=False):
                _awaited(loader(**_parameters(parse(url), load)))
        connected = _awaited(kind.connect(url))
        if made.isolation_level is not None:
            _awaited(connected.set_isolation_level(made.isolation_level))
        try:
            yield connected
        finally:
            _awaited(connected.close())


def _guarded(
    checks: Checks,
    item: pytest.Item,
    name: str,
    made: Made,
    loads: tuple[Load, ...],
) -> Iterator[Any]:
    """Yield the check's guarded connection, loaded inside its transaction."""
    kind = AskedAsyncConnection if made.asynchronous else AskedConnection
    guarded = contextlib.contextmanager(checks.guarded)
    with guarded(item, kind, default=DEFAULT) as found:
        with _committing(found):
            for load in loads:
                _load(found, load)
        if second_way.may_leave(item):
            found.asked = lambda part: second_way.leave(
                item, f"it asked for {name}.info.{part}"
            )
        yield found


def _wider(checks: Checks, item: pytest.Item, made: Made, name: str) -> str:
    """Return why one guarded transaction cannot be this fixture, or ''."""
    if made.isolation_level is not None and made.isolation_level > HIGHEST:
        level = psycopg.IsolationLevel(made.isolation_level).name.replace("_", " ")
        return (
            f"the fixture {name} asks for {level}, and a guarded check's one "
            "transaction runs at READ COMMITTED"
        )
    if second_way.tells_at_once(item) and second_way.may_leave(item):
        return "its subtests are reported as they end, which no second try takes back"
    sandbox = checks.run.sandbox
    if sandbox is not None and sandbox.running:
        return f"it has a guarded connection already, and {name} is another database's"
    return ""


def _load(guarded: Any, load: Load) -> None:
    """Run one element of `load=` in the check's transaction, as its first commit."""
    handed = _hand_out(guarded)
    with _told(load, alone=True):
        if isinstance(load.element, Path):
            text = load.element.read_text(encoding="utf-8")
            if any(statement.verb for statement in read(text)):
                text = body(text, load.element.name)
            handed.execute(text.encode())
            handed.commit()
        else:
            loader = _loader(load)
            with _connections_handed_out(guarded, loader):
                loader(**_parameters(_address(guarded), load))
    # What a loader has not committed is lost, as it is on a connection of its own.
    _hand_out(guarded).rollback()


def _hand_out(guarded: Any) -> GuardedConnection:
    """Return a further connection object over the check's one transaction."""
    guarded.ward.closed = guarded.ward.played.autocommit = False
    return GuardedConnection(guarded.pgconn, guarded.ward)


@contextlib.contextmanager
def _connections_handed_out(guarded: Any, loader: Any) -> Iterator[None]:
    """While a loader runs, let psycopg.connect to the clone give the check's own.

    A loader opens a connection of its own, by psycopg, with what it was given; the
    clone takes no second one. Any other database is connected to as ever.
    """
    real = psycopg.connect
    database = guarded.info.dbname

    def connect(conninfo: str = "", **given: Any) -> Any:
        own = {
            name: given[name]
            for name in ("row_factory", "cursor_factory", "autocommit")
            if given.get(name) is not None
        }
        ignored = {*own, "prepare_threshold", "context"}
        wanted = {name: value for name, value in given.items() if name not in ignored}
        if conninfo_to_dict(conninfo, **wanted).get("dbname") != database:
            return real(conninfo, **given)
        handed = _hand_out(guarded)
        for name, value in own.items():
            setattr(handed, name, value)
        return handed

    module = sys.modules.get(getattr(inspect.unwrap(loader), "__module__", ""))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in list(vars(module).items()) if module else ():
            if value == real:
                patch.setattr(module, name, connect)
        patch.setattr(psycopg, "connect", connect)
        patch.setattr(psycopg.Connection, "connect", staticmethod(connect))
        yield


@contextlib.contextmanager
def _committing(guarded: Any) -> Iterator[None]:
    """Let commits work while `load=` runs, in isolation 'rollback' too."""
    ward = guarded.ward
    if ward.savepoints:
        yield
        ward.closed = False
        return
    guarded.pgconn.exec_(SAVEPOINT)
    ward.savepoints = True
    yield
    guarded.pgconn.exec_(b"RELEASE " + SAVEPOINT)
    ward.savepoints = ward.closed = False


@contextlib.contextmanager
def _told(load: Load, *, alone: bool) -> Iterator[None]:
    """Add to an error which element of `load=` it comes from."""
    try:
        yield
    except Exception as error:
        error.add_note(f"while load={load.told} ran for the clone")
        if alone and isinstance(error, OSError | psycopg.OperationalError):
            error.add_note(
                "the clone takes no second connection: load by an SQL file or by "
                'psycopg, or use @pytest.mark.oneroof(isolation="database")'
            )
        raise


def _loader(load: Load) -> Any:
    from pytest_postgresql.loader import build_loader

    return build_loader(load.element)


def _address(guarded: Any) -> dict[str, Any]:
    info = guarded.info
    return {
        "host": info.host,
        "port": info.port,
        "user": info.user,
        "dbname": info.dbname,
        "password": None,
    }


def _parameters(address: dict[str, Any], load: Load) -> dict[str, Any]:
    """Return what pytest-postgresql's janitor gives a loader."""
    names = ("host", "port", "user", "dbname", "password")
    return {name: address.get(name) for name in names} | {"autocommit": load.autocommit}


def _awaited(value: Any) -> Any:
    return asyncio.run(value) if inspect.iscoroutine(value) else value
