"""`oneroof clone`: make, adopt, look at and drop clones."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pytest_oneroof import resources
from pytest_oneroof import settings as s
from pytest_oneroof.clone import lifecycle, standin
from pytest_oneroof.clone.guard import Rules, is_production
from pytest_oneroof.clone.host import Found, Host
from pytest_oneroof.clone.look import Look, file_of
from pytest_oneroof.clone.marker import PREFIX
from pytest_oneroof.clone.records import Records
from pytest_oneroof.commands.output import JSON, emit, progress
from pytest_oneroof.errors import CloneError, SettingsError
from pytest_oneroof.postgres.catalog import read_facts
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import default_cache, write_whole

ADMIN = click.option(
    "--admin-url",
    envvar="ONEROOF_ADMIN_URL",
    metavar="URL",
    help="The administrator of your own server (default: the embedded server).",
)
PRODUCTION = click.option(
    "--production",
    "productions",
    multiple=True,
    metavar="NAME",
    help="Declared production, as in oneroof_productions (may be repeated).",
)


@click.group()
def command() -> None:
    """Make, adopt, look at and drop clones."""


@command.command()
@click.argument("name", required=False)
@click.option("--from", "source", metavar="DATABASE", help="What to copy.")
@ADMIN
@PRODUCTION
@JSON
def create(
    name: str | None,
    source: str | None,
    admin_url: str | None,
    productions: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Copy DATABASE, mark the copy as a clone and bring it to its baseline.

    Without --from and --admin-url, a further clone on the embedded server.
    """
    with _host(admin_url) as (host, server):
        if server is not None and source is None:
            template = host.find(server.state["template"])
            assert template is not None
            name = name or f"{server.state['clone']}_{{run}}"
            _check_pattern(name.replace("{run}", "0"))
            made = lifecycle.create_copy(host, template, name, "clone")
            assert made.marker is not None
            _show(host, made, None, as_json=as_json)
            return
        if source is None:
            raise SettingsError("--from DATABASE says what to copy")
        name = name or f"directus_gov_test_{datetime.now(UTC):%Y%m%d}"
        _check_pattern(name)
        _refuse_production(host, name, productions)
        progress()(f"copying {source} to {name}")
        lifecycle.copy_foreign(host, source, name)
        made, file = _adopted(host, name, source, productions)
        _show(host, made, file, as_json=as_json)


