"""Collecting what nobody needs: expired clones, rests of dead runs, unused roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from pytest_oneroof.clone.adopt import ROLE_COMMENT
from pytest_oneroof.clone.blockers import blockers
from pytest_oneroof.clone.expiry import is_expired
from pytest_oneroof.clone.host import Found, Host
from pytest_oneroof.clone.lifecycle import PASSING, drop, is_half_made, source_name
from pytest_oneroof.clone.sealed_file import remove_parts
from pytest_oneroof.errors import CloneError

DATABASE, ROLE, FILE = "database", "role", "file"


@dataclass(frozen=True)
class Judged:
    """One thing that could go: whether it goes, and why or why not."""

    what: str
    name: str
    goes: bool
    why: str
    size: int = 0


def collect(host: Host, at: datetime, *, dry_run: bool) -> list[Judged]:
    """Drop what nobody needs; return everything looked at, what is kept too.

    Call it under `host.making()`. Kept are protected clones, those in use and
    those that something blocks. With `dry_run` nothing is touched.
    """
    judged = [*_marked(host, at), *_half_made(host)]
    done = judged if dry_run else [_dropped(host, entry) for entry in judged]
    if not dry_run:
        _forget_records(host)
    done += _roles(host, dry_run=dry_run)
    parts = remove_parts(host.records.folder, dry_run=dry_run)
    return [*done, *(Judged(FILE, line, True, "its writer is dead") for line in parts)]


def _marked(host: Host, at: datetime) -> Iterator[Judged]:
    clones = host.marked()
    sources = {source_name(f) for f in clones if f.marker and f.marker.kind == "clone"}
    for found in clones:
        why = _why(found, at, sources)
        if why is None:
            continue
        reason = _kept(host, found)
        yield Judged(DATABASE, found.name, reason is None, reason or why, found.size)


def _why(found: Found, at: datetime, sources: set[str]) -> str | None:
    """Return why nobody needs a marked database, or None where somebody may."""
    marker = found.marker
    assert marker is not None
    if marker.kind in PASSING:
        return "a pooled copy" if marker.kind == "copy" else "left by a dead run"
    if marker.kind == "template":
        orphan = found.name.endswith("_source") and found.name not in sources
        return "no clone is copied from it any more" if orphan else None
    return f"expired {marker.expires}" if is_expired(marker, at) else None


def _kept(host: Host, found: Found) -> str | None:
    """Return why a database that nobody needs is kept nevertheless."""
    assert found.marker is not None
    if found.marker.protected:
        return "protected"
    if holder := host.lock_holder(found.oid):
        return f"in use by backend pid {holder}"
    if standing := blockers(host, found):
        return f"blocked by {'; '.join(standing)}"
    return None


def _half_made(host: Host) -> Iterator[Judged]:
    for record in host.records.list_of(host.system_identifier):
        found = host.find(record.database)
        if found is None or not is_half_made(found, record):
            continue
        holder = host.lock_holder(found.oid)
        why = f"being made by backend pid {holder}" if holder else "half-made"
        yield Judged(DATABASE, found.name, holder is None, why, found.size)


def _forget_records(host: Host) -> None:
    """Remove the records of databases that are not there any more."""
    for record in host.records.list_of(host.system_identifier):
        if host.find(record.database) is None:
            host.records.remove(host.system_identifier, record.database)


def _dropped(host: Host, judged: Judged) -> Judged:
    if not judged.goes:
        return judged
    try:
        drop(host, judged.name)
    except CloneError as error:
        return Judged(DATABASE, judged.name, False, str(error), judged.size)
    return judged


def _roles(host: Host, *, dry_run: bool) -> Iterator[Judged]:
    """Drop roles of clones that are gone: ours by their comment, owning nothing."""
    used = {
        role
        for found in host.marked()
        if found.marker is not None
        for role in (found.marker.owner, found.marker.role)
    }
    rows = host.admin.execute(
        "SELECT r.rolname::text FROM pg_catalog.pg_roles AS r"
        " WHERE pg_catalog.starts_with("
        "         pg_catalog.shobj_description(r.oid, 'pg_authid'), %s)"
        " ORDER BY r.rolname",
        [ROLE_COMMENT],
    ).fetchall()
    for role in (name for (name,) in rows if name not in used):
        why = "its clone is gone"
        try:
            if not dry_run:
                host.admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
        except psycopg.errors.DependentObjectsStillExist as error:
            detail = error.diag.message_detail or ""
            yield Judged(ROLE, role, False, f"it still owns something: {detail}")
            continue
        yield Judged(ROLE, role, True, why)
