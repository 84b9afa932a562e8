"""The guarded connection of a replaced fixture, which tells when it is asked for a way.

Whoever asks `connection.info` for host, port, user, password, database or DSN makes a
second connection of them, as most projects do; the clone takes none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from pytest_oneroof.check.connection import GuardedConnection
from pytest_oneroof.check.connection_async import GuardedAsyncConnection

WAY = frozenset(
    {"dbname", "dsn", "get_parameters", "host", "hostaddr", "options", "password"}
    | {"port", "user"}
)


class AskedInfo:
    """psycopg's ConnectionInfo, which tells what of the way it is asked for."""

    def __init__(
        self, info: psycopg.ConnectionInfo, asked: Callable[[str], None]
    ) -> None:
        self._info = info
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        """Return what psycopg's own has; tell first, where it is part of the way."""
        if name in WAY:
            self._asked(name)
        return getattr(self._info, name)


class Asked:
    """The part of a guarded connection that has itself asked."""

    # Called with the name of what `info` is asked for, once the fixture is loaded.
    asked: Callable[[str], None] | None = None

    @property
    def info(self) -> Any:
        """Information about the connection."""
        info: psycopg.ConnectionInfo = super().info  # type: ignore[misc]
        return info if self.asked is None else AskedInfo(info, self.asked)


class AskedConnection(Asked, GuardedConnection):
    """A guarded connection whose `info` is watched."""


class AskedAsyncConnection(Asked, GuardedAsyncConnection):
    """As AskedConnection, for asyncio."""
