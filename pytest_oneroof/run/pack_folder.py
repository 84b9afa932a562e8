"""A pack's folder within a project: its suites are collected by their own ids only."""

from __future__ import annotations

from pathlib import Path

import pytest


class PackFolder:
    """Keeps pytest from collecting a pack's suites as the project's own tests."""

    def __init__(self, folder: Path) -> None:
        self.suites = folder.resolve() / "suites"

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out what lies in the pack's suites."""
        return True if collection_path.is_relative_to(self.suites) else None


def watch(config: pytest.Config, folder: Path) -> None:
    """Have a pack's folder left out of the collection, if there is one."""
    if folder.is_dir():
        config.pluginmanager.register(PackFolder(folder), "oneroof-pack-folder")
