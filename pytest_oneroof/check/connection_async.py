"""The guarded connection for asyncio: psycopg's AsyncConnection, same guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from pytest_oneroof.check.connection import Guarding
from pytest_oneroof.check.remedies import add_remedy
from pytest_oneroof.check.ward import Ward


class GuardedAsyncConnection(Guarding, psycopg.AsyncConnection[Any]):
    """A psycopg AsyncConnection inside a guarded transaction.

    As GuardedConnection, with coroutines where psycopg has them.
    """

    def __init__(self, pgconn: Any, ward: Ward) -> None:
        self.ward = ward
        super().__init__(pgconn)
        ward.adopt(self)

    async def commit(self) -> None:
        """Refuse; in isolation 'savepoint' keep the work so far."""
        self.end("commit")

    async def rollback(self) -> None:
        """Refuse; in isolation 'savepoint' undo the work since the last commit."""
        self.end("rollback")

    async def close(self) -> None:
        """Refuse; in isolation 'savepoint' undo uncommitted work and look closed."""
        self.leave()

    async def __aenter__(self) -> GuardedAsyncConnection:
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.exit_block(failed=kind is not None)

    async def set_autocommit(
        self,
        value: bool,  # noqa: FBT001 - psycopg's signature
    ) -> None:
        """Refuse autocommit; in isolation 'savepoint' play it."""
        self.change_autocommit(value=value)

    async def set_isolation_level(self, value: Any) -> None:
        """Refuse any but READ COMMITTED, and the default."""
        self.change_isolation_level(value)

    async def set_read_only(
        self,
        value: bool | None,  # noqa: FBT001 - psycopg's signature
    ) -> None:
        """Refuse a read-only transaction."""
        self.change_flag("read_only", value=value)

    async def set_deferrable(
        self,
        value: bool | None,  # noqa: FBT001 - psycopg's signature
    ) -> None:
        """Refuse a deferrable transaction."""
        self.change_flag("deferrable", value=value)

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[Any]:
        """Switch to pipeline mode; what it committed by itself is kept at its end."""
        try:
            async with super().pipeline() as pipeline:
                yield pipeline
        finally:
            self.end_call()

    @asynccontextmanager
    async def _pipeline_nolock(self) -> AsyncIterator[Any]:
        # That of executemany().
        try:
            async with super()._pipeline_nolock() as pipeline:
                yield pipeline
        finally:
            self.end_call()

    async def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait as psycopg does, but not for a check that has ended."""
        self.check_owned()
        try:
            return await super().wait(gen, *args, **kwargs)
        except psycopg.Error as error:
            add_remedy(error)
            self.ward.swallowed.note(error)
            raise
        finally:
            self.end_call()