@command.command()
@click.argument("name")
@click.option("--source", default="unknown", help="Which database it was copied from.")
@ADMIN
@PRODUCTION
@JSON
def adopt(
    name: str,
    source: str,
    admin_url: str | None,
    productions: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Make the existing database NAME a clone: roles, ownership, tripwire, marker.

    Refused for whatever could be a production.
    """
    with _host(admin_url) as (host, _):
        _check_pattern(name)
        _refuse_production(host, name, productions)
        made, file = _adopted(host, name, source, productions)
        _show(host, made, file, as_json=as_json)


@command.command()
@click.argument("name")
@ADMIN
@JSON
def baseline(name: str, admin_url: str | None, *, as_json: bool) -> None:
    """Bring a greenfield clone to its baseline by the committed stages.

    They are run again on a clone that the stages' own guards admit; then the
    state is recorded, for comparison after a crash.
    """
    with _host(admin_url) as (host, _):
        found = _ours(host, name)
        assert found.marker is not None
        stages = resources.read_json(standin.PLAN)["clone"]["stages"]
        with host.making():
            lifecycle.drop_source(host, found)
        notices = standin.run_stages(host, name, found.marker, stages)
        _record(host, found)
        emit({"clone": name, "notices": notices}, notices, as_json=as_json)


@command.command()
@click.argument("name", required=False)
@ADMIN
@JSON
def status(name: str | None, admin_url: str | None, *, as_json: bool) -> None:
    """Tell what is known of a clone, or of all clones on the server."""
    with _host(admin_url) as (host, _):
        clones = [_ours(host, name)] if name else host.marked()
        values = [_told(host, found) for found in clones]
        lines = [line for value in values for line in _status_lines(value)]
        emit(values, lines or ["no clone on this server"], as_json=as_json)


@command.command()
@click.argument("name")
@ADMIN
@JSON
def drop(name: str, admin_url: str | None, *, as_json: bool) -> None:
    """Drop a clone that carries our marker, and no other database."""
    with _host(admin_url) as (host, _), host.making():
        found = host.find(name)
        if found is None:
            raise CloneError(f"there is no database {name!r}")
        if holder := host.lock_holder(found.oid):
            raise CloneError(f"{name!r} is in use by a run (backend pid {holder})")
        if found.marker is not None:
            lifecycle.drop_source(host, found)
        lifecycle.drop(host, name)
        emit({"dropped": name}, [f"dropped {name}"], as_json=as_json)


@contextlib.contextmanager
def _host(admin_url: str | None) -> Iterator[tuple[Host, Any]]:
    """Yield the server and, if it is the embedded one, that."""
    if admin_url:
        records = Records(_cache() / "databases")
        with contextlib.closing(Host(admin_url, records)) as host:
            yield host, None
        return
    settings = s.resolve({}, os.environ, lambda name: None)
    server = standin.server_for(settings.cache_dir, settings.pg_version)
    server.acquire(lambda built: standin.build(built, progress()), progress())
    try:
        records = standin.records_of(server)
        with contextlib.closing(Host(server.url("postgres"), records)) as host:
            yield host, server
    finally:
        server.release()


def _cache() -> Path:
    given = os.environ.get("ONEROOF_CACHE_DIR")
    return Path(given) if given else default_cache()


def _check_pattern(name: str) -> None:
    if not re.fullmatch(s.CLONE_PATTERN, name):
        raise SettingsError(
            f"a clone's name must match {s.CLONE_PATTERN}, given: {name!r}"
        )


def _refuse_production(host: Host, name: str, productions: tuple[str, ...]) -> None:
    rules = Rules(s.CLONE_PATTERN, productions or s.Settings().productions)
    facts = read_facts(host.admin, prefix=PREFIX, own_pids=[])
    if told := is_production(facts, name, rules):
        raise SettingsError(f"{name!r} is the declared production {told!r}")
    if host.find(name) and (standing := host.sessions_on(_oid(host, name))):
        who = ", ".join(f"pid {pid} of {role}" for pid, role in standing)
        raise CloneError(
            f"{name!r} has sessions: {who}\na database that somebody works on could "
            "be a production: it is not adopted; end what is yours and try again"
        )


def _oid(host: Host, name: str) -> int:
    found = host.find(name)
    return found.oid if found else 0


def _adopted(
    host: Host, name: str, source: str, productions: tuple[str, ...]
) -> tuple[Found, Path]:
    marker, password = lifecycle.adopt(host, name, source=source)
    url = lifecycle.role_url(host, name, marker.role, password)
    file = _cache() / "urls" / f"{host.system_identifier}-{name}"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, url)
    found = _ours(host, name)
    _record(host, found)
    return found, file


def _record(host: Host, found: Found) -> None:
    assert found.marker is not None
    look = Look(file_of(host.records.folder, found.name, found.marker.nonce))
    with contextlib.closing(connect(host.url(found.name))) as connection:
        look.record(connection)


def _ours(host: Host, name: str) -> Found:
    found = host.find(name)
    if found is None:
        raise CloneError(f"there is no database {name!r}")
    if found.marker is None:
        raise CloneError(
            f"{name!r} carries no marker of ours\nto make it a clone: oneroof clone adopt"
        )
    return found


def _told(host: Host, found: Found) -> dict[str, Any]:
    assert found.marker is not None
    return {
        "name": found.name,
        **asdict(found.marker),
        "megabytes": round(found.size / 2**20, 1),
        "in_use_by": host.lock_holder(found.oid),
        "blockers": lifecycle.blockers(host, found),
    }


def _status_lines(value: dict[str, Any]) -> list[str]:
    use = f"in use by backend {value['in_use_by']}" if value["in_use_by"] else "free"
    return [
        f"{value['name']}  {value['kind']} of {value['source']}, {use}",
        f"  made {value['created']}, {value['megabytes']} MB, nonce {value['nonce']}",
        f"  owner {value['owner']}, check role {value['role']}",
        *(f"  blocked by {line}" for line in value["blockers"]),
    ]


def _show(host: Host, found: Found, file: Path | None, *, as_json: bool) -> None:
    value = _told(host, found)
    lines = _status_lines(value)
    if file is not None:
        value["url_file"] = str(file)
        lines += [
            f"  its URL, with the check role's password, is in {file}",
            f'run: pytest --oneroof-clone --oneroof-clone-url "$(cat {file})"',
        ]
    emit(value, lines, as_json=as_json)
