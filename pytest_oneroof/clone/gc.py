"""Collecting what nobody needs: expired clones, rests of dead runs, unused roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from pytest_oneroof.clone.app_roles import ROLE_COMMENT
from pytest_oneroof.clone.blockers import blockers
from pytest_oneroof.clone.expiry import is_expired
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.lifecycle import (
    abandoned,
    drop,
    forget_absent,
    source_name,
)
from pytest_oneroof.clone.sealed_file import remove_parts
from pytest_oneroof.errors import CloneError
from pytest_oneroof.ownership.proofs import (
    CLONE,
    COPY,
    MAKING,
    PASSING,
    TEMPLATE,
    HalfMade,
    OurDatabase,
    reasons_against,
)
from pytest_oneroof.postgres.roles import clone_roles_of, is_clone_role

DATABASE, ROLE, FILE = "database", "role", "file"
_PASSING = {COPY: "a pooled copy", MAKING: "half-made"}


@dataclass(frozen=True)
class Judged:
    """One thing that could go: whether it goes, and why or why not."""

    what: str
    name: str
    goes: bool
    why: str
    size: int = 0


@dataclass(frozen=True)
class _Candidate:
    """A database that nobody needs: why, and what keeps it nevertheless."""

    database: OurDatabase | HalfMade
    why: str
    kept: str | None
    size: int

    def judged(self) -> Judged:
        """Return it as it is told."""
        told = self.kept or self.why
        return Judged(DATABASE, self.database.name, self.kept is None, told, self.size)


def collect(host: Host, at: datetime, *, dry_run: bool) -> list[Judged]:
    """Drop what nobody needs; return everything looked at, what is kept too.

    Call it under `host.making()`. Kept are protected clones, those in use and
    those that something blocks. With `dry_run` nothing is touched. Raise
    GuardRefused, before anything is, where a declared production carries our marker.
    """
    host.refuse_marked_productions()
    candidates = [*_unneeded(host, at), *_half_made(host)]
    done = [_judged(host, each, dry_run=dry_run) for each in candidates]
    done += _strays(host)
    if not dry_run:
        forget_absent(host)
    done += _roles(host, dry_run=dry_run)
    parts = remove_parts(host.records.folder, dry_run=dry_run)
    return [*done, *(Judged(FILE, line, True, "its writer is dead") for line in parts)]


def _unneeded(host: Host, at: datetime) -> Iterator[_Candidate]:
    ours = host.all_ours()
    sources = {source_name(f) for f in ours if f.marker.kind == CLONE}
    for found in ours:
        if why := _why(found, at, sources):
            yield _Candidate(found, why, _kept(host, found), host.size(found.oid))


def _why(found: OurDatabase, at: datetime, sources: set[str]) -> str | None:
    """Return why nobody needs a database of ours, or None where somebody may."""
    marker = found.marker
    if marker.kind in PASSING:
        return _PASSING.get(marker.kind, "left by a dead run")
    if marker.kind == TEMPLATE:
        orphan = found.name.endswith("_source") and found.name not in sources
        return "no clone is copied from it any more" if orphan else None
    return f"expired {marker.expires}" if is_expired(marker, at) else None


def _kept(host: Host, found: OurDatabase) -> str | None:
    """Return why a database that nobody needs is kept nevertheless."""
    if found.marker.protected:
        return "protected"
    if holder := host.lock_holder(found.oid):
        doing = "being made" if found.marker.kind == MAKING else "in use"
        return f"{doing} by backend pid {holder}"
    if standing := blockers(host, found):
        return f"blocked by {'; '.join(standing)}"
    return None


def _half_made(host: Host) -> Iterator[_Candidate]:
    for found in abandoned(host):
        holder = host.lock_holder(found.oid)
        kept = f"being made by backend pid {holder}" if holder else None
        yield _Candidate(found, "half-made", kept, host.size(found.oid))


def _judged(host: Host, candidate: _Candidate, *, dry_run: bool) -> Judged:
    """Drop a candidate that nothing keeps; return what came of it."""
    judged = candidate.judged()
    if dry_run or not judged.goes:
        return judged
    try:
        drop(host, candidate.database)
    except CloneError as error:
        return Judged(DATABASE, judged.name, False, str(error), judged.size)
    return judged


def _strays(host: Host) -> Iterator[Judged]:
    """Tell which databases carry a marker that is not their own."""
    for seen in host.strays():
        told = "; ".join(reason.found for reason in reasons_against(seen, host.rules))
        yield Judged(DATABASE, seen.name, False, told)


def _roles(host: Host, *, dry_run: bool) -> Iterator[Judged]:
    """Drop roles of clones that are gone: ours by their comment, owning nothing."""
    used = {
        role
        for _, marker in host.markers()
        for role in (
            *(marker.owner, marker.role),
            *clone_roles_of(host.admin, marker.owner),
        )
    }
    rows = host.admin.execute(
        "SELECT r.rolname::text FROM pg_catalog.pg_roles AS r"
        " WHERE pg_catalog.starts_with("
        "         pg_catalog.shobj_description(r.oid, 'pg_authid'), %s)"
        " ORDER BY r.rolname",
        [ROLE_COMMENT],
    ).fetchall()
    found = (name for (name,) in rows if is_clone_role(name))
    for role in (name for name in found if name not in used):
        why = "its clone is gone"
        try:
            if not dry_run:
                host.admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
        except psycopg.errors.DependentObjectsStillExist as error:
            detail = error.diag.message_detail or ""
            yield Judged(ROLE, role, False, f"it still owns something: {detail}")
            continue
        yield Judged(ROLE, role, True, why)
