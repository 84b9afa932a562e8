"""Which routines of a clone may call setval, which moves a sequence unseen.

`pg_sequence_last_value` does not tell `setval(s, n, false)` on a sequence that
was never called (manual, 9.17): where such a routine may have run, the
sequences themselves are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

MENTIONED = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_proc AS p
                WHERE p.pronamespace <> 'pg_catalog'::regnamespace
                  AND coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc)
                      ~* 'setval')
"""
# Something in the catalogs that depends on a routine (a trigger, a default, a
# view, an operator, ...) runs it without naming it in any text.
ROUTINES = """
SELECT p.proname::text,
       coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc),
       EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass
                  AND d.refobjid = p.oid)
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'oneroof')
 ORDER BY p.oid
"""


@dataclass(frozen=True)
class Routine:
    """One routine: its bare name, its body, and whether others run it by themselves."""

    name: str
    body: str
    depended_on: bool


@dataclass(frozen=True)
class SetvalRoutines:
    """The names of routines that may call setval; `always`: nobody need call them."""

    names: frozenset[str] = frozenset()
    always: bool = False

    def may_run(self, called: Iterable[str]) -> bool:
        """Tell whether one of them may have run, by the names called."""
        return self.always or not self.names.isdisjoint(called)


NONE = SetvalRoutines()


def reaching_setval(routines: Iterable[Routine]) -> SetvalRoutines:
    """Return the routines whose body names setval, or names one that does."""
    left = list(routines)
    reached: set[str] = {"setval"}
    always = False
    while found := [r for r in left if _words(r.body) & reached]:
        left = [routine for routine in left if routine not in found]
        reached |= {routine.name.lower() for routine in found}
        always = always or any(routine.depended_on for routine in found)
    return SetvalRoutines(frozenset(reached - {"setval"}), always)


def read_routines(connection: psycopg.Connection[Any]) -> SetvalRoutines:
    """Read the clone's routines; where none names setval, one short query."""
    if connection.execute(MENTIONED).fetchone() == (False,):
        return NONE
    rows = connection.execute(ROUTINES).fetchall()
    return reaching_setval(Routine(*values) for values in rows)


def _words(body: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", body.lower()))
