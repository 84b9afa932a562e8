"""Closing the ways that lead out of a database which becomes a clone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from pytest_oneroof.postgres.outward import WayOut, read_ways_out
from pytest_oneroof.postgres.ways import closing, tell_ways

Connection = psycopg.Connection[Any]


def close_ways(on_database: Connection, role: str) -> list[str]:
    """Take from everybody what leads the check role out; tell it, line by line.

    What no REVOKE of the administrator closes stays, and the guard refuses it.
    """
    found = read_ways_out(on_database, role=role)
    for statement in closing(found):
        try:
            with on_database.transaction():
                on_database.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            continue
    left = read_ways_out(on_database, role=role) if found else ()
    return list(_lines(found, left))


def _lines(found: tuple[WayOut, ...], left: tuple[WayOut, ...]) -> Iterator[str]:
    for told in tell_ways(way for way in found if way not in left):
        yield f"closed: {told.found}"
    for told in tell_ways(left):
        yield f"still open, and refused by the guard: {told.found}"
