"""`oneroof blockers`: what stands open, what would close it, who can."""

from __future__ import annotations

import click

from pytest_oneroof.commands.output import JSON, answer
from pytest_oneroof.commands.project import read_project
from pytest_oneroof.packet.blockers import read_blockers, show_blockers


@click.command()
@JSON
def command(*, as_json: bool) -> None:
    """Show the blocker map."""
    pack = read_project().pack
    pack.needed("decision", "blockers")
    answer(show_blockers(read_blockers(pack)), as_json=as_json)
