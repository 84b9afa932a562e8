"""`oneroof psql`: look at the embedded database, without harming anything."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence

import click

from pytest_oneroof.clone import standin
from pytest_oneroof.clone.throwaway import ThrowawayPool
from pytest_oneroof.commands.output import progress
from pytest_oneroof.commands.project import CONFIG, Project, read_project
from pytest_oneroof.errors import ServerError
from pytest_oneroof.postgres.binaries import find_programs
from pytest_oneroof.postgres.connect import parse
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.production.reader import reader_url

COPY = "a copy of the embedded clone, for you alone; it is dropped when psql ends"
READ = "the embedded stand-in production, read only"


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--production", is_flag=True, help="The stand-in production, read only.")
@CONFIG
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PSQL OPTIONS]")
@click.pass_context
def command(
    ctx: click.Context, *, production: bool, arguments: tuple[str, ...]
) -> None:
    """Open psql on a copy of the embedded clone; what follows goes to psql.

    The copy is dropped at the end, so that no run meets what was done there. The exit
    status is psql's.
    """
    project = read_project()
    server = standin.acquire(*project, progress())
    try:
        opened = _production if production else _copy
        with opened(server, project) as url:
            click.echo(f"oneroof: {READ if production else COPY}", err=True)
            status = _run(server, url, arguments)
    finally:
        server.release()
    ctx.exit(status)


@contextlib.contextmanager
def _production(server: EmbeddedServer, project: Project) -> Iterator[str]:
    yield reader_url(server)


@contextlib.contextmanager
def _copy(server: EmbeddedServer, project: Project) -> Iterator[str]:
    """Yield the URL of a throw-away copy, and drop it at the end."""
    state = server.state
    with contextlib.closing(standin.host_of(server, project.pack)) as host:
        url = server.url("postgres", state["role"], state["password"])
        pool = ThrowawayPool(host, state["template"], state["clone"], url)
        try:
            found = pool.take()
            try:
                yield pool.url(found)
            finally:
                pool.drop(found)
        finally:
            pool.close()


def _run(server: EmbeddedServer, url: str, arguments: Sequence[str]) -> int:
    """Run psql to its end. Its password stands in no list of processes."""
    psql = find_programs(server.major, server.cache).folder / "psql"
    if not psql.is_file():
        raise ServerError(f"this package of PostgreSQL {server.major} brings no psql")
    bare = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    told = {
        f"PG{_NAMES[key]}": str(v) for key, v in parse(url).items() if key in _NAMES
    }
    with subprocess.Popen([str(psql), *arguments], env=bare | told) as running:
        while True:
            # Ctrl-C is psql's: it cancels a statement there.
            with contextlib.suppress(KeyboardInterrupt):
                return running.wait()


_NAMES = {
    "host": "HOST",
    "port": "PORT",
    "user": "USER",
    "password": "PASSWORD",
    "dbname": "DATABASE",
}
