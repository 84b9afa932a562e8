"""The pytest plugin: a table of contents.

Loaded with every pytest run where the package is installed, so that it imports
nothing heavy: what a run needs is imported when it is asked for.
"""

from __future__ import annotations

import pytest

from pytest_oneroof import options
from pytest_oneroof.pytest_fixtures import (
    oneroof_clone,
    oneroof_clone_async,
    oneroof_database,
    oneroof_target,
)
from pytest_oneroof.state import plugin_key, settings_key

__all__ = [
    "oneroof_clone",
    "oneroof_clone_async",
    "oneroof_database",
    "oneroof_target",
]

MARKERS = (
    "readonly: reads only; runs on production too (pytest -m readonly)",
    "oneroof(isolation='rollback'|'savepoint'|'database', allow_residue={kind: reason}, "
    "constraints=True): how this check is isolated on the clone",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini values."""
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings, and switch on what they ask for."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    settings = options.read_settings(config)
    config.stash[settings_key] = settings
    options.check_combination(config, settings)
    if settings.clone:
        from pytest_oneroof.run import RunPlugin

        config.stash[plugin_key] = RunPlugin(config, settings)
        config.pluginmanager.register(config.stash[plugin_key], "oneroof-run")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give back whatever is still held."""
    plugin = config.stash.get(plugin_key, None)
    if plugin is not None:
        plugin.stop()
        del config.stash[plugin_key]
