"""One row for each empty table, so that a migration has something to lose.

Values are the simplest of their type; a foreign key takes what its table has. A table
whose rules no such row meets stays empty, and is told.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

# Columns of ordinary tables that are empty of rows, in their order; `refers` is the
# table and column to which a foreign key of one column refers.
COLUMNS = """
SELECT n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
       t.typcategory::text, t.typtype::text, a.attnotnull AND NOT a.atthasdef,
       r.relnamespace::regnamespace::text, r.relname::text, f.attname::text,
       (SELECT e.enumlabel::text FROM pg_catalog.pg_enum AS e
         WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1)
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_constraint AS k
         ON k.conrelid = c.oid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum]
  LEFT JOIN pg_catalog.pg_class AS r ON r.oid = k.confrelid
  LEFT JOIN pg_catalog.pg_attribute AS f
         ON f.attrelid = r.oid AND f.attnum = k.confkey[1]
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'oneroof')
   AND n.nspname !~ '^pg_'
   AND a.attnum > 0 AND NOT a.attisdropped
   AND a.attgenerated = '' AND a.attidentity <> 'a'
 ORDER BY n.nspname, c.relname, a.attnum
"""
# By category of type (manual, 52.64), and by the types that need another.
BY_CATEGORY = {"N": "1", "S": "a", "B": "true", "D": "2024-01-01", "T": "1 hour"}
BY_TYPE = {"uuid": "6d1f0b1e-5b5e-4a3c-9f53-0d0c1e1e6a01", "json": "{}", "jsonb": "{}"}
BY_TYPE |= {"time without time zone": "12:00", "time with time zone": "12:00+00"}
BY_TYPE |= {"bytea": "\\x61", "inet": "127.0.0.1", "cidr": "127.0.0.0/8"}

Table = tuple[str, str]
# Name, type, category, kind, required, and what it refers to; an enum's first label.
Column = tuple[Any, ...]


def fill_empty(
    connection: psycopg.Connection[Any], but: frozenset[Table] = frozenset()
) -> dict[str, str]:
    """Insert a row into each empty table; return those that stay empty, and why.

    Those that others refer to come first, by trying again what has failed. Each row
    has a savepoint; nothing is committed here.
    """
    waiting = _empty_tables(connection, but)
    reasons: dict[Table, str] = {}
    moved = True
    while waiting and moved:
        moved = False
        for table, columns in list(waiting.items()):
            reason = _insert(connection, table, columns)
            if reason:
                reasons[table] = reason
                continue
            del waiting[table]
            moved = True
    return {f"{schema}.{name}": reasons[schema, name] for schema, name in waiting}


def _empty_tables(
    connection: psycopg.Connection[Any], but: frozenset[Table]
) -> dict[Table, list[Column]]:
    found: dict[Table, list[Column]] = {}
    for schema, table, *column in connection.execute(COLUMNS).fetchall():
        found.setdefault((schema, table), []).append(tuple(column))
    return {
        table: columns
        for table, columns in found.items()
        if table not in but and not _has_rows(connection, table)
    }


def _has_rows(connection: psycopg.Connection[Any], table: Table) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(*table))
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def _insert(
    connection: psycopg.Connection[Any], table: Table, columns: list[Column]
) -> str:
    """Insert one row, with all columns or else the required ones; return why not."""
    reason = ""
    for chosen in (columns, [column for column in columns if column[4]]):
        try:
            with connection.transaction():
                connection.execute(_statement(table, chosen))
        except psycopg.Error as error:
            reason = error.diag.message_primary or str(error)
        else:
            return ""
    return reason


def _statement(table: Table, columns: list[Column]) -> sql.Composed:
    into = sql.Identifier(*table)
    if not columns:
        return sql.SQL("INSERT INTO {} DEFAULT VALUES").format(into)
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        into,
        sql.SQL(", ").join(sql.Identifier(column[0]) for column in columns),
        sql.SQL(", ").join(map(_value, columns)),
    )


def _value(column: Column) -> sql.Composable:
    _, type_name, category, kind, _, schema, table, referred, label = column
    if table is not None:
        return sql.SQL("(SELECT {} FROM {} LIMIT 1)").format(
            sql.Identifier(referred), sql.Identifier(schema, table)
        )
    if kind == "e":
        return sql.Literal(label)
    if category == "A":
        return sql.Literal("{}")
    base = type_name.partition("(")[0]
    return sql.Literal(BY_TYPE.get(base, BY_CATEGORY.get(category)))
