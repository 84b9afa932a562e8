"""The application's roles on a clone: a stand-in for each that has something in it."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.postgres import roles, stand_ins
from pytest_oneroof.postgres.search_path import own_names

Connection = psycopg.Connection[Any]
# What a role of a clone carries, so that it is known as ours when the clone is gone.
ROLE_COMMENT = "pytest-oneroof role of clone "


def make_stand_ins(on_database: Connection, marker: Marker) -> dict[str, str]:
    """Let the check role act as each role that owns or is granted something here.

    Call it before the objects get another owner. Return all stand-ins of the clone.
    """
    with own_names(on_database):
        named = dict(on_database.execute(stand_ins.NAMED).fetchall())
        group = _group(on_database, marker)
        known = stand_ins.read_stand_ins(on_database, marker.owner, group)
        missing = [name for name in named if name not in known]
        names = stand_ins.name_stand_ins(marker.owner, missing, known)
        for role, name in zip(missing, names, strict=True):
            roles.create_stand_in(on_database, name, group)
            comment_role(on_database, name, f"{marker.nonce}{stand_ins.STANDS}{role}")
            known[role] = name
        for role, owns in named.items():
            if owns:
                roles.grant(on_database, marker.owner, known[role])
        text = json.dumps({role: known[role] for role in named})
        on_database.execute(
            "SELECT pg_catalog.set_config('oneroof.stand_ins', %s, true)", [text]
        )
        stand_ins.share(on_database, {role: known[role] for role in named})
    return known


def comment_role(connection: Connection, role: str, text: str) -> None:
    """Mark a role as that of a clone."""
    connection.execute(
        sql.SQL("COMMENT ON ROLE {} IS {}").format(
            sql.Identifier(role), ROLE_COMMENT + text
        )
    )


def _group(on_database: Connection, marker: Marker) -> str:
    """Return the role through which the check role takes on a stand-in; make it."""
    group = stand_ins.group_of(marker.owner)
    if not roles.is_there(on_database, group):
        roles.create_group(on_database, group)
        comment_role(on_database, group, marker.nonce)
    roles.grant(on_database, group, marker.role)
    return group
