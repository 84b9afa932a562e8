"""`oneroof packet`: verify an evidence packet."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_oneroof.commands.output import JSON, answer
from pytest_oneroof.packet.write import verify_packet


@click.group()
def command() -> None:
    """Verify the evidence packet of a run."""


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--pin", help="The packet tree's hash, as its author published it.")
@JSON
def verify(folder: Path, pin: str | None, *, as_json: bool) -> None:
    """Reproduce every hash of FOLDER, and compare its status with its evidence."""
    answer(verify_packet(folder, pin=pin), as_json=as_json)
