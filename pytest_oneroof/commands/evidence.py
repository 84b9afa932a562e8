"""`oneroof evidence`: validate rollback evidence."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_oneroof.commands.output import JSON, answer
from pytest_oneroof.packet import rollback_evidence


@click.group()
def command() -> None:
    """Validate the evidence that a rollback restored what was before."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--selftest", is_flag=True, help="Prove that the validator fails closed.")
@JSON
def validate(file: Path | None, *, selftest: bool, as_json: bool) -> None:
    """Validate FILE: three hashes, applied unlike before, restored as pinned."""
    if selftest:
        answer(rollback_evidence.selftest(), as_json=as_json)
    elif file is None:
        raise click.UsageError("FILE or --selftest")
    else:
        answer(rollback_evidence.validate_file(file), as_json=as_json)
