"""The pytest plugin: a table of contents.

Loaded with every pytest run where the package is installed, so that it imports
nothing heavy: what a run needs is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneroof.guests.fixtures import (
    oneroof_alembic,
    oneroof_engine,
    oneroof_session,
    oneroof_sessions,
)
from pytest_oneroof.run import options
from pytest_oneroof.run.fixtures import (
    oneroof_clone,
    oneroof_clone_async,
    oneroof_database,
    oneroof_pack,
    oneroof_production,
    oneroof_target,
)
from pytest_oneroof.run.keys import pack_key, plugin_key, settings_key
from pytest_oneroof.run.readonly import WithoutTarget, selects_readonly
from pytest_oneroof.settings import DEFAULT_PACK

if TYPE_CHECKING:
    from pytest_oneroof.pack import Pack
    from pytest_oneroof.run.conductor import RunPlugin
    from pytest_oneroof.settings import Settings

__all__ = [
    "oneroof_alembic",
    "oneroof_clone",
    "oneroof_clone_async",
    "oneroof_database",
    "oneroof_engine",
    "oneroof_pack",
    "oneroof_production",
    "oneroof_session",
    "oneroof_sessions",
    "oneroof_target",
]

MARKERS = (
    "readonly: reads only; runs on production too (pytest -m readonly)",
    "oneroof(isolation='rollback'|'savepoint'|'database', "
    "allow_residue={kind: reason}, constraints=True, role='application role', "
    "exercises='production'|'harness'|'neither'): "
    "how this check is isolated on the clone, and whose code it exercises",
)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks by which packs, plugins and conftests add to a run."""
    from pytest_oneroof import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


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
    if settings.pack not in (DEFAULT_PACK, None):
        from pytest_oneroof.run.pack_folder import watch

        watch(config, options.base_of(config, settings) / settings.pack)
    plugin = _plugin_for(config, settings)
    if plugin is not None:
        from pytest_oneroof.run.asserts import require_asserts
        from pytest_oneroof.run.masked import Masking
        from pytest_oneroof.run.signalled import end_by_signals

        require_asserts(config)
        end_by_signals(config)
        config.stash[plugin_key] = plugin
        config.pluginmanager.register(plugin, "oneroof-run")
        config.pluginmanager.register(Masking(), "oneroof-masking")


def _plugin_for(config: pytest.Config, settings: Settings) -> RunPlugin | None:
    if settings.clone:
        from pytest_oneroof.run.conductor import RunPlugin

        return RunPlugin(config, *_with_pack(config, settings))
    if not selects_readonly(config.option.markexpr):
        return None
    if settings.production_url:
        from pytest_oneroof.acceptance_plugin import AcceptancePlugin

        return AcceptancePlugin(config, *_with_pack(config, settings))
    config.pluginmanager.register(WithoutTarget(config), "oneroof-without-target")
    return None


def _with_pack(config: pytest.Config, settings: Settings) -> tuple[Settings, Pack]:
    """Return the settings joined with their pack, and the pack."""
    pack = options.read_pack(config, settings)
    settings = settings.joined(pack)
    config.stash[settings_key], config.stash[pack_key] = settings, pack
    return settings, pack


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give back whatever is still held."""
    plugin = config.stash.get(plugin_key, None)
    if plugin is not None:
        plugin.hold_status()
        plugin.stop()
        del config.stash[plugin_key]
