"""Whether a pack fits the connected database: are the tables that it needs there?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from pytest_oneroof.pack.model import Pack

SHOWN = 3
MISSING = """
SELECT wanted.name
  FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (name, position)
 WHERE NOT EXISTS (
         SELECT
           FROM pg_catalog.pg_class AS c
           JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
          WHERE n.nspname || '.' || c.relname = wanted.name
            AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
       )
 ORDER BY wanted.position
"""


@dataclass(frozen=True)
class Fit:
    """The pack by which a database is looked at; `left_out` says why it is none."""

    pack: Pack
    left_out: str = ""


def fit_pack(pack: Pack, connection: psycopg.Connection[Any]) -> Fit:
    """Return the pack if it fits the connected database, else what stays of it."""
    rows = connection.execute(MISSING, [list(pack.fits.tables)]).fetchall()
    missing = [name for (name,) in rows]
    if not missing:
        return Fit(pack)
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    told = (
        f"pack {pack.name} does not fit this database: no table "
        f"{', '.join(missing[:SHOWN])}{more}; its suites are left out"
    )
    return Fit(pack.without_checks(), told)
