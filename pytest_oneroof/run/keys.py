"""Where the plugin keeps its state on pytest's objects: typed stash keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_oneroof.clone.residue import Proof
    from pytest_oneroof.pack import Pack
    from pytest_oneroof.run.clone_side import CloneRun
    from pytest_oneroof.run.conductor import RunPlugin
    from pytest_oneroof.run.production_side import ProductionPlugin
    from pytest_oneroof.settings import Settings

pack_key: pytest.StashKey[Pack] = pytest.StashKey()
settings_key: pytest.StashKey[Settings] = pytest.StashKey()
acceptance_key: pytest.StashKey[bool] = pytest.StashKey()
production_key: pytest.StashKey[ProductionPlugin] = pytest.StashKey()
run_key: pytest.StashKey[CloneRun] = pytest.StashKey()
plugin_key: pytest.StashKey[RunPlugin] = pytest.StashKey()
proofs_key: pytest.StashKey[list[Proof]] = pytest.StashKey()
failed_key: pytest.StashKey[bool] = pytest.StashKey()
