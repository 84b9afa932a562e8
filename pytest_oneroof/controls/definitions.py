"""Faults made from definitions in the catalog: views, routines, rules, columns, grants.

The server prints a definition, `mutants.py` turns one thing of it, and the server takes
it back. Each fault knows the checks that lean on what it breaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.clone.app_roles import ROLE_COMMENT
from pytest_oneroof.controls.catalog import Fault
from pytest_oneroof.controls.mutants import OTHER, Mutant, mutants_of
from pytest_oneroof.controls.touched import Touched

# Of a bigger table one row is changed, never all.
MANY_ROWS = 1000
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
# What a rule demands: a CHECK, a foreign key, the predicate of a unique index, a
# trigger, a column that may not be null.
DEMANDS = """
SELECT c.relname::text, c.oid::regclass::text, k.contype::text,
       pg_catalog.quote_ident(k.conname), pg_catalog.pg_get_constraintdef(k.oid)
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
 WHERE c.relnamespace = ANY (%(schemas)s::oid[])
   AND k.contype IN ('c', 'f') AND k.conparentid = 0
UNION ALL
SELECT c.relname::text, c.oid::regclass::text, 'index', x.indexrelid::regclass::text,
       pg_catalog.pg_get_indexdef(x.indexrelid)
  FROM pg_catalog.pg_index AS x
  JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid
 WHERE c.relnamespace = ANY (%(schemas)s::oid[])
   AND x.indisunique AND x.indpred IS NOT NULL
UNION ALL
SELECT c.relname::text, c.oid::regclass::text, 'trigger',
       pg_catalog.quote_ident(t.tgname), pg_catalog.pg_get_triggerdef(t.oid)
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
 WHERE c.relnamespace = ANY (%(schemas)s::oid[])
   AND NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled <> 'D'
   AND t.tgqual IS NULL AND c.relkind IN ('r', 'p')
UNION ALL
SELECT c.relname::text, c.oid::regclass::text, 'column',
       pg_catalog.quote_ident(a.attname), 'NOT NULL'
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
 WHERE c.relnamespace = ANY (%(schemas)s::oid[])
   AND c.relkind IN ('r', 'p')
   AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
   AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_index AS x
          WHERE x.indrelid = c.oid AND x.indisprimary
            AND a.attnum = ANY (x.indkey::smallint[]))
 ORDER BY 1, 2, 3, 4
"""
COLUMNS = """
SELECT c.relname::text, c.oid::regclass::text, a.attname::text,
       pg_catalog.quote_ident(a.attname),
       c.relnamespace::regnamespace::text || '.' || c.relname,
       pg_catalog.format_type(a.atttypid, a.atttypmod),
       c.reltuples::bigint
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
 WHERE c.relnamespace = ANY (%(schemas)s::oid[])
   AND c.relkind IN ('r', 'p')
   AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 ORDER BY 1, 2, a.attnum
"""
# Each privilege of whoever has one, and of PUBLIC; a clone's stand-ins, which only
# repeat what others have been granted, are left out.
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
       AND NOT pg_catalog.starts_with(
             coalesce(pg_catalog.shobj_description(r.oid, 'pg_authid'), ''),
             %(stand_in)s)
  ) AS who
 WHERE c.relnamespace = ANY (%(schemas)s::oid[]) AND c.relkind IN ('r', 'p', 'v')
 ORDER BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Definitions:
    """What the catalog tells, in the order of the queries above."""

    views: Sequence[Any]
    routines: Sequence[Any]
    demands: Sequence[Any]
    columns: Sequence[Any]
    grants: Sequence[Any]


def read_definitions(connection: psycopg.Connection[Any], schemas: Any) -> Definitions:
    """Return the definitions of all that is not the server's."""
    given = {
        "schemas": schemas,
        "privileges": list(PRIVILEGES),
        "stand_in": ROLE_COMMENT,
    }

    def read(query: str) -> Sequence[Any]:
        return connection.execute(query.encode(), given).fetchall()

    return Definitions(
        read(VIEWS),
        read(ROUTINES),
        read(DEMANDS),
        read(COLUMNS),
        read(GRANTS),
    )


def from_definitions(
    found: Definitions, touched: Mapping[str, Touched], registries: Sequence[str]
) -> Iterator[Fault]:
    """Yield a fault for each thing of a definition that checks lean on.

    Columns are broken in the `registries`, whose values checks compare.
    """
    yield from _of_views(found.views, touched)
    yield from _of_routines(found.routines, touched)
    yield from _of_demands(found.demands, touched)
    columns = [row for row in found.columns if row[4] in registries]
    yield from _of_columns(columns, touched)
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


