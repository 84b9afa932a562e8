"""`oneroof rollout`: plan, rehearse, run, verify and roll back a release packet."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pytest_oneroof.answer import BROKEN, DONE, Answer
from pytest_oneroof.commands.output import JSON, answer, emit
from pytest_oneroof.commands.project import admin, read_project
from pytest_oneroof.commands.rollout_place import (
    STAND_IN,
    Signers,
    logs_folder,
    needed,
    record_folders,
    server_of,
    signers,
)
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.redaction import redact
from pytest_oneroof.release import rollout as o
from pytest_oneroof.release.plan import Packet, open_packet, told_plan
from pytest_oneroof.release.records import load_record
from pytest_oneroof.release.rehearse_copy import Copied, rehearse_copy
from pytest_oneroof.release.signed import require_signed
from pytest_oneroof.release.signing import REHEARSAL, sign_file
from pytest_oneroof.release.standing import read_standing
from pytest_oneroof.release.steps import Where
from pytest_oneroof.run.progress import meter
from pytest_oneroof.sealing.seal import SealBroken

Say = Callable[[str], Any]
TARGET = click.option(
    "--target-url",
    metavar="URL",
    help="The production, for this command alone; no setting replaces it.",
)
DATABASE = click.option(
    "--database", metavar="NAME", help="The production's name, typed by you."
)
SEAL = click.option(
    "--seal", "pin", metavar="SHA256", help="The manifest's sha256, as rehearsed."
)
LOG = click.option(
    "--log",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where logs are kept: the records of rehearsals and runs (default: rollouts "
    "in the cache folder).",
)
KEY = click.option(
    "--key",
    required=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="The key to sign with, or its public half if an agent holds it.",
)


def _file(name: str, told: str) -> Callable[[Any], Any]:
    kind = click.Path(dir_okay=False, exists=True, path_type=Path)
    return click.option(name, "record", type=kind, help=told)


@click.group()
def command() -> None:
    """Plan, rehearse, run, verify and roll back a release PACKET.

    PACKET is one of the pack's, or a folder whose seal the pack's owner has pinned.
    """


@command.command()
@click.argument("packet")
@TARGET
@JSON
@click.pass_context
def plan(
    ctx: click.Context, packet: str, target_url: str | None, *, as_json: bool
) -> None:
    """Show steps, gates, expected deltas and stops, and whether the seal holds.

    With --target-url also where that database stands and what holds the gate.
    """

    def work(opened: Packet, say: Say) -> Answer:
        lines = told_plan(opened)
        data: dict[str, Any] = {**opened.plan, "manifest_sha256": opened.sha256}
        if target_url is not None:
            standing = read_standing(Where(target_url), opened)
            data |= {"target": redact(target_url), "standing": standing.to_dict()}
            lines += [*standing.lines(), standing.gate.line()]
        return Answer(DONE, data, tuple(lines))

    ctx.exit(_told(packet, None, work, as_json=as_json))


@command.command()
@click.argument("packet")
@admin
@click.option("--from", "source", metavar="DATABASE", help="What to copy there.")
@click.option(
    "--clone",
    "main",
    metavar="NAME",
    help="Your main clone there: it has to stay as it is, and is snapshotted anew.",
)
@LOG
@JSON
@click.pass_context
def rehearse(
    ctx: click.Context,
    packet: str,
    admin_url: str | None,
    source: str | None,
    main: str | None,
    log: Path | None,
    *,
    as_json: bool,
) -> None:
    """Run the sealed bytes forth and back on a fresh greenfield clone, and drop it.

    The gate is opened there and only there. It authorizes nothing on production.
    """

    def work(opened: Packet, say: Say) -> Answer:
        project = read_project(admin_url=admin_url)
        own_server = project.settings.admin_url is not None
        url = project.settings.admin_url
        with server_of(say, project, url, source, main) as place:
            copied = Copied(*place, logs_folder(log))
            answer = rehearse_copy(opened, copied, say)
            return answer if own_server else _aimed(answer, STAND_IN)

    ctx.exit(_told(packet, None, work, as_json=as_json))


@command.command()
@click.argument("packet")
@TARGET
@DATABASE
@click.option(
    "--ratified-apr", metavar="CODE", help="The code of the ratified approval."
)
@SEAL
@_file("--rehearsal", "The rehearsal's record (default: the newest of this packet).")
@LOG
@JSON
@click.pass_context
def run(
    ctx: click.Context,
    packet: str,
    target_url: str | None,
    database: str | None,
    ratified_apr: str | None,
    pin: str | None,
    record: Path | None,
    log: Path | None,
    *,
    as_json: bool,
) -> None:
    """Run a rehearsed PACKET on the production, when its gate is READY.

    Held with 10 without a rehearsal of today on the target's own schema, at a closed
    gate, another database, another phase, or an approval that is without its quorum
    or about something else. Nothing overrides that.
    """
    url = needed(target_url, "--target-url URL names the production")
    code = needed(ratified_apr, "--ratified-apr CODE; never invent one")
    seal = needed(pin, "--seal SHA256 is the manifest that was rehearsed")
    typed = _typed(database)

    def work(opened: Packet, say: Say) -> Answer:
        order = o.Order(opened, url, typed, logs_folder(log), code)
        order = _with_records(order, record, log)
        return o.run(order, say)

    ctx.exit(_told(packet, seal, work, as_json=as_json))


@command.command()
@click.argument("packet")
@TARGET
@JSON
@click.pass_context
def verify(
    ctx: click.Context, packet: str, target_url: str | None, *, as_json: bool
) -> None:
    """Verify that PACKET stands, reading only; without --target-url, the stand-in."""

    def work(opened: Packet, say: Say) -> Answer:
        if target_url is not None:
            answer = o.verify(opened, Where(target_url), say)
            return _aimed(answer, redact(target_url))
        with server_of(say, read_project()) as (host, origin, _):
            answer = o.verify(opened, Where(host.url(origin)), say)
            return _aimed(answer, STAND_IN)

    ctx.exit(_told(packet, None, work, as_json=as_json))


@command.command()
@click.argument("packet")
@TARGET
@DATABASE
@SEAL
@click.option(
    "--tier-by-tier", is_flag=True, help="Undo each tier by itself, last first."
)
@_file("--record", "The record of the run (default: the newest on this database).")
@LOG
@JSON
@click.pass_context
def rollback(
    ctx: click.Context,
    packet: str,
    target_url: str | None,
    database: str | None,
    pin: str | None,
    record: Path | None,
    log: Path | None,
    *,
    tier_by_tier: bool,
    as_json: bool,
) -> None:
    """Take PACKET back on the production, and prove that it is as it was.

    Held with 10 without the record of the run that it undoes, on this very database.
    Fails when it undid nothing, or when what it left is not what was there before.
    """
    url = needed(target_url, "--target-url URL names the production")
    typed = _typed(database)

    def work(opened: Packet, say: Say) -> Answer:
        order = o.Order(opened, url, typed, logs_folder(log))
        order = _with_records(order, record, log)
        return o.roll_back(order, say, tier_by_tier=tier_by_tier)

    ctx.exit(_told(packet, pin, work, as_json=as_json))


@command.command()
@click.argument("record", type=click.Path(path_type=Path, dir_okay=False))
@KEY
@JSON
def sign(record: Path, key: Path, *, as_json: bool) -> None:
    """Sign the RECORD of a rehearsal by ssh-keygen, for oneroof_allowed_signers."""
    read = load_record(record)
    if read.log.what != "rehearse":
        raise SettingsError(f"{record} is the record of a {read.log.what}")
    signature = sign_file(record, read.data, REHEARSAL, key)
    data = {"signed": str(record), "signature": str(signature), "sha256": read.sha256}
    told = f"signed {record}: {signature}"
    answer(Answer(DONE, data, (told,)), as_json=as_json)


def _with_records(order: o.Order, record: Path | None, log: Path | None) -> o.Order:
    """Say where the order's record is, and who may sign a rehearsal."""
    return replace(
        order, record=record, others=record_folders(log), signers=signers().file
    )


