"""Where a clone comes from, and by which way it is copied from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.settings import Setting, read_settings
from pytest_oneroof.errors import CloneError, SettingsError
from pytest_oneroof.ownership.proofs import Seen, Source, judge_source
from pytest_oneroof.postgres.connect import parse, pinned, unbound
from pytest_oneroof.redaction import redact

AUTO, TEMPLATE, DUMP = "auto", "template", "dump"

_FACTS = """
SELECT pg_catalog.current_database() AS database,
       d.oid::bigint AS oid,
       pg_catalog.pg_database_size(d.oid) AS size,
       pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.pg_postmaster_start_time() AS started,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
       d.datcollate AS collation, d.datctype AS ctype, d.datlocprovider AS provider,
       COALESCE(pg_catalog.to_jsonb(d) ->> 'datlocale',
                pg_catalog.to_jsonb(d) ->> 'daticulocale') AS locale
  FROM pg_catalog.pg_database AS d
 WHERE d.datname = pg_catalog.current_database()
"""
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
_OTHER_LOCALE = {"i": "ICU_LOCALE", "b": "BUILTIN_LOCALE"}


@dataclass(frozen=True)
class Origin:
    """A database to copy: how it is reached, and what a copy has to be like.

    `found` is set where it lies on the clone's own server; `facts` are as read by
    the session `pid`, which may not have ended yet.
    """

    url: str
    found: Seen | None
    major: int
    facts: Mapping[str, Any]
    settings: tuple[Setting, ...]
    pid: int

    @property
    def name(self) -> str:
        """The database's name."""
        return str(self.facts["database"])

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return int(self.facts["size"])

    def source(self) -> Source:
        """Return it as what a database of the same server is copied from."""
        assert self.found is not None
        return judge_source(self.found)


def read_origin(host: Host, source: str) -> Origin:
    """Return the origin that a database name or a URL names. Reads only.

    Raise SettingsError where there is none, ServerError where it does not answer.
    """
    if "://" not in source and "=" not in source:
        if host.find(source) is None:
            raise SettingsError(f"there is no database {source!r} to copy")
        source = host.url(source)
    if not parse(source).get("dbname"):
        raise SettingsError(f"{redact(source)} names no database to copy")
    with unbound(source) as connection:
        cursor = connection.execute(_FACTS)
        assert cursor.description is not None
        row = cursor.fetchone()
        assert row is not None
        names = [column.name for column in cursor.description]
        facts = dict(zip(names, row, strict=True))
        major = connection.info.server_version // 10000
        found = host.find(row[0]) if _is_on(host, connection, facts) else None
        pid = connection.info.backend_pid
        settings = read_settings(connection, str(facts["database"]))
        url = pinned(source, connection)
        return Origin(url, found, major, facts, settings, pid)


def choose_way(host: Host, origin: Origin, wanted: str) -> tuple[str, str]:
    """Return by which way to copy, and why.

    PostgreSQL copies a database as a template only while it has no sessions, and
    lets nobody in meanwhile: for a live one it is pg_dump. Raise CloneError where
    the way that is asked for cannot be gone.
    """
    if origin.found is None:
        if wanted == TEMPLATE:
            raise CloneError(
                f"{origin.name!r} cannot be a template: it lies on another server\n"
                "to fix this, leave --by out, or give --by dump"
            )
        return DUMP, "it lies on another server"
    standing = _told_backends(host, origin)
    if wanted == TEMPLATE and standing:
        raise CloneError(
            f"{origin.name!r} cannot be a template: {standing} on it; none is ended\n"
            "to fix this, leave --by out, or give --by dump"
        )
    if wanted == DUMP:
        return DUMP, "it was asked for"
    if standing:
        return DUMP, f"{standing} on it"
    return TEMPLATE, "nobody is on it" if wanted == AUTO else "it was asked for"


def locale_of(origin: Origin, *, plain: bool = False) -> sql.Composable:
    """Return the words that give a new database the same locale.

    With `plain` it is C, which every server knows.
    """
    facts = origin.facts
    if plain:
        return sql.SQL("ENCODING {} LOCALE_PROVIDER libc LOCALE 'C'").format(
            facts["encoding"]
        )
    clause = sql.SQL("ENCODING {} LOCALE_PROVIDER {} LC_COLLATE {} LC_CTYPE {}").format(
        facts["encoding"],
        sql.SQL(_PROVIDERS[facts["provider"]]),
        facts["collation"],
        facts["ctype"],
    )
    if word := _OTHER_LOCALE.get(facts["provider"]):
        clause += sql.SQL(f" {word} {{}}").format(facts["locale"])
    return clause


def _told_backends(host: Host, origin: Origin) -> str:
    """Return who is on the origin, autovacuum too, in words; '' for nobody."""
    assert origin.found is not None
    rows = host.admin.execute(
        "SELECT a.backend_type, count(*)"
        "  FROM pg_catalog.pg_stat_activity AS a"
        " WHERE a.datid = %s AND a.leader_pid IS NULL AND a.pid <> %s"
        " GROUP BY a.backend_type ORDER BY a.backend_type",
        [origin.found.oid, origin.pid],
    ).fetchall()
    return ", ".join(f"{count} {kind}{'s'[: count != 1]}" for kind, count in rows)


def _is_on(
    host: Host, connection: psycopg.Connection[Any], facts: Mapping[str, Any]
) -> bool:
    """Whether a connection is on the host's own server, and on no standby of it."""
    if facts["standby"]:
        return False
    try:
        row = connection.execute(
            "SELECT system_identifier::text FROM pg_catalog.pg_control_system()"
        ).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return False
    here = host.admin.execute("SELECT pg_catalog.pg_postmaster_start_time()").fetchone()
    return row == (host.system_identifier,) and here == (facts["started"],)
