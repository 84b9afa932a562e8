"""The secret scan of a clone: names, contents and routine bodies, sampled and bounded.

A finding says rule, place and how often; the value itself leaves this module in
no way. What was not looked at is told: a scan that was cut short shows nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.provenance.secret_rules import (
    MASKED,
    SECRET_NAME,
    SecretRule,
    builtin_rules,
    detector_rules,
    detector_version,
)
from pytest_oneroof.provenance.secrets_allow import read_allowed

Connection = psycopg.Connection[Any]

ROWS = 500
BYTES = 8_192
SECONDS = 60.0
_SHORTEST = 6

# Columns that can hold text, of the tables that hold rows; ours are left out.
COLUMNS = """
SELECT n.nspname::text, c.relname::text, greatest(c.reltuples, 0)::bigint,
       has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
         AND NOT row_security_active(c.oid),
       array_agg(a.attname::text ORDER BY a.attnum)
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
 WHERE c.relkind IN ('r', 'm')
   AND c.relispopulated
   AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_'
   AND n.nspname NOT IN ('information_schema', 'oneroof')
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND t.typcategory IN ('S', 'U', 'A', 'C', 'I', 'X')
   AND t.typname <> 'uuid'
 GROUP BY n.nspname, c.relname, c.reltuples, c.oid, n.oid
 ORDER BY n.nspname, c.relname
"""
# Text that lies in the catalogs: routine bodies, views, defaults, comments.
CATALOG = """
SELECT 'routine ' || n.nspname || '.' || p.proname AS place, p.prosrc AS body
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'oneroof')
UNION ALL
SELECT 'view ' || n.nspname || '.' || c.relname, pg_catalog.pg_get_viewdef(c.oid)
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm')
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'oneroof')
UNION ALL
SELECT 'default of ' || n.nspname || '.' || c.relname || '.' || a.attname,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid)
  FROM pg_catalog.pg_attrdef AS d
  JOIN pg_catalog.pg_class AS c ON c.oid = d.adrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.adnum
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'oneroof')
UNION ALL
SELECT 'comment on ' || n.nspname || '.' || c.relname, d.description
  FROM pg_catalog.pg_description AS d
  JOIN pg_catalog.pg_class AS c
    ON c.oid = d.objoid AND d.classoid = 'pg_catalog.pg_class'::regclass
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'oneroof')
 ORDER BY place, body
