"""Custom settings (app.tenant) that outlive the transaction in which they were made.

PostgreSQL keeps one for the rest of the session, as '', also where it was set for a
transaction that was rolled back, and lists it nowhere; its name can be asked for. A
session that knows one is made anew for the next check, as current_setting() would
tell that check '' instead of NULL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from pytest_oneroof.statements.read import ANY, read_whole

# Of routines that may make one; another language's are not readable.
ROUTINES = r"""
SELECT p.proname::text, pg_catalog.pg_get_functiondef(p.oid)
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'oneroof')
   AND p.prokind IN ('f', 'p')
   AND l.lanname IN ('sql', 'plpgsql')
   AND (p.proconfig IS NOT NULL
        OR coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc)
           ~* '\m(set|set_config|execute)\M')
"""
KNOWN = """
SELECT n FROM pg_catalog.unnest(%s::text[]) AS n
 WHERE pg_catalog.pg_settings_get_flags(n) IS NOT NULL
"""


@dataclass(frozen=True)
class Watched:
    """Custom settings that routines of the clone may make.

    `names` are written in their bodies; `computing` are the routines, by name, that
    compute one.
    """

    names: frozenset[str] = frozenset()
    computing: frozenset[str] = frozenset()


def read_watched(connection: psycopg.Connection[Any]) -> Watched:
    """Read what routines may make that the session does not know from its begin.

    Settings of the database, of the role and of preloaded libraries are known from
    the begin: setting one leaves nothing.
    """
    # Pairs: overloads have one name.
    made = [
        (name, read_whole(definition).custom_settings)
        for name, definition in connection.execute(ROUTINES)
    ]
    names = frozenset().union(*(settings for _, settings in made)) - {ANY}
    known = {name for (name,) in connection.execute(KNOWN, [sorted(names)])}
    computing = {name for name, settings in made if ANY in settings}
    return Watched(names - known, frozenset(computing))
