"""`oneroof clone status | list`, and how a clone is shown by all commands."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from pytest_oneroof.clone.blockers import blockers
from pytest_oneroof.clone.expiry import told_expiry
from pytest_oneroof.clone.watch import Flow
from pytest_oneroof.commands.clone.place import Place, place
from pytest_oneroof.commands.output import JSON, emit
from pytest_oneroof.commands.project import admin
from pytest_oneroof.ownership.proofs import OurDatabase

COLUMNS = ("name", "kind", "MB", "use", "kept", "created", "source")
# What fits beside a name in 80 columns.
NARROW, WIDE = 5, 110


@click.command()
@click.argument("name", required=False)
@admin
@JSON
def status(name: str | None, admin_url: str | None, *, as_json: bool) -> None:
    """Tell what is known of a clone, or of all clones on the server."""
    with place(admin_url) as here:
        clones = [here.host.ours(name)] if name else here.host.all_ours()
        values = [describe(here, found) for found in clones]
        lines = [line for value in values for line in _lines(value)]
        emit(
            {"target": here.target, "clones": values},
            lines or ["no clone on this server"],
            as_json=as_json,
        )


@click.command("list")
@admin
@JSON
def list_all(admin_url: str | None, *, as_json: bool) -> None:
    """List the clones on the server: a table on a terminal, plain in a pipe."""
    with place(admin_url) as here:
        values = [describe(here, found) for found in here.host.all_ours()]
        if as_json:
            emit({"target": here.target, "clones": values}, (), as_json=True)
        elif sys.stdout.isatty():
            _print_table(values)
        else:
            emit(values, ("\t".join(_cells(value)) for value in values), as_json=False)


def describe(here: Place, found: OurDatabase) -> dict[str, Any]:
    """Return what is known of a clone, as plain data; no password among it."""
    value = {
        "name": found.name,
        **asdict(found.marker),
        "expires_in": told_expiry(found.marker, datetime.now(UTC)),
        "megabytes": round(here.host.size(found.oid) / 2**20, 1),
        "in_use_by": here.host.lock_holder(found.oid),
        "blockers": blockers(here.host, found),
    }
    if (file := here.url_file(found.name)).exists():
        value["url_file"] = str(file)
    return value


def show(
    here: Place,
    name: str,
    lines: Iterable[str] = (),
    extra: Mapping[str, Any] | None = None,
    *,
    as_json: bool,
) -> None:
    """Print a clone that a command has made, after the lines of how it was made."""
    value = describe(here, here.host.ours(name))
    told = [*lines, *_lines(value)]
    if file := value.get("url_file"):
        told.append(f"  its URL, with the check role's password, is in {file}")
        if here.server is None:
            run = f'pytest --oneroof-clone --oneroof-clone-url "$(cat {file})"'
            told.append(f"run: {run}")
    emit({"target": here.target, **value, **(extra or {})}, told, as_json=as_json)


def flow_data(flow: Flow) -> dict[str, Any]:
    """Return what flowed as plain data."""
    return {"bytes": flow.size, "seconds": round(flow.seconds, 2)}


def _lines(value: Mapping[str, Any]) -> list[str]:
    kept = "protected" if value["protected"] else "not protected"
    return [
        f"{value['name']}  {value['kind']} of {value['source']}, {_use(value)}",
        f"  made {value['created']}, {value['megabytes']} MB, nonce {value['nonce']}",
        f"  owner {value['owner']}, check role {value['role']}",
        f"  {kept}, expires {_expiry(value)}",
        *(f"  blocked by {line}" for line in value["blockers"]),
    ]


def _use(value: Mapping[str, Any]) -> str:
    if value["in_use_by"]:
        return f"in use by backend {value['in_use_by']}"
    return "blocked" if value["blockers"] else "free"


def _expiry(value: Mapping[str, Any]) -> str:
    if not value["expires"]:
        return "never"
    return f"{value['expires']} ({value['expires_in']})"


def _cells(value: Mapping[str, Any]) -> list[str]:
    return [
        value["name"],
        value["kind"],
        value["source"],
        value["created"],
        str(value["megabytes"]),
        _use(value),
        "yes" if value["protected"] else "no",
        value["expires"] or "never",
    ]


def _print_table(values: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    columns = COLUMNS if console.width >= WIDE else COLUMNS[:NARROW]
    table = Table(box=None, pad_edge=False)
    for column in columns:
        # A name that is cut could not be pasted back.
        table.add_column(column, no_wrap=column == "name")
    for value in values:
        table.add_row(*_row(value)[: len(columns)])
    console.print(table if values else "no clone on this server")


def _row(value: Mapping[str, Any]) -> list[str]:
    return [
        value["name"],
        value["kind"],
        str(value["megabytes"]),
        _use(value),
        "protected" if value["protected"] else value["expires_in"],
        value["created"],
        value["source"],
    ]
