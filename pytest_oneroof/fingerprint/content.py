"""The content fingerprint: per table its rows and a digest that no order changes.

A row enters as the 64-bit hash of its whole text, and the hashes are summed. The
formula, its guarantee and why it is not the sum of hash_record_extended:
docs/fingerprint.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import psycopg

from pytest_oneroof import errors as e
from pytest_oneroof.fingerprint.schema import OWN_SCHEMA, digest_of
from pytest_oneroof.fingerprint.session import steady_session

CONTENT_FORMULA = "oneroof-content/1"

_RELATIONS = """
WITH wanted AS (
  SELECT w.given, to_regclass(w.given) AS oid
    FROM unnest(%(names)s::text[]) AS w (given)
  UNION ALL
  SELECT o.oid::text, c.oid
    FROM unnest(%(oids)s::oid[]) AS o (oid)
    LEFT JOIN pg_class AS c ON c.oid = o.oid
),
spread AS (
  SELECT w.oid FROM wanted AS w
  UNION
  SELECT t.relid FROM wanted AS w, pg_partition_tree(w.oid) AS t
)
SELECT CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'm' THEN 'materialized_view'
                      WHEN 'f' THEN 'foreign_table' ELSE 'table' END,
       n.nspname || '.' || c.relname,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname),
       CASE WHEN c.relkind = 'f' THEN 'foreign table'
            WHEN NOT has_schema_privilege(n.oid, 'USAGE')
              THEN 'no USAGE right on schema ' || n.nspname
            WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN 'no SELECT right'
            WHEN row_security_active(c.oid) THEN 'row security hides rows'
            ELSE '' END,
       c.relispopulated
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm', 'f', 'S')
   AND n.nspname !~ '^pg_'
   AND n.nspname NOT IN ('information_schema', %(own)s)
   AND (%(all)s OR c.oid IN (SELECT s.oid FROM spread AS s))
UNION ALL
SELECT 'table', w.given, '', 'no such relation', true
  FROM wanted AS w
 WHERE w.oid IS NULL
 ORDER BY 1, 2
"""
_OWN = "SELECT count(*) FROM pg_namespace WHERE nspname = %s"
# (t.*) is the row even where a column is called t; ONLY, as heirs come themselves.
_ROWS = """
SELECT count(*), coalesce(sum(hashtextextended((t.*)::text COLLATE "C", 0)), 0)::text
  FROM ONLY {} AS t
"""
_POSITION = """
SELECT {}, 'at ' || last_value || CASE WHEN is_called THEN '' ELSE ', not called' END
  FROM {}
"""
_LARGE_OBJECTS = """
SELECT count(*), has_table_privilege('pg_largeobject', 'SELECT')
  FROM pg_largeobject_metadata
"""
_SEQUENCES_AT_ONCE = 100
_LARGE = "large_objects pg_largeobject"
_Cursor: TypeAlias = "psycopg.Cursor[tuple[Any, ...]]"


@dataclass(frozen=True)
class Content:
    """What one relation holds: its rows and digest, or the reason they are unknown."""

    rows: int | None
    digest: str
    unreadable: str = ""

    def __str__(self) -> str:
        if self.unreadable:
            return f"unreadable: {self.unreadable}"
        if self.rows is None:
            return self.digest
        return f"{self.rows} rows, digest {self.digest}"


@dataclass(frozen=True)
class ContentFingerprint:
    """Contents by `kind identity`, and their digest.

    `unreadable` names what no fingerprint could be taken of; while it is not empty,
    equal digests prove nothing about these.
    """

    items: Mapping[str, Content]
    database: str = ""
    left_out: tuple[str, ...] = ()
    formula: str = CONTENT_FORMULA

    @cached_property
    def digest(self) -> str:
        """Return the hex SHA-256 over formula, identities, rows and digests."""
        return digest_of(self.formula, ((k, str(v)) for k, v in self.items.items()))

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Return the identities that could not be read."""
        return tuple(key for key, item in self.items.items() if item.unreadable)


def read_content(
    connection: psycopg.Connection[Any], tables: Sequence[int | str] | None = None
) -> ContentFingerprint:
    """Read the content fingerprint: all relations, or those named by oid or name.

    Names are schema-qualified SQL names; a partitioned table stands for its leaves.
    All sequences' positions and the large objects are read only with `tables` None.
    Every row is read once. Raise OneroofError when the server refuses a read that
    the catalogs promised, such as at a lock_timeout.
    """
    wanted = tables or ()
    parameters = {
        "all": tables is None,
        "names": [table for table in wanted if isinstance(table, str)],
        "oids": [table for table in wanted if not isinstance(table, str)],
        "own": OWN_SCHEMA,
    }
    with steady_session(connection) as cursor:
        cursor.execute(_OWN, [OWN_SCHEMA], prepare=False)
        left_out = [f"schema {OWN_SCHEMA}"] if cursor.fetchone() != (0,) else []
        cursor.execute(_RELATIONS, parameters, prepare=False)
        relations = [_Relation(*row) for row in cursor]
        items = _read_tables(cursor, relations) | _read_sequences(cursor, relations)
        if tables is None:
            items |= _read_large_objects(cursor)
    left_out += [r.key for r in relations if r.kind == "foreign_table"]
    return ContentFingerprint(items, connection.info.dbname, tuple(left_out))


@dataclass(frozen=True)
class _Relation:
    kind: str
    name: str
    quoted: str
    unreadable: str
    populated: bool

    @property
    def key(self) -> str:
        return f"{self.kind} {self.name}"


def _read_tables(cursor: _Cursor, relations: list[_Relation]) -> dict[str, Content]:
    items = {}
    for relation in relations:
        if relation.kind in ("sequence", "foreign_table"):
            continue
        if relation.unreadable:
            items[relation.key] = Content(None, "", relation.unreadable)
        elif relation.populated:
            query = _ROWS.format(relation.quoted)
            items[relation.key] = Content(*_only_row(cursor, query, relation.key))
        else:
            items[relation.key] = Content(None, "not populated")
    return items


def _read_sequences(cursor: _Cursor, relations: list[_Relation]) -> dict[str, Content]:
    sequences = [r for r in relations if r.kind == "sequence"]
    items = {r.key: Content(None, "", r.unreadable) for r in sequences if r.unreadable}
    readable = [r for r in sequences if not r.unreadable]
    for start in range(0, len(readable), _SEQUENCES_AT_ONCE):
        batch = readable[start : start + _SEQUENCES_AT_ONCE]
        query = " UNION ALL ".join(
            _POSITION.format(number, r.quoted) for number, r in enumerate(batch)
        )
        for number, position in _rows(cursor, query, "sequence positions"):
            items[batch[number].key] = Content(None, position)
    return items


def _read_large_objects(cursor: _Cursor) -> dict[str, Content]:
    count, readable = _only_row(cursor, _LARGE_OBJECTS, _LARGE)
    if count == 0:
        return {}
    if not readable:
        return {_LARGE: Content(None, "", "no SELECT right on pg_largeobject")}
    _, digest = _only_row(cursor, _ROWS.format("pg_catalog.pg_largeobject"), _LARGE)
    return {_LARGE: Content(count, digest)}


def _only_row(cursor: _Cursor, query: str, subject: str) -> tuple[Any, ...]:
    return _rows(cursor, query, subject)[0]


def _rows(cursor: _Cursor, query: str, subject: str) -> list[tuple[Any, ...]]:
    try:
        cursor.execute(query, prepare=False)
        return cursor.fetchall()
    except psycopg.Error as error:
        raise e.OneroofError(
            f"cannot read the content of {subject}: {str(error).strip()}"
        ) from error
