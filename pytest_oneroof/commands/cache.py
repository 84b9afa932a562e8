"""`oneroof cache`: the embedded servers that the cache folder keeps."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pytest_oneroof import settings
from pytest_oneroof.commands.output import JSON, emit
from pytest_oneroof.commands.project import CONFIG, read_ini
from pytest_oneroof.errors import ServerError, SettingsError
from pytest_oneroof.postgres import homes
from pytest_oneroof.postgres.embedded import default_cache

CACHE_DIR = click.option(
    "--cache-dir",
    metavar="DIR",
    help="The cache folder (default: that of a run in this folder).",
)
_UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"))


@click.group(name="cache")
def command() -> None:
    """List, remove or find the embedded servers that runs keep in the cache folder."""


@command.command(name="path")
@CONFIG
@CACHE_DIR
@JSON
def print_path(cache_dir: str | None, *, as_json: bool) -> None:
    """Print the cache folder, whether it exists or not."""
    cache = _folder(cache_dir)
    emit({"cache": str(cache)}, [str(cache)], as_json=as_json)


@command.command(name="list")
@CONFIG
@CACHE_DIR
@JSON
def list_servers(cache_dir: str | None, *, as_json: bool) -> None:
    """List the cached servers: name, size, last use, and whether a run uses them."""
    cache = _folder(cache_dir)
    with _plainly(cache):
        found = [_describe(home) for home in homes.all_homes(cache)]
    lines = ["\t".join(_cells(value)) for value in found]
    none = f"no cached server in {cache}"
    emit({"cache": str(cache), "servers": found}, lines or [none], as_json=as_json)


@command.command(name="clean")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@CONFIG
@CACHE_DIR
@JSON
def clean(names: tuple[str, ...], cache_dir: str | None, *, as_json: bool) -> None:
    """Remove the cached servers NAME, or all, with every clone that is on them.

    One that a run uses stays and is named; the exit status is 1 then, and the others
    are removed all the same. The next run that needs a removed server builds it anew.
    """
    cache = _folder(cache_dir)
    with _plainly(cache):
        chosen = _chosen(cache, names)
        sizes = {home.name: homes.size(home) for home in chosen}
        removed = [home.name for home in chosen if homes.remove_unused(home)]
    freed = {name: sizes.pop(name) for name in removed}
    value = {"cache": str(cache), "removed": freed, "in_use": [*sizes]}
    lines = [f"removed {name}: {_megabytes(size)}" for name, size in freed.items()]
    none = [] if chosen else [f"no cached server in {cache}"]
    emit(value, lines or none, as_json=as_json)
    if sizes:
        raise ServerError(
            f"not removed, as a run uses it: {', '.join(sizes)}\n"
            "to fix this, wait for that run to end, or end it, and call this again"
        )


def _folder(given: str | None) -> Path:
    found = settings.resolve(
        {"cache_dir": given}, os.environ, read_ini().get, flag="--"
    )
    return (found.cache_dir or default_cache()).absolute()


def _chosen(cache: Path, names: tuple[str, ...]) -> list[Path]:
    found = {home.name: home for home in homes.all_homes(cache)}
    if unknown := [name for name in names if name not in found]:
        there = ", ".join(found) or "none"
        raise SettingsError(
            f"no cached server {', '.join(unknown)} in {cache}; there: {there}"
        )
    return [home for name, home in found.items() if not names or name in names]


def _describe(home: Path) -> dict[str, Any]:
    used = homes.last_use(home)
    return {
        "name": home.name,
        "bytes": homes.size(home),
        "used": datetime.fromtimestamp(used, UTC).isoformat(timespec="seconds"),
        "idle_seconds": max(0, round(time.time() - used)),
        "in_use": homes.is_used(home),
    }


def _cells(value: dict[str, Any]) -> tuple[str, ...]:
    state = "in use" if value["in_use"] else "not in use"
    size, age = _megabytes(value["bytes"]), _age(value["idle_seconds"])
    return value["name"], size, f"used {age} ago", state


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB"


def _age(seconds: int) -> str:
    for length, name in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds // length} {name}"
    return f"{seconds} seconds"


@contextlib.contextmanager
def _plainly(cache: Path) -> Iterator[None]:
    """Tell in one sentence why the cache folder cannot be read or changed."""
    try:
        yield
    except OSError as error:
        raise ServerError(
            f"cannot use the cache folder {cache}: {error.filename}: {error.strerror}\n"
            "to fix this, call this as the user who made it, or name another folder: "
            "--cache-dir DIR"
        ) from error
