"""Making a fault by SQL: its statements, or a view's or function's other text."""

from __future__ import annotations

from typing import Any

import psycopg

from pytest_oneroof.controls.catalog import Fault
from pytest_oneroof.errors import SettingsError

# As PostgreSQL prints them, of whatever kind the name is.
DEFINITION = """
SELECT CASE
  WHEN pg_catalog.strpos(%(name)s, '(') > 0 THEN
    pg_catalog.pg_get_functiondef(pg_catalog.to_regprocedure(%(name)s))
  ELSE 'CREATE OR REPLACE VIEW ' || %(name)s || ' AS '
    || pg_catalog.pg_get_viewdef(pg_catalog.to_regclass(%(name)s))
END
"""


def make(connection: psycopg.Connection[Any], fault: Fault) -> None:
    """Make a fault on a connection.

    Raise SettingsError where a definition does not hold what the fault changes,
    psycopg.Error where the server refuses.
    """
    for statement in fault.does:
        connection.execute(statement.encode())
    if fault.definition:
        row = connection.execute(DEFINITION, {"name": fault.definition}).fetchone()
        text = row[0] if row else None
        if not text or fault.old not in text:
            raise SettingsError(
                f"{fault.ident}: {fault.definition} does not hold {fault.old!r}: {text}"
            )
        connection.execute(text.replace(fault.old, fault.new).encode())
