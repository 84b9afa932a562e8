"""`oneroof decision`: show the ladder of decisions, validate a decision packet."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_oneroof.commands.output import JSON, answer
from pytest_oneroof.commands.project import read_project
from pytest_oneroof.packet import blockers
from pytest_oneroof.packet import decision as decisions


@click.group()
def command() -> None:
    """Show the decisions that a person can take; the tool never selects one."""


@command.command()
@click.option("--rehearsed", is_flag=True, help="A rehearsal has been done.")
@JSON
def show(*, rehearsed: bool, as_json: bool) -> None:
    """Show the template: nothing selected, default HOLD_PRODUCTION."""
    records = blockers.read_blockers(read_project().pack)
    template = decisions.template(
        rehearsed=rehearsed, open_blockers=blockers.open_blockers(records)
    )
    answer(decisions.show(template), as_json=as_json)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@JSON
def validate(file: Path, *, as_json: bool) -> None:
    """Validate FILE: signed, not fabricated, no overclaim."""
    answer(decisions.validate_file(file), as_json=as_json)