def _writing(touched: Mapping[str, Touched], relation: str) -> list[str]:
    return [name for name, one in touched.items() if relation in one.written]


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


def _of_demands(
    demands: Sequence[Any], touched: Mapping[str, Touched]
) -> Iterator[Fault]:
    for table, where, kind, name, text in demands:
        checks = _writing(touched, table)
        if not checks:
            continue
        for label, does in _loosened(where, kind, name, text):
            yield _fault(
                f"{_KINDS[kind]}.{where}.{name}.{label}",
                table,
                f"{_KINDS[kind]} {name} of {where}: {label}",
                does,
                # Whoever writes the table, or only asks for its rules.
                {*checks, *_using(touched, table)},
            )


_KINDS = {
    "c": "constraint",
    "f": "constraint",
    "index": "index",
    "trigger": "trigger",
    "column": "not-null",
}


def _loosened(where: str, kind: str, name: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield what makes a rule demand another thing, or nothing."""
    if kind == "column":
        yield "dropped", f"ALTER TABLE {where} ALTER COLUMN {name} DROP NOT NULL"
    elif kind == "trigger":
        for word in ("EXECUTE FUNCTION", "EXECUTE PROCEDURE"):
            if word in text:
                new = text.replace(word, f"WHEN (false) {word}")
                yield "never", f"DROP TRIGGER {name} ON {where}; {new}"
    elif kind == "index":
        for label, new in mutants_of(text):
            yield label, f"DROP INDEX {name}; {new}"
    else:
        changed = mutants_of(text) if kind == "c" else _loose_key(text)
        for label, new in (*changed, *_always(kind, text)):
            again = f"ADD CONSTRAINT {name} {new}"
            yield label, f"ALTER TABLE {where} DROP CONSTRAINT {name}, {again}"


def _always(kind: str, text: str) -> Iterator[Mutant]:
    if kind == "c":
        yield Mutant("always", text.replace("CHECK (", "CHECK (true OR ", 1))


def _loose_key(text: str) -> Iterator[Mutant]:
    """Yield a foreign key that deletes along, or is checked late or not at all."""
    if " ON DELETE " not in text:
        yield Mutant("cascades", f"{text} ON DELETE CASCADE")
    if " DEFERRABLE" not in text:
        yield Mutant("deferred", f"{text} DEFERRABLE INITIALLY DEFERRED")
    if " NOT VALID" not in text:
        yield Mutant("not-valid", f"{text} NOT VALID")


def _of_columns(
    columns: Sequence[Any], touched: Mapping[str, Touched]
) -> Iterator[Fault]:
    """Yield data faults of each column that a text reads by its name."""
    read_by: dict[tuple[str, str], set[str]] = {}
    for check, one in touched.items():
        for pair in one.columns:
            read_by.setdefault(pair, set()).add(check)
    for table, where, bare, name, _, kind, many in columns:
        checks = read_by.get((table, bare), set())
        if not checks:
            continue
        for label, does in _other_values(where, name, kind, many=many > MANY_ROWS):
            yield _fault(
                f"column.{where}.{name}.{label}",
                table,
                f"column {name} of {where}: {label}",
                does,
                checks,
            )


def _other_values(
    where: str, name: str, kind: str, *, many: bool
) -> Iterator[tuple[str, str]]:
    one = f"ctid = (SELECT ctid FROM {where} ORDER BY ctid LIMIT 1)"
    other = _another(f"coalesce({name}, {_nothing(kind)})", kind)
    update = f"UPDATE {where} SET {name} ="
    differs = f"{name} IS DISTINCT FROM {other}"
    yield "one-other", f"{update} {other} WHERE {one} AND {differs}"
    if many:
        return
    first = f"(SELECT min({name}::text) FROM {where})"
    last = f"(SELECT max({name}::text) FROM {where})"
    swapped = f"CASE {name}::text WHEN {first} THEN {last} ELSE {first} END"
    yield (
        "exchanged",
        f"{update} ({swapped})::{kind}"
        f" WHERE {name}::text IN ({first}, {last}) AND {first} <> {last}",
    )


def _nothing(kind: str) -> str:
    """Return the value that stands for none, to be made another."""
    if kind == "boolean":
        return "false"
    if kind.startswith(NUMBERS):
        return "0"
    if kind.startswith("timestamp") or kind == "date":
        return f"now()::{kind}"
    if kind.startswith(("text", "character")):
        return "''"
    return f"NULL::{kind}"


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