"""


@dataclass(frozen=True)
class Bounds:
    """How much is looked at: rows of a table, bytes of a value, seconds in all."""

    rows: int = ROWS
    bytes: int = BYTES
    seconds: float = SECONDS


@dataclass(frozen=True)
class SecretFinding:
    """One rule that found something in one place, and in how many values."""

    rule: str
    kind: str
    place: str
    count: int

    def __str__(self) -> str:
        times = f" in {self.count} values" if self.count > 1 else ""
        return f"{self.kind} ({self.rule}) at {self.place}{times}"


@dataclass(frozen=True)
class Scan:
    """What the scan found, what was allowed, and what it did not look at.

    `sampled` are relations of which only some rows were read; `unread` what
    could not be read, or not in time; `stale` entries of the allow-file that
    nothing needed.
    """

    findings: tuple[SecretFinding, ...]
    allowed: tuple[SecretFinding, ...] = ()
    stale: tuple[str, ...] = ()
    sampled: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    relations: int = 0
    values: int = 0
    detector: str = ""

    @property
    def shown(self) -> bool:
        """Whether 'no finding' means anything: all rules ran, over every relation."""
        return bool(self.detector) and not self.unread

    @property
    def contains_secrets(self) -> str:
        """YES, NO, or NOT_SHOWN where the scan did not reach everything."""
        if self.findings:
            return "YES"
        return "NO" if self.shown else "NOT_SHOWN"

    @property
    def line(self) -> str:
        """The scan in one line: what it found by class, and how far it looked."""
        classes: Counter[str] = Counter()
        for finding in self.findings:
            classes[finding.kind] += finding.count
        found = ", ".join(f"{kind} {count}" for kind, count in sorted(classes.items()))
        looked = f"{self.values} values of {self.relations} relations"
        by = self.detector or "tokens not looked for"
        unread = f"; {len(self.unread)} not read" if self.unread else ""
        told = f"{found}; " if found else ""
        return (
            f"contains_secrets: {self.contains_secrets} ({told}{looked}, {by}{unread})"
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scan:
        """Return the scan that `dataclasses.asdict` made plain."""
        parts: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        for name in ("findings", "allowed"):
            parts[name] = tuple(SecretFinding(**found) for found in values[name])
        return cls(**parts)


@dataclass
class _Reading:
    """The running scan: rules, what was found by rule and place, what was seen."""

    rules: Sequence[SecretRule]
    found: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seen: set[int] = field(default_factory=set)
    values: int = 0

    def look(self, place: str, text: str) -> None:
        self.values += 1
        key = hash((place, text))
        if key in self.seen:
            return
        self.seen.add(key)
        for rule in self.rules:
            if rule.finds(text):
                self.found[rule.name, rule.kind, place] += 1

    def findings(self) -> list[SecretFinding]:
        return [SecretFinding(*key, count) for key, count in sorted(self.found.items())]


def scan(
    connection: Connection,
    *,
    allow: Path | None = None,
    live_hosts: Sequence[str] = (),
    bounds: Bounds | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Scan:
    """Look through a clone for secrets; read only, within `bounds`.

    Of a table with more rows than the bound a repeatable sample is read. Raise
    SettingsError for an allow-file that cannot be read or gives no reason.
    """
    allowed = read_allowed(allow) if allow is not None else {}
    limits = bounds or Bounds()
    tokens = detector_rules()
    reading = _Reading((*builtin_rules(tuple(live_hosts)), *tokens))
    until = clock() + limits.seconds
    for place, body in connection.execute(CATALOG).fetchall():
        reading.look(place, body or "")
    tables = connection.execute(COLUMNS).fetchall()
    sampled, unread = [], []
    for schema, table, estimate, readable, columns in tables:
        name = f"{schema}.{table}"
        if not readable or clock() > until:
            unread.append(f"{name} ({'no time left' if readable else 'no right'})")
            continue
        rows = _rows(connection, (schema, table), columns, estimate, limits)
        if max(estimate, len(rows)) >= limits.rows:
            total = max(estimate, len(rows))
            sampled.append(f"{name} ({len(rows)} rows of about {total})")
        _look_at(reading, name, columns, rows)
    found = reading.findings()
    kept = tuple(f for f in found if (f.rule, f.place) not in allowed)
    used = {(f.rule, f.place) for f in found}
    return Scan(
        findings=kept,
        allowed=tuple(f for f in found if f not in kept),
        stale=tuple(
            f"{rule} {place}" for rule, place in allowed if (rule, place) not in used
        ),
        sampled=tuple(sampled),
        unread=tuple(unread),
        relations=len(tables),
        values=reading.values,
        detector=detector_version() if tokens else "",
    )


def _rows(
    connection: Connection,
    name: tuple[str, str],
    columns: Sequence[str],
    estimate: int,
    limits: Bounds,
) -> list[tuple[Any, ...]]:
    """Return the columns of a table as text; of a big one its head and a sample.

    The sample is of whole pages, and repeatable (manual, SELECT, TABLESAMPLE).
    """
    listed = sql.SQL(", ").join(
        sql.SQL("left(t.{}::text, {})").format(
            sql.Identifier(column), sql.Literal(limits.bytes)
        )
        for column in columns
    )
    head = sql.SQL("(SELECT {} FROM ONLY {} AS t LIMIT {})")
    half = limits.rows // 2 if estimate > limits.rows else limits.rows
    query = head.format(listed, sql.Identifier(*name), sql.Literal(half))
    if estimate > limits.rows:
        share = min(100.0, 300.0 * limits.rows / estimate)
        sample = sql.SQL(
            "(SELECT {} FROM ONLY {} AS t"
            " TABLESAMPLE SYSTEM ({}) REPEATABLE (1) LIMIT {})"
        ).format(listed, sql.Identifier(*name), sql.Literal(share), sql.Literal(half))
        query = sql.SQL(" UNION ALL ").join([query, sample])
    return connection.execute(query).fetchall()


def _look_at(
    reading: _Reading,
    name: str,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    by_name = [bool(SECRET_NAME.search(column)) for column in columns]
    for row in rows:
        for column, named, text in zip(columns, by_name, row, strict=True):
            if text is None or len(text) < _SHORTEST:
                continue
            reading.look(f"{name}.{column}", text)
            if named and not MASKED.fullmatch(text):
                reading.found["secret-name", "secret by name", f"{name}.{column}"] += 1


def describe(scan_: Scan) -> Iterator[str]:
    """Yield the scan as lines: what was found, allowed, not looked at."""
    yield scan_.line
    for finding in scan_.findings:
        yield f"  found: {finding}"
    for finding in scan_.allowed:
        yield f"  allowed: {finding}"
    for entry in scan_.stale:
        yield f"  allowed and not found: {entry}"
    for place in scan_.unread:
        yield f"  not read: {place}"
    if scan_.sampled:
        shown = ", ".join(scan_.sampled[:3])
        more = f" and {len(scan_.sampled) - 3} more" if len(scan_.sampled) > 3 else ""
        yield f"  sampled: {shown}{more}"
    if not scan_.detector:
        yield "  install the token rules: pip install 'pytest-oneroof[provenance]'"
