"""The stand-in production and its baseline, built on a fresh embedded server.

What is built is named by the pack's `[standin] plan`: the production's plan, and the
committed stages that bring a clone of it to its baseline.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.clone import tripwire
from pytest_oneroof.clone.adopt import new_marker, prepare
from pytest_oneroof.clone.blockers import application_of
from pytest_oneroof.clone.copying import create_copy, find_source, make_database
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.look import Look
from pytest_oneroof.errors import ServerError, SettingsError
from pytest_oneroof.ownership import acts
from pytest_oneroof.ownership.belonging import close_to_public
from pytest_oneroof.ownership.marker import SURROGATE, Marker
from pytest_oneroof.ownership.proofs import CLONE, TEMPLATE, OurDatabase
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import Pack
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.postgres.scram import new_password
from pytest_oneroof.settings import Settings
from pytest_oneroof.statements.scripts import run_script

Say = Callable[[str], Any]
Plan = Mapping[str, Any]
DEFAULT = "default"
BUILDING = "building the stand-in production (once)"


def acquire(settings: Settings, pack: Pack, say: Say) -> EmbeddedServer:
    """Return the embedded server of the settings, built where it is not there yet.

    The caller releases it. Raise SettingsError where the pack has no stand-in,
    ServerError where it cannot be built or started.
    """
    plan_of(pack)
    profile = settings.profile
    server = server_for(settings.cache_dir, settings.pg_version, pack, profile=profile)
    server.acquire(lambda built: build(built, say, pack, profile=profile), say)
    return server


def plan_of(pack: Pack) -> Plan:
    """Return the plan of a pack's stand-in; raise SettingsError where it has none."""
    if pack.standin.plan is None:
        raise SettingsError(
            f"the pack {pack.name!r} has no stand-in production, so that the embedded "
            "server has nothing to show\nto fix this, give a server of your own: "
            "--oneroof-clone-url and --oneroof-admin-url, or --admin-url of a command"
        )
    found: Plan = pack.read_json(pack.standin.plan)
    return found


def server_for(
    cache: Path | None, major: int, pack: Pack, *, profile: str = DEFAULT
) -> EmbeddedServer:
    """Return the embedded server whose key is the content that it was built from."""
    built_from = pack.content_hash + tripwire.EDITION
    key = hashlib.sha256(built_from.encode()).hexdigest()[:12]
    if profile != DEFAULT:
        key += f"-{profile}"
    return EmbeddedServer(cache, major, key)


def baseline_file(server: EmbeddedServer) -> Path:
    """Return the file that keeps the baseline of an embedded server's clones."""
    return server.home / "baseline.json"


def host_of(server: EmbeddedServer, pack: Pack, rules: Rules | None = None) -> Host:
    """Return an embedded server's administrator, by default by the pack's rules."""
    rules = rules or Rules.of(Settings().joined(pack), own_server=False)
    return Host(server.url("postgres"), records_of(server), rules)


def records_of(server: EmbeddedServer) -> Records:
    """Return the records of the databases on an embedded server."""
    return Records(server.home / "databases")


def build(
    server: EmbeddedServer, say: Say, pack: Pack, *, profile: str = DEFAULT
) -> dict[str, Any]:
    """Build production, baseline and first clone; return what to remember.

    Raise ServerError where a file fails, naming it, with the server's message.
    """
    try:
        return _build(server, say, pack, profile)
    except psycopg.Error as error:
        where = "; ".join(getattr(error, "__notes__", []))
        raise ServerError(
            f"cannot build the stand-in: {str(error).strip()} ({where or 'clone'})"
        ) from error


def _build(
    server: EmbeddedServer, say: Say, pack: Pack, profile: str
) -> dict[str, Any]:
    plan = plan_of(pack)
    date = datetime.now(UTC).strftime("%Y%m%d")
    # Under the names of its plan, whatever those of the run are that builds it.
    with contextlib.closing(host_of(server, pack)) as host:
        for name in ("postgres", "template1"):
            close_to_public(host.admin, name)
        say(BUILDING)
        build_production(host, pack, profile, say)
        say("building the clone's baseline (once)")
        marker, password = _build_baseline(host, pack, date, baseline_file(server))
        template = host.ours(plan["clone"]["template"].format(date=date))
        name = plan["clone"]["name"].format(date=date)
        clone = create_copy(host, template, name, CLONE)
        return {
            "production": plan["production"]["database"],
            "template": template.name,
            "clone": clone.name,
            "role": marker.role,
            "password": password,
            "profile": profile,
        }


