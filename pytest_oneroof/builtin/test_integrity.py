"""Integrity: what is broken in a database, whatever its tables mean.

Each check only reads the catalog, or plans and validates what stands in it, so that it
runs on production as on a clone. It names what it found, at most SHOWN of each kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

pytestmark = pytest.mark.readonly

SQL = Path(__file__).with_name("sql")
SHOWN = 20

Connection = psycopg.Connection[Any]


def test_constraints_are_validated(oneroof_target: Connection) -> None:
    """No constraint is NOT VALID: old rows obey it as new ones must."""
    none_found(oneroof_target, "constraints_not_validated", "ALTER TABLE … VALIDATE")


def test_indexes_are_usable(oneroof_target: Connection) -> None:
    """No index is invalid, not ready, or half dropped."""
    none_found(oneroof_target, "indexes_not_usable", "REINDEX INDEX CONCURRENTLY …")


def test_sequences_are_ahead(oneroof_target: Connection) -> None:
    """No sequence will draw a value that its column already has."""
    behind = [
        line
        for page in pages(oneroof_target, "sequences_of_columns", 0)
        for line in sequences_behind(oneroof_target, page)
    ]
    nothing(behind, "SELECT setval(sequence, the column's largest value)")


def test_triggers_are_enabled(oneroof_target: Connection) -> None:
    """No trigger is disabled, and none of those that keep a foreign key."""
    none_found(oneroof_target, "triggers_disabled", "ALTER TABLE … ENABLE TRIGGER …")


def test_rules_are_enabled(oneroof_target: Connection) -> None:
    """No rewrite rule is disabled."""
    none_found(oneroof_target, "rules_disabled", "ALTER TABLE … ENABLE RULE …")


def test_event_triggers_are_enabled(oneroof_target: Connection) -> None:
    """No event trigger is disabled."""
    repair = "ALTER EVENT TRIGGER … ENABLE"
    none_found(oneroof_target, "event_triggers_disabled", repair)


def test_foreign_keys_have_the_type_they_refer_to(oneroof_target: Connection) -> None:
    """No foreign key refers to a column of another type."""
    repair = "ALTER TABLE … ALTER COLUMN … TYPE …"
    none_found(oneroof_target, "foreign_keys_of_other_type", repair)


def test_views_can_be_planned(oneroof_target: Connection) -> None:
    """Every view can be planned."""
    broken = []
    for page in pages(oneroof_target, "views", ""):
        for (name,) in page:
            query = sql.SQL("EXPLAIN SELECT * FROM {}").format(sql.SQL(name))
            broken += failure(oneroof_target, name, query)
    nothing(broken, "CREATE OR REPLACE VIEW …")


def test_routines_are_valid(oneroof_target: Connection) -> None:
    """Every routine in SQL or PL/pgSQL passes its language's own validator."""
    broken = []
    for page in pages(oneroof_target, "routines", 0):
        for oid, name, validator in page:
            query = sql.SQL("SELECT {}({})").format(sql.SQL(validator), oid)
            broken += failure(oneroof_target, name, query)
    nothing(broken, "CREATE OR REPLACE FUNCTION …")


def test_publications_publish_something(oneroof_target: Connection) -> None:
    """No publication is without tables and schemas."""
    repair = "ALTER PUBLICATION … ADD TABLE …, or DROP PUBLICATION"
    none_found(oneroof_target, "publications_without_tables", repair)


def test_roles_have_a_purpose(oneroof_target: Connection) -> None:
    """No role can log in that owns nothing, is granted nothing and belongs nowhere."""
    none_found(oneroof_target, "roles_without_purpose", "DROP ROLE, or NOLOGIN")


def test_extensions_are_up_to_date(oneroof_target: Connection) -> None:
    """No extension is older than the files that the server has of it."""
    none_found(oneroof_target, "extensions_behind", "ALTER EXTENSION … UPDATE")


def test_wraparound_is_far(oneroof_target: Connection) -> None:
    """No database has used half of its transaction or multixact ids unfrozen."""
    none_found(oneroof_target, "wraparound_near", "VACUUM (FREEZE), and see autovacuum")


def none_found(connection: Connection, file: str, repair: str) -> None:
    """Fail, naming what was found, unless the query of that file finds nothing."""
    nothing([row[0] for row in connection.execute(read(file))], repair)


def nothing(found: list[str], repair: str) -> None:
    """Fail with what was found, and what repairs it."""
    if not found:
        return
    lines = [f"  {line}" for line in found[:SHOWN]]
    if more := len(found) - SHOWN:
        lines += [f"  and {more} more"] if more > 0 else []
    head = f"expected none, found {len(found)}; to repair: {repair}"
    raise AssertionError("\n".join([head, *lines]))


def pages(connection: Connection, file: str, first: Any) -> Iterator[list[Any]]:
    """Yield the rows of a query page by page; its first column is the order."""
    after = first
    while page := connection.execute(read(file), {"after": after}).fetchall():
        yield page
        after = page[-1][0]


def sequences_behind(connection: Connection, page: list[Any]) -> Iterator[str]:
    """Yield the sequences of a page that would collide, with both values."""
    parts = [sequence_query(*row[1:]) for row in page]
    query = sql.SQL("\nUNION ALL\n").join(parts)
    for name, drawn, extreme in connection.execute(query):
        yield f"{name} is at {drawn}, its column at {extreme}"


def sequence_query(
    sequence: str, relation: str, attribute: str, extreme: str
) -> sql.Composed:
    """Return a query with one row if the column is past what the sequence gave."""
    return sql.SQL(
        "SELECT {name}, s.last_value::text, c.extreme::text\n"
        "  FROM {sequence} AS s,\n"
        "       (SELECT pg_catalog.{function}({attribute}) AS extreme FROM {relation})"
        " AS c\n"
        " WHERE c.extreme {past} s.last_value\n"
        "    OR (c.extreme = s.last_value AND NOT s.is_called)"
    ).format(
        name=f"{sequence} ({relation}.{attribute})",
        sequence=sql.SQL(sequence),
        function=sql.SQL(extreme),
        attribute=sql.SQL(attribute),
        relation=sql.SQL(relation),
        past=sql.SQL(">" if extreme == "max" else "<"),
    )


def failure(connection: Connection, name: str, query: sql.Composed) -> list[str]:
    """Return why a query fails, in a list of one, or an empty list."""
    try:
        with connection.transaction():
            connection.execute(query)
    except psycopg.Error as error:
        return [f"{name}: {error.diag.message_primary or error}"]
    return []


def read(file: str) -> LiteralString:
    """Return one of the suite's own queries."""
    return (SQL / f"{file}.sql").read_text(encoding="utf-8")