def _told(
    packet: str,
    pin: str | None,
    work: Callable[[Packet, Say], Answer],
    *,
    as_json: bool,
) -> int:
    """Open the packet by its seal, do the work, print the answer."""
    try:
        opened = open_packet(packet, read_project().pack, pin=pin)
        found = signers()
        if found.file is not None:
            require_signed(packet, opened, found.file)
        with meter() as watch:
            result = _signed(work(opened, watch.say), found)
    except SealBroken as broken:
        data = {"seal": "broken", "findings": [str(f) for f in broken.findings]}
        result = Answer(BROKEN, data, tuple(str(broken).split("\n")))
    emit(result.data, result.lines, as_json=as_json)
    return result.status


def _signed(result: Answer, found: Signers) -> Answer:
    """Tell in an answer whether a signature was demanded, and by which ini file."""
    data = {**result.data, "signers": str(found.file) if found.file else None}
    return Answer(result.status, data, (found.line(), *result.lines))


def _aimed(answer: Answer, target: str) -> Answer:
    return Answer(answer.status, {"target": target, **answer.data}, answer.lines)


def _typed(database: str | None) -> str:
    if database is None and sys.stdin.isatty():
        database = click.prompt("type the name of the production", type=str)
    return needed(database, "--database NAME, the production's name typed by you")
