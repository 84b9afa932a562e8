"""The schema fingerprint: every definition of a database, and one digest over them.

The formula, what it covers and what it leaves out: docs/fingerprint.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import psycopg

from pytest_oneroof.fingerprint import database as fingerprint_database
from pytest_oneroof.fingerprint import relations as fingerprint_relations
from pytest_oneroof.fingerprint import routines as fingerprint_routines
from pytest_oneroof.fingerprint.brackets import unquote
from pytest_oneroof.fingerprint.canonical import canonical
from pytest_oneroof.fingerprint.session import steady_session

SCHEMA_FORMULA = "oneroof-schema/1"
OWN_SCHEMA = "oneroof"

_PARTS = (
    *fingerprint_routines.PARTS,
    *fingerprint_relations.PARTS,
    *fingerprint_database.PARTS,
)
_QUERY = (
    f"WITH {fingerprint_relations.COMMON},{fingerprint_routines.COMMON}\n"
    "SELECT kind, identity, coalesce(head, '(unknown)'), expression, tail\n  FROM ("
    + "UNION ALL".join(_PARTS)
    + """) AS line
 ORDER BY kind COLLATE "C", identity COLLATE "C", position,
          head COLLATE "C", expression COLLATE "C", tail COLLATE "C"
"""
)
_OWN = "SELECT count(*) FROM pg_namespace WHERE nspname = %s"
_QUERIES = frozenset({"view", "materialized_view"})


@dataclass(frozen=True)
class Scope:
    """What of a database a schema fingerprint covers; by default everything.

    Patterns have `*` and `?`; with a dot they match schema.name, without one the
    name in any schema. With relations come their columns, constraints, indexes,
    triggers with their functions, rules, policies, statistics and sequences; types
    come with the relations that use them, all of them when all relations do.

    :param routines: patterns of functions and procedures, besides trigger functions.
    :param database: also what belongs to no schema: schemas, extensions, event
        triggers, languages, foreign servers, publications, default grants, …
    :param roles: names to write for roles in grants and policies; None leaves the
        role's grants out. The owner of an object is always written `owner`.
    """

    schemas: tuple[str, ...] = ("*",)
    relations: tuple[str, ...] = ("*",)
    routines: tuple[str, ...] = ("*",)
    database: bool = True
    grants: bool = True
    comments: bool = True
    roles: Mapping[str, str | None] = field(default_factory=dict, hash=False)

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the query."""
        return {
            "own": OWN_SCHEMA,
            "column_options": fingerprint_relations.COLUMN_OPTIONS,
            "relation_options": fingerprint_relations.RELATION_OPTIONS,
            "schemas": [_regex(schema) for schema in self.schemas],
            "relations": [_regex(name, qualified=True) for name in self.relations],
            "routines": [_regex(name, qualified=True) for name in self.routines],
            "every_type": "*" in self.relations,
            "database": self.database,
            "grants": self.grants,
            "comments": self.comments,
            "roles": json.dumps(dict(self.roles)),
        }


@dataclass(frozen=True)
class SchemaFingerprint:
    """Definitions by `kind identity`, in canonical text, and their digest."""

    objects: Mapping[str, str]
    database: str = ""
    server_version: int = 0
    left_out: tuple[str, ...] = ()
    formula: str = SCHEMA_FORMULA

    @cached_property
    def digest(self) -> str:
        """Return the hex SHA-256 over formula, identities and definitions."""
        return digest_of(self.formula, self.objects.items())


def read_schema(
    connection: psycopg.Connection[Any], *, scope: Scope | None = None
) -> SchemaFingerprint:
    """Read the schema fingerprint of the database that `connection` is on.

    Needs no right but to read the catalogs, and takes ACCESS SHARE locks on views
    while the server deparses them. Settings of the session are put back.
    """
    with steady_session(connection) as cursor:
        cursor.execute(_OWN, [OWN_SCHEMA], prepare=False)
        own = cursor.fetchone() != (0,)
        parameters = (scope or Scope()).parameters()
        cursor.execute(_QUERY, parameters, prepare=False)
        lines = cursor.fetchall()
        cursor.execute(fingerprint_relations.UNKNOWN_OPTIONS, parameters, prepare=False)
        unknown = [f"option {name} (not a documented one)" for (name,) in cursor]
    return SchemaFingerprint(
        objects=_assemble(lines),
        database=connection.info.dbname,
        server_version=connection.info.server_version,
        left_out=(*([f"schema {OWN_SCHEMA}"] if own else []), *unknown),
    )


def digest_of(formula: str, items: Iterable[tuple[str, str]]) -> str:
    """Return the hex SHA-256 over a formula's name and items, in any order."""
    digest = hashlib.sha256(formula.encode())
    for pair in sorted(items):
        for text in pair:
            data = text.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


def _assemble(lines: list[tuple[Any, ...]]) -> dict[str, str]:
    objects: dict[str, list[str]] = {}
    for kind, identity, head, expression, tail in lines:
        text = unquote(head)
        if expression is not None:
            text += canonical(expression, query=kind in _QUERIES and not head)
        key = f"{kind} {unquote(identity)}"
        objects.setdefault(key, []).append(text + (tail or ""))
    return {key: "\n".join(parts) for key, parts in objects.items()}


def _regex(pattern: str, *, qualified: bool = False) -> str:
    body = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    anywhere = r"(.*\.)?" if qualified and "." not in pattern else ""
    return f"^{anywhere}{body}$"
