"""`oneroof fingerprint`: what a database is made of, and how two of them differ."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psycopg

from pytest_oneroof.answer import DONE, FAILED
from pytest_oneroof.clone import standin
from pytest_oneroof.commands.output import JSON, emit, progress
from pytest_oneroof.commands.project import read_project
from pytest_oneroof.errors import OneroofError, ServerError, SettingsError
from pytest_oneroof.fingerprint.compare import (
    ContentFingerprint,
    Difference,
    Fingerprint,
    SchemaFingerprint,
    Scope,
    compare,
    compare_content,
    comparison_to_data,
    from_data,
    read_content,
    read_schema,
    render,
    summarise,
    to_data,
)
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.redaction import redact

STAND_IN = "stand-in"
SCHEMA, CONTENT = "schema", "content"
Prints = dict[str, Fingerprint]


@click.command()
@click.argument("targets", nargs=-1, metavar="[URL|FILE] [URL|FILE]")
@click.option(
    "--content",
    is_flag=True,
    help="Rows and sequence positions too: every row is read.",
)
@click.option(
    "--no-grants",
    is_flag=True,
    help="Leave grants out: a dump without owners has none.",
)
@JSON
@click.pass_context
def command(
    ctx: click.Context,
    targets: tuple[str, ...],
    *,
    content: bool,
    no_grants: bool,
    as_json: bool,
) -> None:
    """Print the fingerprint of a database, or compare two of them.

    A FILE is what `oneroof fingerprint URL --json` printed at another time. Exit
    status 0 equal, 1 different. Without a URL: the embedded stand-in production.
    """
    if len(targets) > 2:
        raise SettingsError(f"one database or two are compared, given: {len(targets)}")
    with _named(targets) as (urls, target):
        prints = [_take(url, content=content, grants=not no_grants) for url in urls]
    if len(prints) == 1:
        value = {"target": target, **{k: to_data(p) for k, p in prints[0].items()}}
        lines = [summarise(fingerprint) for fingerprint in prints[0].values()]
        emit(value, lines, as_json=as_json)
        return
    ctx.exit(_compare(*prints, target=target, as_json=as_json))


@contextlib.contextmanager
def _named(targets: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what to read, and what `--json` calls it."""
    if targets:
        yield targets, " ".join(redact(target) for target in targets)
        return
    click.echo("oneroof: no URL given: this is the embedded stand-in", err=True)
    server = standin.acquire(*read_project(), progress())
    try:
        yield (server.url(server.state["production"]),), STAND_IN
    finally:
        server.release()


def _take(target: str, *, content: bool, grants: bool) -> Prints:
    if Path(target).is_file() or not ("://" in target or "=" in target):
        return _load(Path(target), content=content)
    prints: Prints = {}
    with contextlib.closing(connect(target)) as connection:
        try:
            prints[SCHEMA] = read_schema(connection, scope=Scope(grants=grants))
            if content:
                prints[CONTENT] = read_content(connection)
        except psycopg.Error as error:
            told = redact(str(error)).strip()
            raise ServerError(f"cannot read {redact(target)}: {told}") from error
    return prints


def _load(file: Path, *, content: bool) -> Prints:
    try:
        data = json.loads(file.read_text())
        names = (SCHEMA, CONTENT) if content else (SCHEMA,)
        return {name: from_data(data[name]) for name in names}
    except OSError as error:
        raise SettingsError(
            f"{file} is neither a URL nor a file: {error.strerror}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, OneroofError):
            raise
        what = "content" if content else "schema"
        raise SettingsError(
            f"{file} holds no {what} fingerprint ({type(error).__name__}: {error})\n"
            "to make one: oneroof fingerprint URL --json"
        ) from error


def _compare(before: Prints, after: Prints, *, target: str, as_json: bool) -> int:
    value: dict[str, Any] = {"target": target}
    lines = []
    equal = True
    for name, left in before.items():
        differences = _differences(left, after[name])
        value[name] = comparison_to_data(left, after[name], differences)
        lines.append(f"{name}: {render(differences)}")
        equal = equal and not differences
    emit({**value, "equal": equal}, lines, as_json=as_json)
    return DONE if equal else FAILED


def _differences(before: Fingerprint, after: Fingerprint) -> tuple[Difference, ...]:
    if isinstance(before, SchemaFingerprint) and isinstance(after, SchemaFingerprint):
        return compare(before, after)
    if isinstance(before, ContentFingerprint) and isinstance(after, ContentFingerprint):
        return compare_content(before, after)
    raise SettingsError("a schema fingerprint and one of content are not compared")
