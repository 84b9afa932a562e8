"""The command `oneroof`: a table of contents; each command has its module.

Exit status: 0 done, GO or READY; 1 a check failed or an error; 2 wrong use;
3 a seal or packet does not hold; 10 held: guard refused or gate BLOCKED.
"""

from __future__ import annotations

import importlib
from typing import Any, NoReturn

import click

from pytest_oneroof import __version__, signals
from pytest_oneroof.errors import GuardRefused, OneroofError, SettingsError

COMMANDS = {
    name: f"pytest_oneroof.commands.{name}"
    for name in (
        "clone",
        "init",
        "figures",
        "gate",
        "fingerprint",
        "rollout",
        "seal",
        "evidence",
        "provenance",
        "decision",
        "blockers",
        "packet",
        "history",
        "cache",
        "psql",
        "completion",
    )
}
FAILED, WRONG_USE, HELD = 1, 2, 10


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command's module and return its command."""
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[name]).command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; tell an error of ours plainly, with its exit status."""
        try:
            with signals.watched(_leave):
                return super().invoke(ctx)
        except GuardRefused as refusal:
            click.echo(str(refusal), err=True)
            ctx.exit(HELD)
        except SettingsError as error:
            click.echo(f"oneroof: {error}", err=True)
            ctx.exit(WRONG_USE)
        except OneroofError as error:
            click.echo(f"oneroof: {error}", err=True)
            ctx.exit(FAILED)


def _leave(why: str, status: int) -> NoReturn:
    click.echo(f"oneroof: {why}", err=True)
    raise SystemExit(status)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="oneroof")
def main() -> None:
    """Guarded clones of a production PostgreSQL: make, check, release, prove."""
