"""The stand-in production and its baseline, built on a fresh embedded server.

What is built stands in `fixtures/standin.json`: the production's plan, and the
committed stages that bring a clone of it to its baseline.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof import resources
from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.host import Host, new_nonce, now
from pytest_oneroof.clone.look import Look
from pytest_oneroof.clone.marker import SURROGATE, Marker
from pytest_oneroof.clone.records import Records
from pytest_oneroof.errors import ServerError
from pytest_oneroof.postgres import roles
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.postgres.scram import new_password
from pytest_oneroof.settings import Settings
from pytest_oneroof.statements.scripts import run_script

Say = Callable[[str], Any]
PLAN = "fixtures/standin.json"
DEFAULT = "default"
BUILDING = "building the stand-in production (once)"


def acquire(settings: Settings, say: Say) -> EmbeddedServer:
    """Return the embedded server of the settings, built where it is not there yet.

    The caller releases it. Raise ServerError where it cannot be built or started.
    """
    profile = settings.profile
    server = server_for(settings.cache_dir, settings.pg_version, profile=profile)
    server.acquire(lambda built: build(built, say, profile=profile), say)
    return server


def server_for(
    cache: Path | None, major: int, *, profile: str = DEFAULT
) -> EmbeddedServer:
    """Return the embedded server whose key is the content of sql and fixtures."""
    key = resources.content_hash()[:12] + ("" if profile == DEFAULT else f"-{profile}")
    return EmbeddedServer(cache, major, key)


def baseline_file(server: EmbeddedServer) -> Path:
    """Return the file that keeps the baseline of an embedded server's clones."""
    return server.home / "baseline.json"


def records_of(server: EmbeddedServer) -> Records:
    """Return the records of the databases on an embedded server."""
    return Records(server.home / "databases")


def build(
    server: EmbeddedServer, say: Say, *, profile: str = DEFAULT
) -> dict[str, Any]:
    """Build production, baseline and first clone; return what to remember.

    Raise ServerError where a file fails, naming it, with the server's message.
    """
    try:
        return _build(server, say, profile)
    except psycopg.Error as error:
        where = "; ".join(getattr(error, "__notes__", []))
        raise ServerError(
            f"cannot build the stand-in: {str(error).strip()} ({where or 'clone'})"
        ) from error


def _build(server: EmbeddedServer, say: Say, profile: str) -> dict[str, Any]:
    plan = resources.read_json(PLAN)
    date = datetime.now(UTC).strftime("%Y%m%d")
    with contextlib.closing(Host(server.url("postgres"), records_of(server))) as host:
        _close_to_public(host)
        say(BUILDING)
        build_production(host, plan["production"], profile, say)
        say("building the clone's baseline (once)")
        marker, password = _build_baseline(host, plan, date, baseline_file(server))
        template = host.find(plan["clone"]["template"].format(date=date))
        assert template is not None
        clone = lifecycle.create_copy(
            host, template, plan["clone"]["name"].format(date=date), "clone"
        )
        return {
            "production": plan["production"]["database"],
            "template": template.name,
            "clone": clone.name,
            "role": marker.role,
            "password": password,
            "profile": profile,
        }


def _close_to_public(host: Host) -> None:
    """On our own server nobody but the administrator enters other databases."""
    for name in ("postgres", "template1"):
        host.admin.execute(
            sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(
                sql.Identifier(name)
            )
        )


def build_production(
    host: Host, plan: dict[str, Any], profile: str, say: Say = lambda line: None
) -> None:
    """Create the stand-in production on a server, by its plan.

    `plan` is the production part of `fixtures/standin.json`. Nobody but its
    owner and superusers may connect to it.
    """
    for name in plan["roles"]:
        run_script(host.admin, resources.path(name))
    database = sql.Identifier(plan["database"])
    host.admin.execute(
        sql.SQL(
            "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'"
        ).format(database, sql.Identifier(plan["owner"]))
    )
    host.admin.execute(
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database)
    )
    with contextlib.closing(connect(host.url(plan["database"]))) as connection:
        for step in resources.read_json(plan["plan"]):
            if step.get("profile", profile) == profile:
                say(f"{BUILDING}: {step.get('sql') or step['csv']}")
                _load(connection, step)
        # Copies and dumps carry it: no clone of it passes for one of production.
        connection.execute(
            sql.SQL("COMMENT ON SCHEMA public IS {}").format(sql.Literal(SURROGATE))
        )


def _load(connection: psycopg.Connection[Any], step: dict[str, str]) -> None:
    try:
        if "sql" in step:
            run_script(connection, resources.path(step["sql"]))
        else:
            _copy(connection, step["csv"], step["table"])
    except psycopg.Error as error:
        error.add_note(f"while loading {step.get('sql') or step.get('csv')}")
        raise


def _copy(connection: psycopg.Connection[Any], name: str, table: str) -> None:
    data = resources.path(name).read_bytes()
    header = data.split(b"\n", 1)[0].decode().strip().split(",")
    columns = sql.SQL(", ").join(sql.Identifier(c.strip('"')) for c in header)
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER)").format(
        sql.Identifier(*table.split(".")), columns
    )
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        copy.write(data)


def _build_baseline(
    host: Host, plan: dict[str, Any], date: str, baseline: Path
) -> tuple[Marker, str]:
    nonce = new_nonce()
    marker = Marker(
        nonce=nonce,
        source=plan["production"]["database"],
        created=now(),
        kind="template",
        owner=f"oneroof_owner_{nonce}",
        role=f"oneroof_check_{nonce}",
        baseline=resources.content_hash(),
    )
    password = new_password()
    name = plan["clone"]["template"].format(date=date)
    roles.create_clone_roles(
        host.admin, owner=marker.owner, check=marker.role, password=password
    )
    lifecycle.make_database(host, name, plan["production"]["database"], marker)
    lifecycle.prepare(host, name, marker)
    run_stages(host, name, marker, plan["clone"]["stages"])
    with contextlib.closing(connect(host.url(name))) as connection:
        connection.execute("VACUUM ANALYZE")
        Look(baseline).record(connection)
    host.admin.execute(
        sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(
            sql.Identifier(name)
        )
    )
    return marker, password


def run_stages(host: Host, name: str, marker: Marker, stages: list[str]) -> list[str]:
    """Run committed stages on a clone as its owner role; return their notices."""
    notices: list[str] = []
    with contextlib.closing(connect(host.url(name))) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(marker.owner)))
        for stage in stages:
            run = run_script(connection, resources.path(stage))
            notices += [f"{run.name}: {notice}" for notice in run.notices]
    return notices
