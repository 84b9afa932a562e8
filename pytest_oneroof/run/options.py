"""The settings as pytest options and ini values."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneroof import settings as s
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.run.readonly import BOTH_TARGETS, selects_readonly

if TYPE_CHECKING:
    from pytest_oneroof.pack import Pack

_INI_TYPES: dict[str, Any] = {"list": "linelist", "flag": "bool", "number": "int"}


def add_options(parser: pytest.Parser) -> None:
    """Teach pytest every setting of `settings.OPTIONS`."""
    group = parser.getgroup("oneroof", "guarded clone of production (oneroof)")
    for option in s.OPTIONS:
        if not option.ini_only:
            _add_option(group, option)
        parser.addini(
            f"oneroof_{option.name}",
            option.help,
            type=_INI_TYPES.get(option.kind, "string"),
            default=None,
        )


def _add_option(group: Any, option: s.Option) -> None:
    flag = f"--oneroof-{option.name.replace('_', '-')}"
    dest = f"oneroof_{option.name}"
    if option.kind == "flag":
        group.addoption(
            flag, dest=dest, action="store_true", default=None, help=option.help
        )
    else:
        group.addoption(
            flag, dest=dest, default=None, metavar=option.metavar, help=option.help
        )


def read_settings(config: pytest.Config) -> s.Settings:
    """Return the run's settings; raise pytest.UsageError for a wrong value."""
    given = {
        option.name: config.getoption(f"oneroof_{option.name}", None)
        for option in s.OPTIONS
    }

    def ini(name: str) -> Any:
        try:
            return config.getini(f"oneroof_{name}")
        except (TypeError, ValueError, pytest.UsageError) as error:
            # pytest converts by itself, and does not say which setting is wrong.
            raise SettingsError(
                f"oneroof_{name} in the ini file must be {s.wanted(name)} ({error})"
            ) from error

    try:
        return s.resolve(given, os.environ, ini)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from error


def read_pack(config: pytest.Config, settings: s.Settings) -> Pack:
    """Return the pack that the settings name; raise pytest.UsageError for none.

    A folder named in the ini file is relative to that file's.
    """
    in_ini = settings.told("pack").endswith("ini file")
    base = config.rootpath if in_ini else config.invocation_params.dir
    from pytest_oneroof.pack import open_pack

    try:
        return open_pack(settings.pack or s.DEFAULT_PACK, base)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from error


def check_combination(config: pytest.Config, settings: s.Settings) -> None:
    """Raise pytest.UsageError for settings that contradict each other."""
    readonly = selects_readonly(config.option.markexpr)
    if readonly and settings.clone and settings.production_url:
        raise pytest.UsageError(BOTH_TARGETS)
    accepts = readonly and settings.production_url
    if settings.suite and not (settings.clone or accepts):
        raise pytest.UsageError(
            "--oneroof-suite needs a target: --oneroof-clone, or -m readonly with "
            "--oneroof-production-url URL"
        )
    if settings.clone_url and not settings.clone:
        raise pytest.UsageError("--oneroof-clone-url needs --oneroof-clone")
    if settings.clone_url and not settings.admin_url and _distributes(config):
        raise pytest.UsageError(
            "-n needs a clone for each worker, copied by the server's administrator: "
            "--oneroof-admin-url URL"
        )
    if not 15 <= settings.pg_version <= 18:
        raise pytest.UsageError(
            f"{settings.told('pg_version')}: PostgreSQL 15 to 18 is supported, given: "
            f"{settings.pg_version}"
        )


def _distributes(config: pytest.Config) -> bool:
    return bool(getattr(config.option, "numprocesses", None))
