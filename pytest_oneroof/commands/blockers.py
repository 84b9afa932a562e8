"""`oneroof blockers`: what stands open, what would close it, who can."""

from __future__ import annotations

import click

from pytest_oneroof.commands.output import JSON, answer
from pytest_oneroof.packet.blockers import show_blockers


@click.command()
@JSON
def command(*, as_json: bool) -> None:
    """Show the blocker map."""
    answer(show_blockers(), as_json=as_json)
