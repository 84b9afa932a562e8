"""Copies of a template: under its name a copy is whole and marked, or not there."""

from __future__ import annotations

import dataclasses

import psycopg
from psycopg import sql

from pytest_oneroof.clone.host import Found, Host, new_nonce, now
from pytest_oneroof.clone.making import appear, half_made, require_new
from pytest_oneroof.clone.marker import Marker
from pytest_oneroof.errors import CloneError

# Kinds in which real commits are the purpose.
WRITABLE = ("throwaway", "rehearsal")


def create_copy(host: Host, template: Found, name: str, kind: str) -> Found:
    """Copy a template of ours, mark the copy and set who may connect to it.

    `{run}` in `name` becomes eight digits of the copy's nonce.

    A template's copies inherit neither comment, nor access list, nor role
    settings (manual, CREATE DATABASE): they are written anew.
    """
    source = template.marker
    if source is None:
        raise CloneError(f"{template.name!r} is no template of ours: it has no marker")
    marker = dataclasses.replace(
        source, nonce=new_nonce(), created=now(), kind=kind, expires="", protected=False
    )
    name = name.replace("{run}", marker.nonce[:8])
    return make_database(host, name, template.name, marker, writable=kind in WRITABLE)


def make_database(
    host: Host, name: str, template: str, marker: Marker, *, writable: bool = False
) -> Found:
    """CREATE DATABASE from a template: under its name it is whole, or not there.

    Raise CloneError when it exists, or when sessions on the template prevent
    it: they are named, never ended.
    """
    require_new(host, name)
    try:
        with half_made(host, name, marker, template_clause(template)) as half:
            return appear(host, half, name, marker, writable=writable)
    except psycopg.errors.ObjectInUse as error:
        source = host.find(template)
        standing = host.sessions_on(source.oid) if source else []
        raise CloneError(
            f"cannot copy {template!r}: {_told_sessions(standing)}\n"
            "close them, or end what is yours: "
            + "; ".join(f"SELECT pg_terminate_backend({pid})" for pid, _ in standing)
        ) from error


def copy_foreign(host: Host, source: str, name: str) -> None:
    """Copy a database that is not ours, by CREATE DATABASE … TEMPLATE.

    The source is neither changed nor closed; sessions on it are named as
    blockers, never ended. The copy has no roles yet: adopt it.
    """
    if host.find(source) is None:
        raise CloneError(f"there is no database {source!r} to copy")
    make_database(
        host, name, source, Marker(new_nonce(), source, now(), "clone", "", "")
    )


def template_clause(template: str) -> sql.Composable:
    """Return the words of CREATE DATABASE that copy a template's files."""
    return sql.SQL("TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))


def _told_sessions(sessions: list[tuple[int, str]]) -> str:
    told = ", ".join(f"pid {pid} ({role})" for pid, role in sessions)
    return f"{len(sessions)} session(s) on it: {told}" if told else "it is in use"
