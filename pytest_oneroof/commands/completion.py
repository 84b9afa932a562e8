"""`oneroof completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from pytest_oneroof.errors import SettingsError

SHELLS = ("bash", "zsh", "fish")
NAME, VARIABLE = "oneroof", "_ONEROOF_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion for SHELL: eval "$(oneroof completion bash)"."""
    made = get_completion_class(shell)
    if made is None:
        raise SettingsError(f"click has no completion for {shell}")
    root = ctx.find_root().command
    click.echo(made(root, {}, NAME, VARIABLE).source())
