"""Schema `oneroof` of a clone: the tripwire, and what the end of a check asks.

Made once with the clone, owned by the administrator: checks may insert its row and
call the functions, as whichever role they act, and nothing else.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.errors import CloneError

Connection = psycopg.Connection[Any]
_HERE = Path(__file__).parent
_PARTS = "".join(
    (_HERE / name).read_text(encoding="utf-8") for name in ("tripwire.sql", "exit.sql")
)
CREATE = f"""
SET LOCAL session_replication_role = replica;
DROP SCHEMA IF EXISTS oneroof CASCADE;
CREATE SCHEMA oneroof;
COMMENT ON SCHEMA oneroof IS
  'pytest-oneroof: the tripwire of this clone. Goes with the clone.';
{_PARTS}
"""
OURS = "pytest-oneroof: "
SCHEMA = """
SELECT pg_catalog.obj_description(n.oid, 'pg_namespace')
  FROM pg_catalog.pg_namespace AS n WHERE n.nspname OPERATOR(pg_catalog.=) 'oneroof'
"""
# Part of the key of an embedded server: its clones are built anew with a new edition.
EDITION = hashlib.sha256(CREATE.encode()).hexdigest()


def set_tripwire(on_database: Connection, *names: str) -> None:
    """Create schema `oneroof` anew, for the roles that a check may set itself to.

    Within the transaction that is open. Raise CloneError where the database has a
    schema of that name which is not ours.
    """
    found = on_database.execute(SCHEMA).fetchone()
    if found is not None and not str(found[0]).startswith(OURS):
        raise CloneError(
            "the database has a schema 'oneroof' of its own\n"
            "why: a clone's tripwire has a schema of that name, which is made anew\n"
            "to fix this, rename yours in a copy of it, and adopt the copy: "
            "ALTER SCHEMA oneroof RENAME TO …"
        )
    on_database.execute(CREATE.encode())
    to = sql.SQL(", ").join(map(sql.Identifier, names))
    for grant in (
        "GRANT USAGE ON SCHEMA oneroof TO {}",
        "GRANT INSERT ON oneroof.tripwire TO {}",
    ):
        on_database.execute(sql.SQL(grant).format(to))
