"""What the shipped checks share: reading SQL files, values, rows and refusals."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources
from pytest_oneroof.pack import bundled

PACK = bundled()


def sql(name: str) -> bytes:
    """Return the text of a file below ``sql/``."""
    return resources.read_text(f"sql/{name}").encode()


def rows(
    connection: psycopg.Connection[Any], query: bytes | str, values: Any = None
) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    text = query.encode() if isinstance(query, str) else query
    return connection.execute(text, values).fetchall()


def value(
    connection: psycopg.Connection[Any], query: bytes | str, values: Any = None
) -> Any:
    """Return the one value of a query that yields one row of one column."""
    found = rows(connection, query, values)
    assert [len(row) for row in found] == [1], f"one value expected: {found[:3]}"
    return found[0][0]


def named_rows(
    connection: psycopg.Connection[Any], query: bytes, values: Any = None
) -> list[dict[str, Any]]:
    """Return all rows of a query, each by column."""
    cursor = connection.execute(query, values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, found, strict=True)) for found in cursor.fetchall()]


@dataclass
class Refused:
    """What the server said when it refused; filled when the block has ended."""

    sqlstate: str = ""
    message: str = ""
    constraint: str = ""
    context: str = ""
    table: str = ""


@contextlib.contextmanager
def refused(
    connection: psycopg.Connection[Any],
    *,
    sqlstate: str,
    rule: str,
    says: str = "",
    what: str = "",
) -> Iterator[Refused]:
    """Assert that the block is refused by exactly that rule, and undo it.

    `rule` is the constraint's name, or the function that raised, as the error's
    context names it; `says` is part of the message, `what` tells what was tried. Fails
    when the block is accepted, or refused for any other reason.
    """
    seen = Refused()
    try:
        with connection.transaction():
            yield seen
    except psycopg.Error as error:
        seen.sqlstate = error.sqlstate or ""
        seen.message = error.diag.message_primary or ""
        seen.constraint = error.diag.constraint_name or ""
        seen.context = error.diag.context or ""
        seen.table = error.diag.table_name or ""
        found = f"{seen.sqlstate} {seen.message} [{seen.constraint or seen.context}]"
        assert seen.sqlstate == sqlstate, f"refused by another rule: {found}"
        assert seen.constraint == rule or f"function {rule}(" in seen.context.replace(
            "public.", ""
        ), f"refused by another rule than {rule}: {found}"
        assert says in seen.message, f"{says!r} is not in: {seen.message}"
        return
    of = f" {what}" if what else ""
    pytest.fail(f"accepted{of}, though {rule} should refuse it (SQLSTATE {sqlstate})")
