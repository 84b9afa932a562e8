"""`oneroof figures`: record what a pack's figures are, and tell which moved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click
import psycopg

from pytest_oneroof.commands.output import JSON, emit
from pytest_oneroof.commands.project import Project, read_project
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.pack import Pack
from pytest_oneroof.postgres.connect import reading
from pytest_oneroof.production.figures import Figures
from pytest_oneroof.production.recorded import (
    Recorded,
    moved,
    parse_recorded,
    record,
    render_recorded,
)

DONE, MOVED = 0, 1
URL = click.argument("url", required=False)


@click.group(name="figures")
def command() -> None:
    """Record the figures that the pack's checks expect; tell which moved."""


@command.command(name="record")
@URL
@JSON
def record_figures(url: str | None, *, as_json: bool) -> None:
    """Read the pack's figures from the database at URL, and write the record.

    The record is the file that the pack's `[figures] expected` names. A figure that
    did not move keeps its entry, so that a review of the file sees what did.
    Without URL it is ONEROOF_PRODUCTION_URL; without both the embedded stand-in.
    """
    project = read_project(production_url=url)
    before, found = _both(project)
    differences = moved(before, {name: r.value for name, r in found.items()})
    pack = project.pack
    file = pack.path(pack.needed("figures", "expected"))
    file.write_text(render_recorded(record(before, found)), encoding="utf-8")
    lines = [f"{len(found)} figures in {file}: {len(differences)} moved", *differences]
    value = {"file": str(file), "moved": [asdict(d) for d in differences]}
    emit(value, map(str, lines), as_json=as_json)


@command.command(name="diff")
@URL
@JSON
@click.pass_context
def diff_figures(ctx: click.Context, url: str | None, *, as_json: bool) -> None:
    """Tell which figures of the database at URL are not as recorded.

    Exit status 0 when none moved, 1 when one did. URL as for `record`.
    """
    before, found = _both(read_project(production_url=url))
    differences = moved(before, {name: r.value for name, r in found.items()})
    head = f"{len(differences)} of {len(before.keys() | found.keys())} figures moved"
    value = {"moved": [asdict(d) for d in differences]}
    emit(value, [head, *map(str, differences)], as_json=as_json)
    ctx.exit(MOVED if differences else DONE)


def _both(project: Project) -> tuple[dict[str, Recorded], dict[str, Recorded]]:
    """Return the figures as recorded, and as they are now."""
    pack = project.pack
    name = pack.needed("figures", "expected")
    try:
        before = parse_recorded(pack.read_text(name))
    except ValueError as error:
        raise SettingsError(f"{pack.path(name)}: {error}") from error
    with _source(project) as connection:
        return before, read_figures(connection, pack)


def read_figures(
    connection: psycopg.Connection[Any], pack: Pack
) -> dict[str, Recorded]:
    """Return a pack's figures of a connected database, as they would be recorded."""
    database = connection.info.dbname
    now = datetime.now(UTC).isoformat(timespec="seconds")
    query = pack.needed("figures", "metrics")
    metrics = Figures(pack).metrics(connection)
    return {name: Recorded(v, query, database, now) for name, v in metrics.items()}


@contextlib.contextmanager
def _source(project: Project) -> Iterator[psycopg.Connection[Any]]:
    """Yield a READ ONLY transaction on the production, or on the stand-in."""
    if target := project.settings.production_url:
        with reading(target) as connection:
            yield connection
        return
    from pytest_oneroof.clone import standin
    from pytest_oneroof.commands.output import progress
    from pytest_oneroof.production.reader import reader_url

    click.echo("oneroof: no production given: this is the embedded stand-in", err=True)
    server = standin.acquire(*project, progress())
    try:
        with reading(reader_url(server)) as connection:
            yield connection
    finally:
        server.release()
