"""The settings of a database: what its copies do not inherit, by whichever way.

CREATE DATABASE … TEMPLATE and pg_dump leave `ALTER DATABASE … SET` and `ALTER ROLE …
IN DATABASE … SET` behind (manual, CREATE DATABASE), so they are read and written anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.clone.host import Host
from pytest_oneroof.ownership import acts
from pytest_oneroof.ownership.proofs import OurDatabase
from pytest_oneroof.postgres.roles import is_clone_role

Say = Callable[[str], Any]

_SETTINGS = """
SELECT COALESCE(r.rolname, '')::pg_catalog.text, c.stored
  FROM pg_catalog.pg_db_role_setting AS s
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
 CROSS JOIN pg_catalog.unnest(s.setconfig) WITH ORDINALITY AS c (stored, position)
 WHERE s.setdatabase = (SELECT d.oid FROM pg_catalog.pg_database AS d
                         WHERE d.datname = %s)
 ORDER BY 1, c.position
"""
# Settings whose stored text is a list of quoted names (GUC_LIST_QUOTE): written as one
# text it would be a single name.
_LISTS = frozenset(
    {
        *("search_path", "temp_tablespaces", "unix_socket_directories"),
        *("local_preload_libraries", "session_preload_libraries"),
        "shared_preload_libraries",
    }
)
_NAME = re.compile(r'"((?:[^"]|"")*)"|([^,\s]+)')
# A clone decides by itself whether its check role may write.
_NOT_KEPT = ("default_transaction_read_only",)
# What another version, a missing library or role, or an administrator who is no
# superuser refuses. Everything else is a failure.
_REFUSED = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedObject,
    psycopg.errors.InvalidParameterValue,
    psycopg.errors.InvalidName,
    psycopg.errors.CantChangeRuntimeParam,
)


@dataclass(frozen=True)
class Setting:
    """A setting of a database: for one role, or, with role '', for everybody.

    `value` is as the words after SET have it.
    """

    role: str
    name: str
    value: sql.Composable

    def words(self) -> sql.Composable:
        """Return the words after SET."""
        name = sql.Identifier(*self.name.split("."))
        return sql.SQL("{} TO {}").format(name, self.value)

    def __str__(self) -> str:
        where = f" of role {self.role!r}" if self.role else ""
        return f"setting {self.name!r}{where}"


def read_settings(
    connection: psycopg.Connection[Any], database: str
) -> tuple[Setting, ...]:
    """Return the settings of a database, those for single roles too."""
    rows = connection.execute(_SETTINGS, [database]).fetchall()
    return tuple(parse_setting(role, stored) for role, stored in rows)


def parse_setting(role: str, stored: str) -> Setting:
    """Return a setting from the text `name=value` that the catalog keeps."""
    name, _, value = stored.partition("=")
    items = [value]
    if name.lower() in _LISTS:
        items = [
            quoted.replace('""', '"') or plain for quoted, plain in _NAME.findall(value)
        ]
    text = sql.SQL(", ").join(sql.Literal(item) for item in items or [""])
    return Setting(role, name, text)


def keep_settings(
    host: Host, copy: OurDatabase, settings: Iterable[Setting], say: Say
) -> None:
    """Give a copy the settings of its origin; say which the server refuses.

    Roles of clones are not among them: they get what is theirs with their clone.
    """
    known = _roles(host)
    for setting in settings:
        if setting.name in _NOT_KEPT or is_clone_role(setting.role):
            continue
        if setting.role and setting.role not in known:
            say(f"not kept: {setting}, which is no role of this server")
            continue
        try:
            acts.set_setting(host.acting, copy, setting.words(), role=setting.role)
        except _REFUSED as error:
            say(f"not kept: {setting}: {error.diag.message_primary}")


def _roles(host: Host) -> frozenset[str]:
    rows = host.admin.execute("SELECT rolname::text FROM pg_catalog.pg_roles")
    return frozenset(name for (name,) in rows)
