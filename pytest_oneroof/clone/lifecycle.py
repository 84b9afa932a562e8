"""Dropping and sweeping clones, and the templates that they are multiplied from.

Only what is provably ours is dropped: it carries our marker as its own, or its name,
which holds a nonce, stands in a record written before it was made.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import psycopg

from pytest_oneroof.clone.blockers import Droppable, blockers, end_own_sessions
from pytest_oneroof.clone.copying import make_database
from pytest_oneroof.clone.host import Host, check_name, now
from pytest_oneroof.clone.making import find_unfinished
from pytest_oneroof.errors import CloneError
from pytest_oneroof.ownership import acts
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import (
    COPY,
    MAKING,
    PASSING,
    TEMPLATE,
    HalfMade,
    OurDatabase,
)
from pytest_oneroof.postgres import roles
from pytest_oneroof.postgres.connect import build_url, parse
from pytest_oneroof.redaction import Url

Say = Callable[[str], Any]
# Of a URL's parameters those that are the server's, whoever logs in.
_OF_SERVER = (
    *("hostaddr", "sslmode", "sslrootcert", "sslcrl", "sslcrldir", "sslsni"),
    *("ssl_min_protocol_version", "sslnegotiation", "channel_binding", "gssencmode"),
)


def drop(host: Host, database: Droppable) -> None:
    """Drop a database of ours, with its roles where no other has them.

    Raise CloneError when something blocks it: blockers are named with the statement
    that lifts them, nothing is ended that is not ours.
    """
    if standing := blockers(host, database):
        raise CloneError(f"cannot drop {database.name!r}:\n" + "\n".join(standing))
    if isinstance(database, OurDatabase):
        end_own_sessions(host, database)
    acts.drop(host.acting, database)
    host.records.remove(host.system_identifier, database.name)
    if isinstance(database, OurDatabase):
        _drop_roles(host, database.marker)


def sweep(host: Host, say: Say, *, keep: int = 0) -> list[str]:
    """Drop what dead runs left; return a line for each thing found.

    Call it under `host.making()`. A passing database whose lock is free and
    whose record says that it was in use belonged to a dead run; clean copies
    are kept for the next run, at most `keep` of them. What is blocked stays, and
    is told. Raise GuardRefused where a declared production carries our marker.
    """
    host.refuse_marked_productions()
    told = []
    kept = 0
    for found in host.all_ours():
        if found.marker.kind not in PASSING or host.lock_holder(found.oid):
            continue
        record = host.records.read(host.system_identifier, found.name)
        clean = found.marker.kind == COPY and record and not record.used_by
        if clean and kept < keep:
            kept += 1
            continue
        line = _swept(host, found)
        if not clean:
            told.append(line)
    told += [
        _swept(host, left)
        for left in abandoned(host)
        if host.lock_holder(left.oid) is None
    ]
    forget_absent(host)
    for line in told:
        say(line)
    return told


def abandoned(host: Host) -> list[HalfMade]:
    """Return the databases that were begun by us, as their records show, and no more.

    One that somebody is making now is locked.
    """
    records = host.records.list_of(host.system_identifier)
    found = (find_unfinished(host, record.database) for record in records)
    return [database for database in found if isinstance(database, HalfMade)]


def forget_absent(host: Host) -> None:
    """Remove the records of databases that are not there any more."""
    for record in host.records.list_of(host.system_identifier):
        if host.find(record.database) is None:
            host.records.remove(host.system_identifier, record.database)


def _swept(host: Host, database: Droppable) -> str:
    half = isinstance(database, HalfMade) or database.marker.kind == MAKING
    line = f"a dead run left {database.name}{' half-made' if half else ''}"
    try:
        drop(host, database)
    except CloneError as error:
        return f"{line}: still there, {error}"
    return f"{line}: dropped"


def _drop_roles(host: Host, marker: Marker) -> None:
    """Drop a clone's roles, each with the last database that uses it."""
    if not marker.role:
        return
    others = [other for _, other in host.markers()]
    unused = [] if any(o.role == marker.role for o in others) else [marker.role]
    if not any(o.owner == marker.owner for o in others):
        unused += [*roles.clone_roles_of(host.admin, marker.owner), marker.owner]
    with contextlib.suppress(psycopg.errors.DependentObjectsStillExist):
        roles.drop_clone_roles(host.admin, *filter(roles.is_clone_role, unused))


def source_name(ours: OurDatabase) -> str:
    """Return the name of the copy that a user's clone is multiplied from."""
    return check_name(f"{ours.name[:40]}_{ours.marker.nonce[:8]}_source")


def ensure_source(host: Host, ours: OurDatabase) -> OurDatabase:
    """Return a template copied from a user's clone, made if it is not there.

    Call it under `host.making()`, while nobody works on the clone: PostgreSQL
    copies no database that has sessions. It takes no connections itself.
    """
    name = source_name(ours)
    if (source := host.find_ours(name)) is not None:
        return source
    marker = dataclasses.replace(
        ours.marker, kind=TEMPLATE, created=now(), protected=False, expires=""
    )
    acts.make_template(host.acting, make_database(host, name, ours, marker))
    return host.ours(name)


def move_source(host: Host, old: OurDatabase, new: OurDatabase) -> None:
    """Let a fresh clone have the template of the one whose place it took."""
    source = host.find_ours(source_name(old))
    if source is not None:
        marker = dataclasses.replace(source.marker, nonce=new.marker.nonce)
        acts.rename(host.acting, source, host.new_name(source_name(new)), marker)


def drop_source(host: Host, ours: OurDatabase) -> None:
    """Drop what a clone is multiplied from, as it no longer equals the clone."""
    if (source := host.find_ours(source_name(ours))) is not None:
        drop(host, source)


def role_url(host: Host, name: str, role: str, password: str) -> Url:
    """Return the URL by which a role logs in to a database of that server."""
    info, parameters = host.admin.info, parse(host.url(name))
    return build_url(
        user=role,
        password=password,
        host=info.host,
        port=info.port,
        database=name,
        further={key: str(parameters[key]) for key in _OF_SERVER if key in parameters},
    )
