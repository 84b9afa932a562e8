"""What the clone's catalog knows of a name that the policy would refuse.

A test's own stub may be called like a function that acts outside: what counts is
which routines of that name there are, and in which language.
"""

from __future__ import annotations

from typing import Any

from psycopg import pq

# A routine in SQL or PL/pgSQL does nothing but what its own statements do.
ROUTINES = """
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
   WHERE p.proname = $1
     AND l.lanname NOT IN ('sql', 'plpgsql')
     AND CASE WHEN $2 <> '' THEN n.nspname = $2
              ELSE $3 OR pg_catalog.pg_function_is_visible(p.oid) END)
"""
LANGUAGES = """
SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_language
                    WHERE lanname = $1 AND lanpltrusted)
"""


class RoutineCatalog:
    """Asks in the check's own transaction; where that cannot be, a name stands."""

    def __init__(self, pgconn: Any) -> None:
        self._pgconn = pgconn

    def has_function(self, name: str, *, anywhere: bool) -> bool:
        """Tell whether a routine of that name is not in SQL or PL/pgSQL."""
        schema, _, function = name.rpartition(".")
        return self._ask(ROUTINES, function, schema, "t" if anywhere else "f")

    def has_untrusted_language(self, name: str) -> bool:
        """Tell whether that language is not one that the database trusts."""
        return self._ask(LANGUAGES, name)

    def _ask(self, query: str, *values: str) -> bool:
        pgconn = self._pgconn
        if pgconn.pipeline_status:
            return True
        given = [value.encode() for value in values]
        result = pgconn.exec_params(query.encode(), given)
        answered = result.status == pq.ExecStatus.TUPLES_OK
        return not answered or result.get_value(0, 0) == b"t"