def build_production(
    host: Host,
    pack: Pack,
    profile: str,
    say: Say = lambda line: None,
    *,
    name: str | None = None,
) -> None:
    """Create the stand-in production on a server, by the pack's plan.

    `name` is the database's, by default the plan's. Nobody but its owner and
    superusers may connect to it.
    """
    plan = {**plan_of(pack)["production"]}
    plan["database"] = name or plan["database"]
    for file in plan["roles"]:
        run_script(host.admin, pack.path(file))
    acts.create_empty(host.acting, plan["database"], plan["owner"])
    close_to_public(host.admin, plan["database"])
    with contextlib.closing(connect(host.url(plan["database"]))) as connection:
        for step in pack.read_json(plan["plan"]):
            if step.get("profile", profile) == profile:
                say(f"{BUILDING}: {step.get('sql') or step['csv']}")
                _load(connection, pack, step)
        # Copies and dumps carry it: no clone of it passes for one of production.
        connection.execute(
            sql.SQL("COMMENT ON SCHEMA public IS {}").format(sql.Literal(SURROGATE))
        )


def _load(
    connection: psycopg.Connection[Any], pack: Pack, step: dict[str, str]
) -> None:
    try:
        if "sql" in step:
            run_script(connection, pack.path(step["sql"]))
        else:
            _copy(connection, pack.path(step["csv"]), step["table"])
    except psycopg.Error as error:
        error.add_note(f"while loading {step.get('sql') or step.get('csv')}")
        raise


def _copy(connection: psycopg.Connection[Any], file: Path, table: str) -> None:
    data = file.read_bytes()
    header = data.split(b"\n", 1)[0].decode().strip().split(",")
    columns = sql.SQL(", ").join(sql.Identifier(c.strip('"')) for c in header)
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER)").format(
        sql.Identifier(*table.split(".")), columns
    )
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        copy.write(data)


def _build_baseline(
    host: Host, pack: Pack, date: str, baseline: Path
) -> tuple[Marker, str]:
    plan = plan_of(pack)
    source = plan["production"]["database"]
    marker = dataclasses.replace(
        new_marker(source, kind=TEMPLATE), baseline=pack.content_hash
    )
    password = new_password()
    name = plan["clone"]["template"].format(date=date)
    # Its role may enter once it is there, and has tables of its own.
    unnamed = dataclasses.replace(marker, owner="", role="")
    made = make_database(host, name, find_source(host, source), unnamed)
    made = prepare(host, made, marker, password=password)
    run_stages(host, made, stages_of(pack))
    with host.entered(made) as inside:
        inside.connection.execute("VACUUM ANALYZE")
        Look(baseline).record(inside.connection)
    acts.make_template(host.acting, made)
    return marker, password


def stages_of(pack: Pack) -> list[Path]:
    """Return the committed stages that bring a clone to its baseline."""
    return [pack.path(name) for name in plan_of(pack)["clone"]["stages"]]


def undo_of(pack: Pack) -> list[Path]:
    """Return what takes the stages back, in the database itself."""
    names = pack.read_json(pack.needed("standin", "undo"))["reset_in_place"]
    return [pack.path(name) for name in names]


def start_of(pack: Pack) -> str:
    """Return the name of the phase at which the stages begin."""
    return str(plan_of(pack)["clone"]["from_phase"])


def run_stages(host: Host, ours: OurDatabase, stages: list[Path]) -> list[str]:
    """Run committed stages on a clone as its owner role; return their notices."""
    notices: list[str] = []
    owner = sql.Identifier(ours.marker.owner)
    with host.entered(ours, application=application_of(ours.marker.nonce)) as inside:
        connection = inside.connection
        connection.execute(sql.SQL("SET ROLE {}").format(owner))
        for stage in stages:
            run = run_script(connection, stage)
            notices += [f"{run.name}: {notice}" for notice in run.notices]
    return notices
