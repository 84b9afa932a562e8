"""The settings and the pack that a command works with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_oneroof import settings as s
from pytest_oneroof.clone.guard import Rules
from pytest_oneroof.pack import Pack, open_pack


class Project(NamedTuple):
    """The settings, joined with the pack that they name."""

    settings: s.Settings
    pack: Pack

    def rules(self, *, own_server: bool) -> Rules:
        """Return what the guard measures clones against."""
        settings = self.settings
        return Rules(
            settings.clone_pattern, settings.productions, own_server=own_server
        )


def read_project(given: Mapping[str, Any]) -> Project:
    """Return settings and pack; `given` is what the command line says.

    Raise SettingsError for a value that is wrong, or a pack that is none.
    """
    settings = s.resolve(given, os.environ, lambda name: None)
    pack = open_pack(settings.pack or s.DEFAULT_PACK, Path.cwd())
    return Project(settings.joined(pack), pack)
