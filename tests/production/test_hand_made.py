"""Cursors and handles that a check makes by hand on the read-only channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pytest_oneroof.errors import StatementRefused
from pytest_oneroof.production.channel import ProductionChannel
from pytest_oneroof.production.connection import ReadOnlyConnection
from pytest_oneroof.production.limits import RowLimitExceeded

from .conftest import Production


class Own(psycopg.Cursor[Any]):
    """A cursor class of a project's own, with state of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked: list[str] = []

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """Remember what was asked."""
        self.asked.append(query)
        return super().execute(query, *args, **kwargs)


KINDS: dict[str, Callable[[Any], Any]] = {
    "Cursor": psycopg.Cursor,
    "ClientCursor": psycopg.ClientCursor,
    "RawCursor": psycopg.RawCursor,
    "ServerCursor": lambda c: psycopg.ServerCursor(c, "s"),
    "RawServerCursor": lambda c: psycopg.RawServerCursor(c, "s"),
    "own class": Own,
}
TEXTS = [
    "SET statement_timeout = 0",
    "SELECT pg_advisory_lock(42)",
    "NOTIFY anyone",
    "LOCK TABLE public.tasks IN ACCESS SHARE MODE",
    "COMMIT",
    "SELECT 1; COMMIT",
    "FETCH ALL FROM oneroof_rows",
    "SELECT 1 INTO public.x",
]


@pytest.fixture(scope="module")
def channel(production: Production) -> Iterator[ProductionChannel]:
    """A channel to the production."""
    made = ProductionChannel(production.reader, production.rules)
    yield made
    made.close()


@pytest.fixture
def reader(channel: ProductionChannel) -> Iterator[ReadOnlyConnection]:
    """The connection of one check, whose reading is clean at its end."""
    yield channel.begin("a check")
    assert str(channel.finish()) == "a check: clean"


# psycopg warns of what was refused before it could be closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", TEXTS)
def test_every_class_of_cursor_passes_the_policy(
    reader: ReadOnlyConnection, kind: str, text: str
) -> None:
    """What does more than read is refused before it goes, whoever made the cursor."""
    cursor = KINDS[kind](reader)
    with pytest.raises(StatementRefused, match="refused"):
        cursor.execute(text)
    assert reader.execute("SHOW statement_timeout").fetchone() == ("5s",)


@pytest.mark.parametrize("kind", ["Cursor", "ClientCursor", "RawCursor", "own class"])
def test_every_class_of_cursor_is_bounded(
    reader: ReadOnlyConnection, kind: str
) -> None:
    """Rows pass up to the limit, on the first and every later statement."""
    cursor = KINDS[kind](reader)
    for _ in range(2):
        with pytest.raises(RowLimitExceeded, match="500"):
            cursor.execute("SELECT * FROM generate_series(1, 100000)")
        query = "SELECT g, 'x' AS t FROM generate_series(1, 500) AS g"
        assert len(cursor.execute(query).fetchall()) == 500
    assert cursor.description[1].name == "t"
    assert isinstance(cursor, type(KINDS[kind](reader)))


class Unclosed(psycopg.Connection[Any]):
    """A connection that is refused while it is made, and so is never closed."""

    def __del__(self) -> None:
        """Warn of nothing: there is nothing to close."""


CALLS: dict[str, Callable[[Any], Any]] = {
    "executemany": lambda c: psycopg.Cursor(c).executemany("SELECT %s", [[1], [2]]),
    "stream": lambda c: list(psycopg.Cursor(c).stream("SELECT 1")),
    "copy": lambda c: psycopg.Cursor(c).copy("COPY public.tasks TO STDOUT").__enter__(),
    "copy of a query": lambda c: psycopg.Cursor(c).copy("SELECT 1").__enter__(),
    "pipeline": lambda c: psycopg.Pipeline(c).__enter__() and c.execute("SELECT 1"),
    "connection.pipeline": lambda c: c.pipeline(),
    "server cursor": lambda c: c.cursor("named"),
    "another's portal": lambda c: psycopg.ServerCursor(c, "s").scroll(1),
    "notifies": lambda c: c.notifies(),
    "tpc": lambda c: c.tpc_rollback("left"),
    "savepoint of the channel": lambda c: c.transaction("oneroof_read").__enter__(),
    "pgconn.exec_": lambda c: c.pgconn.exec_(b"SET statement_timeout = 0"),
    "pgconn.exec_params": lambda c: c.pgconn.exec_params(b"SELECT 1", None),
    "pgconn.send_query": lambda c: c.pgconn.send_query(b"SELECT 1"),
    "pgconn.prepare": lambda c: c.pgconn.prepare(b"p", b"SELECT 1"),
    "pgconn.finish": lambda c: c.pgconn.finish(),
    "pgconn.pipeline": lambda c: c.pgconn.enter_pipeline_mode(),
    "pgconn.handler": lambda c: setattr(c.pgconn, "notice_handler", print),
    "info.pgconn": lambda c: c.info.pgconn.exec_(b"COMMIT"),
    "another connection": lambda c: Unclosed(c.pgconn),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("call", CALLS)
def test_there_is_no_way_around_the_doors(
    channel: ProductionChannel, call: str
) -> None:
    """libpq's own calls, pipelines, COPY, portals: refused, and told at the end."""
    connection = channel.begin("a check")
    with pytest.raises(StatementRefused, match="refused"):
        CALLS[call](connection)
    assert channel.finish().refused


def test_of_a_transaction_block_libpq_is_only_shown(reader: ReadOnlyConnection) -> None:
    """The connection that psycopg's Transaction keeps sends nothing either."""
    with reader.transaction() as block:
        assert block.pgconn.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        with pytest.raises(StatementRefused, match=r"pgconn\.exec_ is refused"):
            block.pgconn.exec_(b"COMMIT")


def test_a_cursor_for_coroutines_sends_nothing(reader: ReadOnlyConnection) -> None:
    """An AsyncCursor finds no connection that it could await."""

    async def run() -> None:
        await psycopg.AsyncCursor(reader).execute("NOTIFY anyone")  # type: ignore[arg-type]

    with pytest.raises(TypeError):
        asyncio.run(run())
    assert reader.execute("SELECT 1").fetchone() == (1,)


def test_what_looks_and_composes_works_as_ever(reader: ReadOnlyConnection) -> None:
    """State, encoding, quoting, mogrify and adapters need no way to send."""
    assert reader.info.dbname == "directus"
    assert reader.info.encoding == "utf-8"
    assert reader.pgconn.server_version // 10000 == 16
    assert reader.info.parameter_status("TimeZone")
    assert sql.SQL("SELECT {}").format("it's").as_string(reader) == "SELECT 'it''s'"
    client = psycopg.ClientCursor(reader)
    assert client.mogrify("INSERT INTO x VALUES (%s)", ["a"]) == (
        "INSERT INTO x VALUES ('a')"
    )
    reader.cursor_factory = Own
    own = reader.execute("SELECT 1")
    assert own.asked == ["SELECT 1"]
    assert own.fetchall() == [(1,)]
    server = psycopg.ServerCursor(reader, "never_opened")
    server.close()
