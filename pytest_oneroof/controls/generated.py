"""Faults made from the database's catalog: each rule of a table, one at a time.

A rule is a constraint, a unique index or a trigger. Those of the tables that the
checks write are leant on: what a check may write is what they let through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from pytest_oneroof.controls.catalog import Catalog, Fault
from pytest_oneroof.controls.mutants import Path, figures_of
from pytest_oneroof.controls.touched import Touched
from pytest_oneroof.pack import Pack

# Not-null constraints are left out: PostgreSQL 18 has them in pg_constraint. So is what
# a partition has of its parent: it falls with that, and not by itself.
RULES = """
SELECT c.relname::text, c.oid::regclass::text, 'constraint', k.conname::text,
       pg_catalog.quote_ident(k.conname), true
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
 WHERE c.relnamespace = ANY (%(schemas)s::oid[])
   AND k.contype IN ('c', 'f', 'p', 'u', 'x')
   AND k.conparentid = 0 AND k.coninhcount = 0
UNION ALL
SELECT c.relname::text, c.oid::regclass::text, 'index', i.relname::text,
       x.indexrelid::regclass::text, x.indisunique OR x.indisexclusion
  FROM pg_catalog.pg_index AS x
  JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid
  JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
 WHERE c.relnamespace = ANY (%(schemas)s::oid[])
   AND NOT i.relispartition
   AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_constraint AS k
          WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT c.relname::text, c.oid::regclass::text, 'trigger', t.tgname::text,
       pg_catalog.quote_ident(t.tgname), true
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
 WHERE c.relnamespace = ANY (%(schemas)s::oid[])
   AND NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled <> 'D'
   AND c.relkind IN ('r', 'p')
 ORDER BY 1, 2, 3, 4
"""
SCHEMAS = """
SELECT array_agg(n.oid)
  FROM pg_catalog.pg_namespace AS n
 WHERE n.nspname !~ '^(pg_|information_schema$|oneroof$)'
"""
VIEWS = """
SELECT DISTINCT v.relname::text, t.relname::text
  FROM pg_catalog.pg_depend AS d
  JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
  JOIN pg_catalog.pg_class AS v ON v.oid = r.ev_class
  JOIN pg_catalog.pg_class AS t ON t.oid = d.refobjid
 WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass
   AND d.refclassid = 'pg_catalog.pg_class'::regclass
   AND t.oid <> v.oid
 ORDER BY 1, 2
"""
BREAKS = {
    "constraint": "ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE",
    "index": "DROP INDEX {name}",
    "trigger": "ALTER TABLE {table} DISABLE TRIGGER {name}",
}
DONE = {"constraint": "dropped", "index": "dropped", "trigger": "disabled"}
RULE_KINDS = ("constraint.", "index.", "trigger.")
SPEED = "an index that is not unique changes no result, only how fast it comes"


@dataclass(frozen=True)
class Rule:
    """A rule on a table; `binds` is false for an index that forbids nothing."""

    table: str
    where: str
    kind: str
    name: str
    quoted: str
    binds: bool

    def fault(self) -> Fault:
        """Return the fault of this rule missing."""
        text = BREAKS[self.kind].format(table=self.where, name=self.quoted)
        return Fault(
            ident=f"{self.kind}.{self.where.replace('public.', '')}.{self.name}",
            kind="sql",
            area="schema",
            breaks=f"{self.kind} {self.name} of {self.where} is {DONE[self.kind]}",
            does=(text,),
            equivalent="" if self.binds else SPEED,
            relation=self.table,
        )


def read_rules(connection: psycopg.Connection[Any]) -> tuple[Rule, ...]:
    """Return every rule of every table that is not the server's, by name."""
    found = connection.execute(RULES, {"schemas": read_schemas(connection)}).fetchall()
    return tuple(Rule(*row) for row in found)


def read_views(connection: psycopg.Connection[Any]) -> dict[str, frozenset[str]]:
    """Return the relations that each view reads, by bare names."""
    found: dict[str, frozenset[str]] = {}
    for view, behind in connection.execute(VIEWS).fetchall():
        found[view] = found.get(view, frozenset()) | {behind}
    return found


def read_schemas(connection: psycopg.Connection[Any]) -> Any:
    """Return the schemas that are neither the server's nor ours."""
    row = connection.execute(SCHEMAS).fetchone()
    assert row is not None
    return row[0]


def figures(pack: Pack, touched: Mapping[str, Touched]) -> Iterator[Fault]:
    """Yield a fault for each expected value that checks have read.

    The pack names the files of such values: in others are texts, and what checks do.
    """
    expected = pack.controls.figures
    read_by: dict[str, dict[Path, set[str]]] = {}
    for check, one in touched.items():
        for name, path in one.figures:
            if not any(f"{name}/".startswith(f"{place}/") for place in expected):
                continue
            read_by.setdefault(name, {}).setdefault(path, set()).add(check)
    for name, paths in sorted(read_by.items()):
        text = pack.read_text(name)
        for path in sorted(paths, key=str):
            for label, new in figures_of(text, [path]):
                yield Fault(
                    ident=f"figure.{name.removeprefix('fixtures/')}.{label}",
                    kind="file",
                    area="data",
                    breaks=f"figure {label} of {name} is another",
                    file=name,
                    old=text,
                    new=new,
                    relation=name,
                    shown_to=frozenset(paths[path]),
                )


def explained(faults: Iterable[Fault], catalog: Catalog) -> Iterator[Fault]:
    """Yield faults with the reasons, where there are any, why nobody can notice.

    What explains that a rule is gone explains also that it demands something else.
    """
    for fault in faults:
        whole = fault.ident.rpartition(".")[0]
        ids = [fault.ident, *([whole] if fault.ident.startswith(RULE_KINDS) else [])]
        reasons = (fault.equivalent, *map(catalog.reason, ids))
        yield replace(fault, equivalent=next(filter(None, reasons), ""))


def generate(
    rules: Iterable[Rule], leant_on: Iterable[str], catalog: Catalog
) -> tuple[Fault, ...]:
    """Return a fault for each rule of the tables leant on, explained where it is."""
    tables = set(leant_on)
    found = []
    for rule in rules:
        if rule.table in tables:
            found.append(rule.fault())
    return tuple(explained(found, catalog))
