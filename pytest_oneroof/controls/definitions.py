"""Faults made from definitions in the catalog: of views, routines and grants.

The server prints a definition, `mutants.py` turns one thing of it, and the server takes
it back. Each fault knows the checks that lean on what it breaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.controls.catalog import Fault
from pytest_oneroof.controls.mutants import OTHER, Mutant, mutants_of
from pytest_oneroof.controls.touched import Touched

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES")
NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")

VIEWS = """
SELECT c.relname::text, c.oid::regclass::text,
       pg_catalog.rtrim(pg_catalog.pg_get_viewdef(c.oid), ';'),
       (SELECT pg_catalog.array_agg(
                 ARRAY[pg_catalog.quote_ident(a.attname),
                       pg_catalog.format_type(a.atttypid, a.atttypmod)]
                 ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute AS a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
  FROM pg_catalog.pg_class AS c
 WHERE c.relkind = 'v' AND c.relnamespace = ANY (%(schemas)s::oid[])
 ORDER BY 1, 2
"""
# A trigger's function is leant on by whoever writes one of its tables.
ROUTINES = """
SELECT p.proname::text, p.oid::regprocedure::text,
       pg_catalog.pg_get_functiondef(p.oid), p.prosrc, l.lanname::text,
       ARRAY(SELECT DISTINCT c.relname::text
               FROM pg_catalog.pg_trigger AS t
               JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
              WHERE t.tgfoid = p.oid AND t.tgenabled <> 'D')
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
 WHERE p.prokind = 'f' AND l.lanname IN ('sql', 'plpgsql')
   AND p.prosqlbody IS NULL
   AND p.pronamespace = ANY (%(schemas)s::oid[])
   AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_depend AS d
          WHERE d.classid = 'pg_catalog.pg_proc'::regclass
            AND d.objid = p.oid AND d.deptype = 'e')
 ORDER BY 1, 2
"""
# Each privilege of whoever has one, and of PUBLIC.
GRANTS = """
SELECT c.relname::text, c.oid::regclass::text, who.name, held.privilege,
       EXISTS (
         SELECT FROM pg_catalog.aclexplode(c.relacl) AS a
          WHERE a.privilege_type = held.privilege AND a.grantee = who.role)
  FROM pg_catalog.pg_class AS c
  CROSS JOIN unnest(%(privileges)s::text[]) AS held (privilege)
  CROSS JOIN LATERAL (
    SELECT 'public' AS name, 0::oid AS role
     UNION
    SELECT r.rolname::text, r.oid
      FROM pg_catalog.aclexplode(c.relacl) AS a
      JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
     WHERE a.grantee <> c.relowner
  ) AS who
 WHERE c.relnamespace = ANY (%(schemas)s::oid[]) AND c.relkind IN ('r', 'p', 'v')
 ORDER BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Definitions:
    """What the catalog tells, in the order of the queries above."""

    views: Sequence[Any]
    routines: Sequence[Any]
    grants: Sequence[Any]


def read_definitions(connection: psycopg.Connection[Any], schemas: Any) -> Definitions:
    """Return the definitions of all that is not the server's."""
    given = {"schemas": schemas, "privileges": list(PRIVILEGES)}

    def read(query: str) -> Sequence[Any]:
        return connection.execute(query.encode(), given).fetchall()

    return Definitions(read(VIEWS), read(ROUTINES), read(GRANTS))


def from_definitions(
    found: Definitions, touched: Mapping[str, Touched]
) -> Iterator[Fault]:
    """Yield a fault for each thing of a definition that checks lean on."""
    yield from _of_views(found.views, touched)
    yield from _of_routines(found.routines, touched)
    yield from _of_grants(found.grants, touched)


def _fault(
    ident: str, relation: str, breaks: str, does: str, shown_to: Iterable[str]
) -> Fault:
    """Return a generated fault; its id is without the schema public."""
    return Fault(
        ident=ident.replace("public.", ""),
        kind="sql",
        area="schema",
        breaks=breaks,
        does=(does,),
        relation=relation,
        shown_to=frozenset(shown_to),
    )


def _using(touched: Mapping[str, Touched], relation: str) -> list[str]:
    return [name for name, one in touched.items() if relation in one.used]


def _of_views(views: Sequence[Any], touched: Mapping[str, Touched]) -> Iterator[Fault]:
    for name, where, text, columns in views:
        checks = _using(touched, name)
        if not checks:
            continue
        for label, new in (*mutants_of(text), *_view_rows(text, columns)):
            yield _fault(
                f"view.{where}.{label}",
                name,
                f"view {where} has {label} in its definition",
                f"CREATE OR REPLACE VIEW {where} AS {new}",
                checks,
            )


def _view_rows(text: str, columns: Sequence[Sequence[str]]) -> Iterator[Mutant]:
    """Yield a view with one column another, a row less, and a row twice."""
    names = [name for name, _ in columns]
    for number, (name, kind) in enumerate(columns):
        shown = list(names)
        shown[number] = f"{_another(name, kind)} AS {name}"
        listed = ", ".join(shown)
        yield Mutant(f"column-{name}", f"SELECT {listed} FROM ({text}) AS held")
    yield Mutant("row-lost", f"SELECT * FROM ({text}) AS held OFFSET 1")
    twice = f"SELECT * FROM ({text}) AS held UNION ALL"
    yield Mutant("row-twice", f"{twice} (SELECT * FROM ({text}) AS held LIMIT 1)")


def _another(name: str, kind: str) -> str:
    """Return an expression of a column's kind that is another value."""
    if kind == "boolean":
        return f"NOT {name}"
    if kind.startswith(NUMBERS):
        return f"{name} + 1"
    if kind.startswith(("text", "character")):
        return f"({name} || '{OTHER}')::{kind}"
    if kind.startswith("timestamp") or kind == "date":
        return f"({name} + interval '1 year')::{kind}"
    return f"NULL::{kind}"


def _of_routines(
    routines: Sequence[Any], touched: Mapping[str, Touched]
) -> Iterator[Fault]:
    leaning = {r[1]: _leaning_on_routine(r, touched) for r in routines}
    # A function that such a function calls, is leant on by the same checks.
    for _ in routines:
        before = {name: len(checks) for name, checks in leaning.items()}
        for _, signature, _, source, _, _ in routines:
            for name, other, *_ in routines:
                if other != signature and f"{name}(" in source:
                    leaning[other] |= leaning[signature]
        if before == {name: len(checks) for name, checks in leaning.items()}:
            break
    for name, signature, text, source, language, _ in routines:
        if not leaning[signature] or source not in text:
            continue
        for label, new in mutants_of(source, block=language == "plpgsql"):
            yield _fault(
                f"routine.{signature}.{label}",
                name,
                f"routine {signature} has {label} in its body",
                text.replace(source, new),
                leaning[signature],
            )


def _leaning_on_routine(routine: Any, touched: Mapping[str, Touched]) -> set[str]:
    tables = frozenset(routine[5])
    return {
        name
        for name, one in touched.items()
        if tables & one.written or routine[0] in one.used
    }


def _of_grants(
    grants: Sequence[Any], touched: Mapping[str, Touched]
) -> Iterator[Fault]:
    """Yield, for tables whose grants are read, each one taken or given."""
    for relation, where, grantee, privilege, held in grants:
        checks = [c for c, one in touched.items() if relation in one.granted]
        if checks:
            verb, way, done = (
                ("REVOKE", "FROM", "taken") if held else ("GRANT", "TO", "given")
            )
            role = "PUBLIC" if grantee == "public" else _identifier(grantee)
            yield _fault(
                f"grant.{where}.{grantee}.{privilege.lower()}-{done}",
                relation,
                f"{privilege} on {where} is {done}, of {grantee}",
                f"{verb} {privilege} ON {where} {way} {role}",
                checks,
            )


def _identifier(name: str) -> str:
    return sql.Identifier(name).as_string()
