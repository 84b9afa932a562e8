"""What commands print: lines for a person, or one JSON value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import click

from pytest_oneroof.answer import Answer
from pytest_oneroof.run.progress import Meter

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")


def emit(value: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Print a result: the value as JSON, or the lines."""
    if as_json:
        click.echo(json.dumps(value, indent=2, default=str))
    else:
        for line in lines:
            click.echo(line)


def answer(result: Answer, *, as_json: bool) -> NoReturn:
    """Print an answer and end with its exit status."""
    emit(result.data, result.lines, as_json=as_json)
    raise click.exceptions.Exit(result.status)


def progress() -> Callable[[str], None]:
    """Return a function that begins a step of the command's progress.

    Shown on a terminal until the command ends, and to nobody in a pipe.
    """
    watch = Meter()
    click.get_current_context().call_on_close(watch.close)
    return watch.say
