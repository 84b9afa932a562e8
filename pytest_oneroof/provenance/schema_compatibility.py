"""Schema compatibility: the entities that a rehearsal relies on, and what differs.

Which entities, which columns and what a difference would mean is named by the pack's
`[provenance] expectation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from pytest_oneroof.pack import Pack

SHAPE = """
SELECT a.attname::text, pg_catalog.format_type(a.atttypid, NULL), a.attnotnull
  FROM pg_catalog.pg_attribute AS a
 WHERE a.attrelid = pg_catalog.to_regclass(%(name)s)
   AND a.attnum > 0
   AND NOT a.attisdropped
 ORDER BY a.attnum
"""
# Unique without condition, over plain columns: what ON CONFLICT can rely on.
UNIQUE = """
SELECT (SELECT array_agg(a.attname::text ORDER BY a.attname)
          FROM pg_catalog.pg_attribute AS a
         WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey))
  FROM pg_catalog.pg_index AS i
 WHERE i.indrelid = pg_catalog.to_regclass(%(name)s)
   AND i.indisunique
   AND i.indisvalid
   AND i.indpred IS NULL
   AND i.indexprs IS NULL
 ORDER BY 1
"""


@dataclass(frozen=True)
class Shape:
    """A table as it is: type and NOT NULL of each column, unique keys, rows."""

    columns: Mapping[str, tuple[str, bool]]
    unique: frozenset[frozenset[str]] = frozenset()
    rows: int = 0


@dataclass(frozen=True)
class Compatibility:
    """One entity: what was expected, what the clone has, and what that would mean."""

    schema_entity: str
    production_surface_expectation: str
    clone_has: str
    mismatches: tuple[str, ...]
    impact: str

    @property
    def fits(self) -> bool:
        """Whether nothing differs."""
        return not self.mismatches


def expectation_of(pack: Pack) -> Mapping[str, Any] | None:
    """Return what a pack expects of a clone's shape, None where it does not say."""
    name = pack.provenance.expectation
    return None if name is None else pack.read_json(name)


def read_shapes(
    connection: psycopg.Connection[Any], expectation: Mapping[str, Any]
) -> dict[str, Shape | None]:
    """Return the shape of every surface that is expected; None where it is absent.

    Rows are counted no further than the expectation asks.
    """
    least: dict[str, int] = {}
    for entity in expectation["entities"]:
        name = entity["surface"]
        least[name] = max(least.get(name, 0), entity["rows_at_least"])
    return {
        name: _read_shape(connection, f"public.{name}", rows)
        for name, rows in least.items()
    }


def compare_shapes(
    shapes: Mapping[str, Shape | None], expectation: Mapping[str, Any]
) -> tuple[Compatibility, ...]:
    """Return each expected entity with every difference found; none is passed over."""
    return tuple(
        _compare(entity, shapes.get(entity["surface"]), expectation["types"])
        for entity in expectation["entities"]
    )


def _compare(
    entity: Mapping[str, Any], shape: Shape | None, types: Mapping[str, Sequence[str]]
) -> Compatibility:
    name = entity["surface"]
    columns = ", ".join(f"{c} {kind}" for c, kind in entity["columns"].items())
    has = "no such table"
    if shape is not None:
        known = [
            f"{c} {shape.columns[c][0]}"
            for c in entity["columns"]
            if c in shape.columns
        ]
        has = f"{name} ({', '.join(known)})"
    mismatches = (
        (f"{name} is absent",)
        if shape is None
        else tuple(_mismatches(entity, shape, types))
    )
    return Compatibility(
        schema_entity=entity["entity"],
        production_surface_expectation=f"{name} ({columns})",
        clone_has=has,
        mismatches=mismatches,
        impact=entity["impact"],
    )


def _mismatches(
    entity: Mapping[str, Any], shape: Shape, types: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    for column, kind in entity["columns"].items():
        if column not in shape.columns:
            yield f"column {column} is absent"
        elif shape.columns[column][0] not in types[kind]:
            yield f"column {column} is {shape.columns[column][0]}, expected {kind}"
    for column in entity["required"]:
        if column in shape.columns and not shape.columns[column][1]:
            yield f"column {column} may be null"
    for key in entity["unique"]:
        if frozenset(key) not in shape.unique:
            yield f"({', '.join(key)}) is not unique"
    if shape.rows < entity["rows_at_least"]:
        yield f"{shape.rows} rows, expected {entity['rows_at_least']} or more"


def _read_shape(
    connection: psycopg.Connection[Any], name: str, rows: int
) -> Shape | None:
    values = {"name": name}
    columns = connection.execute(SHAPE, values).fetchall()
    if not columns:
        return None
    unique = connection.execute(UNIQUE, values).fetchall()
    query = psycopg.sql.SQL(
        "SELECT count(*) FROM (SELECT FROM {} LIMIT {}) AS rows"
    ).format(psycopg.sql.Identifier(*name.split(".")), psycopg.sql.Literal(rows))
    [(count,)] = connection.execute(query).fetchall()
    return Shape(
        {column: (kind, required) for column, kind, required in columns},
        frozenset(frozenset(key) for (key,) in unique),
        count,
    )
