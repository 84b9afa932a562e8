"""`oneroof gate`: may the release run? Reads, prints one word, and sets the status."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from pytest_oneroof.commands.output import JSON, progress
from pytest_oneroof.commands.project import CONFIG, Project, read_project
from pytest_oneroof.errors import OneroofError
from pytest_oneroof.production.gate import Gate, GateVerdict
from pytest_oneroof.redaction import redact

READY, FAILED, HELD = 0, 1, 10
STAND_IN = "stand-in"


@click.command()
@click.argument("url", required=False)
@click.option("--quiet", is_flag=True, help="Print READY or BLOCKED and nothing else.")
@CONFIG
@JSON
@click.pass_context
def command(ctx: click.Context, url: str | None, *, quiet: bool, as_json: bool) -> None:
    """Tell whether the release may run on the production at URL.

    Reads it in one READ ONLY transaction and ends: no daemon. Exit status 0 READY,
    10 BLOCKED, 1 error. Without URL it is ONEROOF_PRODUCTION_URL; without both
    the embedded stand-in, which is said on stderr.
    """
    project = read_project(production_url=url)
    ctx.exit(check(project, quiet=quiet, as_json=as_json))


def check(
    project: Project,
    *,
    quiet: bool,
    as_json: bool,
    out: Callable[[str], Any] = click.echo,
    err: Callable[[str], Any] = lambda line: click.echo(line, err=True),
) -> int:
    """Print the gate's verdict and return the exit status.

    Raise SettingsError for a pack that has no gate.
    """
    project.pack.needed("gate", "plan")
    target, gate = project.settings.production_url, Gate(project.pack)
    if target is None:
        err("oneroof: no production given: this is the embedded stand-in")
    try:
        verdict = gate.check(target) if target else _check_stand_in(project)
    except OneroofError as error:
        err(f"oneroof: {error}")
        if as_json:
            out(json.dumps({"gate_status": None, "error": str(error)}, indent=2))
        return FAILED
    for line in _lines(verdict, target, quiet=quiet, as_json=as_json):
        out(line)
    return READY if verdict.status == "READY" else HELD


def _lines(
    verdict: GateVerdict, target: str | None, *, quiet: bool, as_json: bool
) -> list[str]:
    if as_json:
        value = {"target": redact(target) if target else STAND_IN, **verdict.to_dict()}
        return [json.dumps(value, indent=2)]
    if quiet:
        return [verdict.status]
    return [verdict.detail(), verdict.row(), verdict.line()]


def _check_stand_in(project: Project) -> GateVerdict:
    from pytest_oneroof.clone import standin
    from pytest_oneroof.production.reader import reader_url

    server = standin.acquire(*project, progress())
    try:
        return Gate(project.pack).check(reader_url(server))
    finally:
        server.release()
