"""`oneroof provenance`: is this clone production-shaped, isolated and secret-free?"""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from pytest_oneroof.clone import standin
from pytest_oneroof.commands.output import JSON, answer, progress
from pytest_oneroof.commands.project import CONFIG, Project, read_project
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.provenance import provenance


@click.command()
@click.argument("url", required=False)
@click.option(
    "--allow",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Findings that the secret scan allows.",
)
@click.option("--live-host", "hosts", multiple=True, help="A live host name (repeat).")
@CONFIG
@JSON
def command(
    url: str | None, allow: Path | None, hosts: tuple[str, ...], *, as_json: bool
) -> None:
    """Judge the clone at URL, by default the embedded server's. Reads only.

    Exit status 0 for a clone that may stand for production, else 10, with every
    reason and what the operator must deliver. No value found is printed.
    """
    project = read_project(clone_url=url)
    settings, pack = project
    rules = project.rules(settings.clone_url)
    with contextlib.ExitStack() as stack:
        target = settings.clone_url or _embedded(project, rules, stack)
        connection = stack.enter_context(contextlib.closing(connect(target)))
        connection.execute("SET default_transaction_read_only = on")
        found = provenance.read_candidate(
            connection,
            rules,
            pack,
            allow=allow or settings.secrets_allow,
            live_hosts=hosts,
        )
    answer(provenance.answer(found, pack), as_json=as_json)


def _embedded(project: Project, rules: Rules, stack: contextlib.ExitStack) -> str:
    """Return the embedded clone's URL as its check role; open while in use."""
    click.echo("oneroof: no clone given: this is the embedded one", err=True)
    server = standin.acquire(*project, progress())
    stack.callback(server.release)
    host = standin.host_of(server, project.pack, rules)
    stack.callback(host.close)
    clone = host.ours(server.state["clone"])
    if not clone.seen.takes_connections:
        host.allow_connections(clone, allowed=True)
    state = server.state
    return server.url(state["clone"], state["role"], state["password"])
