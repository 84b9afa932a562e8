"""Which clone a run takes, by its settings, and in what state it is taken."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pytest_oneroof.clone import lifecycle, standin
from pytest_oneroof.clone.guard import admit
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.lease import Lease, Wanted, take
from pytest_oneroof.clone.look import Look, file_of
from pytest_oneroof.errors import GuardRefused, ServerError, SettingsError
from pytest_oneroof.ownership.marker import parse_marker
from pytest_oneroof.ownership.proofs import OurDatabase
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.ownership.rules import Reason, Rules
from pytest_oneroof.postgres.catalog import read_facts
from pytest_oneroof.postgres.connect import (
    connect,
    parse,
    pinned,
    with_database,
)
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
    settings: Settings,
    server: EmbeddedServer | None,
    worker: str,
    rules: Rules,
    say: Say,
) -> Lease:
    """Take the clone that the settings name, for a worker a copy of it.

    Without a URL that of the embedded `server`. Raise CloneError, ServerError where
    it cannot be had, GuardRefused where it is not ours.
    """
    if settings.clone_url is not None:
        return _take_users(settings, settings.clone_url, worker, rules, say)
    assert server is not None
    state = server.state
    host = Host(server.url("postgres"), standin.records_of(server), rules)
    url = server.url("postgres", state["role"], state["password"])
    wanted = Wanted(state["clone"], url, state["template"], worker=worker or "run")
    return take(host, wanted, say)


def _take_users(
    settings: Settings, url: str, worker: str, rules: Rules, say: Say
) -> Lease:
    """Take a clone on the user's own server; without its administrator, as it is."""
    url, database = settled(url)
    if settings.admin_url is None:
        return Lease(url=url, database=database)
    host = Host(settings.admin_url, _records(settings), rules)
    with _closed_unless_taken(host):
        ours = find_clone(host, url)
        source = lifecycle.source_name(ours)
        template = source if host.find_ours(source) else None
        wanted = Wanted(
            database, url, template, main=not worker, worker=worker or "run"
        )
        return take(host, wanted, say)


def make_source(settings: Settings, url: str, rules: Rules, say: Say) -> str:
    """Make what copies of the user's clone are made of; return its name.

    Nobody may be on the clone. Raise GuardRefused where it is not ours.
    """
    assert settings.admin_url is not None
    host = Host(settings.admin_url, _records(settings), rules)
    with contextlib.closing(host):
        ours = find_clone(host, url)
        with host.making():
            say(f"copying {ours.name}, for workers")
            lifecycle.ensure_source(host, ours)
        return lifecycle.source_name(ours)


def settled(url: str) -> tuple[str, str]:
    """Return a URL that leads to one server, and the database that it names.

    Of several hosts that is the one which answers; a service's database is known
    where it is reached. Raise ServerError where it names none.
    """
    parameters = parse(url)
    hosts = f"{parameters.get('host')}{parameters.get('hostaddr')}"
    if "," not in hosts and "service" not in parameters:
        if not parameters.get("dbname"):
            raise ServerError(f"{redact(url)} names no database")
        return url, str(parameters["dbname"])
    with contextlib.closing(connect(url)) as connection:
        database = connection.info.dbname
        return with_database(pinned(url, connection), database), database


def find_clone(host: Host, url: str) -> OurDatabase:
    """Return the clone of a URL as the administrator sees it: it has to be ours.

    Where it is not, raise GuardRefused with every reason that the guard has against
    it by its own URL, or with why the administrator's server has no such clone.
    """
    url, name = settled(url)
    try:
        return host.ours(name)
    except (GuardRefused, SettingsError) as error:
        with contextlib.closing(connect(url)) as connection:
            admit(read_facts(connection), host.rules)
        raise GuardRefused(name, _not_there(name, error)) from error


def _not_there(name: str, error: GuardRefused | SettingsError) -> tuple[Reason, ...]:
    """Return why the administrator has not the clone that the guard admits."""
    reason = Reason(
        "server",
        f"the administrator's server is another one: {error}".splitlines()[0],
        "what the administrator locks, closes and drops has to be what the checks "
        "run on",
        "give --oneroof-admin-url the address of the clone's own server",
    )
    return (reason, *(error.reasons if isinstance(error, GuardRefused) else ()))


@contextlib.contextmanager
def _closed_unless_taken(host: Host) -> Iterator[None]:
    try:
        yield
    except BaseException:
        host.close()
        raise


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
