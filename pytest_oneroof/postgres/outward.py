"""The ways out of a database for the connected role, read from its catalogs.

A way out is whatever acts outside of the transaction that a rollback undoes: code
without bounds, and what somebody has granted beyond what the server grants by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pytest_oneroof.postgres.extensions import parameters
from pytest_oneroof.postgres.search_path import own_names


@dataclass(frozen=True)
class WayOut:
    """One way out: what it is, how the role gets at it, who was granted it.

    `how` names what calls it without asking for EXECUTE; `definer` the SECURITY
    DEFINER routine by whose owner's right it runs; `owned` whether the role has its
    owner's rights, so that it could grant itself again what is revoked.
    """

    kind: str
    object: str
    language: str | None = None
    extension: str | None = None
    how: str | None = None
    definer: str | None = None
    owner: str | None = None
    owned: bool = False
    grantees: tuple[str, ...] = ()

    @property
    def closable(self) -> bool:
        """Whether a REVOKE on its own database closes it."""
        takes = bool(self.grantees) and self.kind != "setting"
        return takes and not self.how and not self.owned


def read_ways_out(
    connection: psycopg.Connection[Any],
    *,
    role: str | None = None,
    allowed: Sequence[str] = (),
) -> tuple[WayOut, ...]:
    """Return every way out for a role, by default the connected one.

    Those of the `allowed` extensions are left out.
    """
    cursor = connection.cursor(row_factory=dict_row)
    with own_names(connection):
        values = {**parameters(tuple(allowed)), "role": role}
        rows = cursor.execute(_query(), values).fetchall()
    return tuple(WayOut(**row | {"grantees": tuple(row["grantees"])}) for row in rows)


def installed(
    connection: psycopg.Connection[Any], extensions: Iterable[str]
) -> tuple[str, ...]:
    """Return those of the extensions that the database has."""
    rows = connection.execute(
        "SELECT extname::pg_catalog.text FROM pg_catalog.pg_extension"
        " WHERE extname OPERATOR(pg_catalog.=) ANY (%s::pg_catalog.text[])",
        [list(extensions)],
    ).fetchall()
    return tuple(sorted(name for (name,) in rows))


def groups(ways: Iterable[WayOut]) -> Iterator[tuple[WayOut, ...]]:
    """Yield what is told, and closed, as one: by kind, extension and how it is had."""
    found: dict[tuple[Any, ...], list[WayOut]] = {}
    for way in ways:
        separate = way.object if way.kind in ("setting", "wrapper", "language") else ""
        key = (way.kind, way.extension, way.language, bool(way.how), separate)
        found.setdefault((*key, bool(way.definer), way.grantees), []).append(way)
    yield from map(tuple, found.values())


@cache
def _query() -> bytes:
    return Path(__file__).with_name("outward.sql").read_bytes()
