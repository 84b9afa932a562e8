"""Which clone a run takes, by its settings, and in what state it is taken."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_oneroof.clone import lifecycle, standin
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.lease import Lease, Wanted, take
from pytest_oneroof.clone.look import Look, file_of
from pytest_oneroof.clone.marker import parse_marker
from pytest_oneroof.clone.records import Records
from pytest_oneroof.errors import ServerError
from pytest_oneroof.postgres.connect import connect, parse
from pytest_oneroof.postgres.embedded import EmbeddedServer, default_cache
from pytest_oneroof.redaction import redact
from pytest_oneroof.settings import Settings

Say = Callable[[str], Any]
COMMENT = """
SELECT pg_catalog.shobj_description(d.oid, 'pg_database')
  FROM pg_catalog.pg_database AS d
 WHERE d.datname = pg_catalog.current_database()
"""


def take_clone(
    settings: Settings, server: EmbeddedServer | None, worker: str, say: Say
) -> Lease:
    """Take the clone that the settings name, for a worker a copy of it.

    Without a URL that of the embedded `server`. Raise CloneError, ServerError where
    it cannot be had.
    """
    if settings.clone_url is not None:
        return _take_users(settings, settings.clone_url, worker, say)
    assert server is not None
    state = server.state
    host = Host(server.url("postgres"), standin.records_of(server))
    url = server.url("postgres", state["role"], state["password"])
    wanted = Wanted(state["clone"], url, state["template"], worker=worker or "run")
    return take(host, wanted, say)


def _take_users(settings: Settings, url: str, worker: str, say: Say) -> Lease:
    """Take a clone on the user's own server.

    One that is not there or not marked is left to the guard, which tells
    every reason; it is neither locked, opened nor closed.
    """
    database = parse(url).get("dbname")
    if not database:
        raise ServerError(f"{redact(url)} names no database")
    if settings.admin_url is None:
        return Lease(url=url, database=database)
    host = Host(settings.admin_url, _records(settings))
    found = host.find(database)
    if found is None or found.marker is None:
        host.close()
        return Lease(url=url, database=database)
    source = lifecycle.source_name(found)
    template = source if host.find(source) else None
    wanted = Wanted(database, url, template, main=not worker, worker=worker or "run")
    return take(host, wanted, say)


def make_source(settings: Settings, url: str, say: Say) -> str | None:
    """Make what copies of the user's clone are made of; return its name.

    None for a database that is not there or not marked. Nobody may be on the clone.
    """
    assert settings.admin_url is not None
    database = parse(url).get("dbname") or ""
    with contextlib.closing(Host(settings.admin_url, _records(settings))) as host:
        found = host.find(database)
        if found is None or found.marker is None:
            return None
        with host.making():
            say(f"copying {database}, for workers")
            lifecycle.ensure_source(host, found)
        return lifecycle.source_name(found)


def baseline_file(
    settings: Settings, server: EmbeddedServer | None, lease: Lease
) -> Path:
    """Return the file that keeps what the clone is compared with."""
    if server is not None:
        return standin.baseline_file(server)
    with contextlib.closing(connect(lease.url)) as connection:
        row = connection.execute(COMMENT).fetchone()
    marker = parse_marker(row[0] if row else None)
    nonce = marker.nonce if marker else "unmarked"
    return file_of(_records(settings).folder, lease.database, nonce)


def mend(lease: Lease, look: Look, say: Say) -> None:
    """Compare a clone whose last run did not end with its baseline.

    Where it differs, or cannot be compared whole, it is made anew if it can be;
    what was found is told.
    """
    lease.end_leftovers()
    with contextlib.closing(connect(lease.url)) as connection:
        found = look.compare(connection)
    line = f"the last run on {lease.database} did not end"
    if not found.changed and not found.unreadable:
        line += "; its clone is as its baseline"
    else:
        told = "; ".join(str(residue) for residue in found.changed[:5])
        line += f" and left: {told}" if told else f"; {found.reason}"
        line += "; made anew" if lease.renew() else ""
    lease.found.append(line)
    say(line)


def _records(settings: Settings) -> Records:
    cache = settings.cache_dir or default_cache()
    return Records(cache / "databases")
