"""Schema `oneroof` of a clone: the tripwire, and what the end of a check asks.

Made once with the clone, owned by the administrator: checks may insert its row and
call the functions, as whichever role they act, and nothing else.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]
_HERE = Path(__file__).parent
_PARTS = "".join(
    (_HERE / name).read_text(encoding="utf-8") for name in ("tripwire.sql", "exit.sql")
)
# Names of this schema serve every role that a check may set itself to.
CREATE = f"""
SET LOCAL session_replication_role = replica;
DROP SCHEMA IF EXISTS oneroof CASCADE;
CREATE SCHEMA oneroof;
COMMENT ON SCHEMA oneroof IS
  'pytest-oneroof: the tripwire of this clone. Goes with the clone.';
GRANT USAGE ON SCHEMA oneroof TO PUBLIC;
{_PARTS}
"""
# Part of the key of an embedded server: its clones are built anew with a new edition.
EDITION = hashlib.sha256(CREATE.encode()).hexdigest()


def set_tripwire(on_database: Connection) -> None:
    """Create schema `oneroof` anew, within the transaction that is open."""
    on_database.execute(CREATE.encode())
