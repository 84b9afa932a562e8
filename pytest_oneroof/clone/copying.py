"""Copies of a template: under its name a copy is whole and marked, or not there."""

from __future__ import annotations

import dataclasses

import psycopg

from pytest_oneroof.clone.host import Host, new_nonce, now
from pytest_oneroof.clone.login import WRITABLE, own_role
from pytest_oneroof.clone.making import appear, half_made, require_new
from pytest_oneroof.errors import CloneError
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import (
    CLONE,
    OurDatabase,
    Source,
    judge_source,
)


def create_copy(host: Host, template: OurDatabase, name: str, kind: str) -> OurDatabase:
    """Copy a template of ours, mark the copy and set who may connect to it.

    `{run}` in `name` becomes eight digits of the copy's nonce. A copy that is no clone
    of its own has a login role of its own (`login.own_url`).

    A template's copies inherit neither comment, nor access list, nor role
    settings (manual, CREATE DATABASE): they are written anew.
    """
    nonce = new_nonce()
    marker = dataclasses.replace(
        template.marker,
        nonce=nonce,
        created=now(),
        kind=kind,
        expires="",
        protected=False,
    )
    if kind != CLONE:
        marker = dataclasses.replace(marker, role=own_role(marker))
    name = name.replace("{run}", nonce[:8])
    return make_database(host, name, template, marker, writable=kind in WRITABLE)


def make_database(
    host: Host,
    name: str,
    source: OurDatabase | Source,
    marker: Marker,
    *,
    writable: bool = False,
) -> OurDatabase:
    """Create a database from another: under its name it is whole, or not there.

    Raise CloneError when it exists, or when sessions on the source prevent
    it: they are named, never ended.
    """
    new = require_new(host, name)
    try:
        with half_made(host, name, marker, source) as half:
            return appear(host, half, new, marker, writable=writable)
    except psycopg.errors.ObjectInUse as error:
        standing = host.sessions_on(source.oid)
        raise CloneError(
            f"cannot copy {source.name!r}: {_told_sessions(standing)}\n"
            "close them, or end what is yours: "
            + "; ".join(f"SELECT pg_terminate_backend({pid})" for pid, _ in standing)
        ) from error


def copy_foreign(host: Host, source: str, name: str) -> OurDatabase:
    """Copy a database that is not ours, as a template.

    The source is neither changed nor closed; sessions on it are named as
    blockers, never ended. The copy has no roles yet: adopt it.
    """
    marker = Marker(new_nonce(), source, now(), CLONE, "", "")
    return make_database(host, name, find_source(host, source), marker)


def find_source(host: Host, name: str) -> Source:
    """Return the database of that name as one to copy; CloneError if it is absent."""
    seen = host.find(name)
    if seen is None:
        raise CloneError(f"there is no database {name!r} to copy")
    return judge_source(seen)


def _told_sessions(sessions: list[tuple[int, str]]) -> str:
    told = ", ".join(f"pid {pid} ({role})" for pid, role in sessions)
    return f"{len(sessions)} session(s) on it: {told}" if told else "it is in use"
