"""pytest-postgresql's fixtures on the guarded clone: one ini line, no edit.

A fixture that `oneroof_replace_postgresql` names is set up by a function of ours in
place of its own, so that neither its database nor its server comes into being.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneroof.run.keys import run_key

if TYPE_CHECKING:
    from pytest_oneroof.settings import Settings

SETTING = "oneroof_replace_postgresql"
DEFAULT = "savepoint"
# What pytest-postgresql's own factory leaves behind where pytest-asyncio is missing.
STUB = "postgresql_async_stub"


@dataclass(frozen=True)
class Made:
    """What a client fixture of pytest-postgresql was made with.

    `server` names its process fixture, None for a fixture that is no client
    fixture of pytest-postgresql.
    """

    server: str | None
    isolation_level: Any
    asynchronous: bool


class ReplacedFixtures:
    """The plugin of a run whose named fixtures are set up on the clone."""

    def __init__(self, settings: Settings, *, complete: bool) -> None:
        """Take the names; `complete` tells that the whole project is collected."""
        self.settings = settings
        self.names = settings.replace_postgresql
        self.complete = complete

    def pytest_collection_modifyitems(self, session: pytest.Session) -> None:
        """Raise pytest.UsageError for a name that no fixture of the project has."""
        manager = session._fixturemanager
        unknown = [n for n in self.names if manager.getfixturedefs(n, session) is None]
        if unknown and self.complete:
            raise pytest.UsageError(
                f"{self.settings.told('replace_postgresql')}: there is no fixture "
                f"{', '.join(unknown)} in this project"
            )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Let a named fixture be set up by our function instead of its own."""
        if fixturedef.argname not in self.names or run_key not in request.config.stash:
            return (yield)
        own = {"func": fixturedef.func, "argnames": fixturedef.argnames}
        ours = {"func": replacement(fixturedef), "argnames": ("request",)}
        _assign(fixturedef, ours)
        try:
            return (yield)
        finally:
            _assign(fixturedef, own)

    def pytest_report_header(self) -> str:
        """Return which fixtures run on the clone."""
        told = self.settings.told("replace_postgresql")
        return f"oneroof: on the clone instead: {', '.join(self.names)} ({told})"


def read_made(function: Any) -> Made:
    """Return what a client fixture's factory was given, from the fixture's function.

    pytest-postgresql (8 to 10) keeps it nowhere but in the function's closure.
    """
    values = closure(function)
    name = getattr(function, "__name__", "")
    return Made(
        server=values.get("process_fixture_name"),
        isolation_level=values.get("isolation_level"),
        asynchronous=name == STUB
        or inspect.isasyncgenfunction(function)
        or inspect.iscoroutinefunction(function),
    )


def closure(function: Any) -> dict[str, Any]:
    """Return what a factory's arguments are called and were, from its fixture."""
    if not inspect.isfunction(function):
        return {}
    return dict(inspect.getclosurevars(function).nonlocals)


def replacement(
    fixturedef: pytest.FixtureDef[Any],
) -> Callable[[pytest.FixtureRequest], Iterator[Any]]:
    """Return the fixture function that takes the place of `fixturedef`'s own."""
    name, scope, made = fixturedef.argname, fixturedef.scope, read_made(fixturedef.func)

    def replaced(request: pytest.FixtureRequest) -> Iterator[Any]:
        """Yield a connection to the clone, with the fixture's `load=` in it."""
        from pytest_oneroof.run.replaced.connection import connection, loads_of

        if scope != "function":
            pytest.fail(
                f"{SETTING}: the fixture {name} has scope {scope!r}; a check's "
                "connection lives no longer than the check",
                pytrace=False,
            )
        loads = loads_of(request, made.server) if made.server else ()
        with contextlib.contextmanager(connection)(request, name, made, loads) as found:
            yield found

    return replaced


def _assign(fixturedef: pytest.FixtureDef[Any], values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(fixturedef, name, value)
