"""The settings and the pack that a command works with, and what is production there.

Settings come from the command's options, the environment and the project's own file,
in that order, as for a run in the same folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from pytest_oneroof import settings as s
from pytest_oneroof.ini import Ini, find_ini
from pytest_oneroof.ownership.answering import with_answers
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import Pack, open_pack

Command = TypeVar("Command", bound=Callable[..., Any])


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    ctx.meta[f"{__name__}.{parameter.name}"] = value


def _remembered(name: str) -> Any:
    return click.get_current_context().meta.get(f"{__name__}.{name}")


CONFIG = click.option(
    "--config",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    metavar="FILE",
    expose_value=False,
    callback=_remember,
    help="The project's pytest settings (default: found as pytest finds them).",
)
_PRODUCTION = click.option(
    "--production",
    "productions",
    multiple=True,
    metavar="NAME",
    expose_value=False,
    callback=_remember,
    help="A production besides those of oneroof_productions (may be repeated).",
)
_ADMIN_URL = click.option(
    "--admin-url",
    metavar="URL",
    help="The administrator of your own server (default: the embedded server).",
)


def admin(command: Command) -> Command:
    """Give a command the options that say which server, and what is production there.

    It gets `admin_url`; the others are read by `read_project` and `Project.rules`.
    """
    for option in (CONFIG, _PRODUCTION, _ADMIN_URL):
        command = option(command)
    return command


class Project(NamedTuple):
    """The settings, joined with the pack that they name."""

    settings: s.Settings
    pack: Pack

    def rules(self, server_url: str | None) -> Rules:
        """Return what databases are measured against, --production's beside.

        `server_url` is None on the embedded server.
        """
        also = _remembered("productions") or ()
        own_server = server_url is not None
        rules = Rules.of(self.settings, own_server=own_server, also=also)
        return rules if server_url is None else with_answers(rules, server_url)


def read_project(**given: Any) -> Project:
    """Return settings and pack; `given` is what the command line says.

    Raise SettingsError for a value that is wrong, or a pack that is none.
    """
    ini = read_ini()
    settings = s.resolve(given, os.environ, ini.get, flag="--")
    # A folder named in the file is relative to the file, as in a run.
    in_ini = settings.told("pack").endswith("ini file")
    base = ini.path(Path()) if in_ini else Path.cwd()
    pack = open_pack(settings.pack or s.DEFAULT_PACK, base)
    return Project(settings.joined(pack), pack)


def read_ini() -> Ini:
    """Return the project's own settings, of --config FILE or as pytest finds them."""
    return find_ini(Path.cwd(), _remembered("config"))
