"""Which folder a pack's name means: an installed pack, or a folder."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import sys
import types
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest_oneroof
from pytest_oneroof import resources
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.pack.model import NONE, Pack
from pytest_oneroof.pack.read import read_pack

DEFAULT = "oneroof"
GROUP = "oneroof.packs"


def open_pack(given: str, base: Path) -> Pack:
    """Return the pack that a setting names.

    'none' is no pack; a name with a slash or a leading dot is a folder, relative to
    `base`; any other is an installed pack, else a folder. Raise SettingsError where
    there is none, or where its facts are not as they have to be.
    """
    if given == NONE:
        return Pack()
    if given == DEFAULT:
        return bundled()
    is_path = os.sep in given or given.startswith((".", "~"))
    installed = {} if is_path else _installed()
    if given in installed:
        return _open_installed(installed[given])
    folder = base / Path(given).expanduser()
    if not folder.is_dir():
        names = ", ".join([DEFAULT, NONE, *sorted(installed)])
        raise SettingsError(
            f"oneroof_pack: no pack is called {given!r} (installed: {names}), and "
            f"there is no folder {folder}"
        )
    return read_pack(folder, _package_of(folder))


@functools.cache
def bundled() -> Pack:
    """Return the pack that comes with the package."""
    root = resources.root()
    return read_pack(root, _beside(root), name=DEFAULT)


def _installed() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _open_installed(entry: EntryPoint) -> Pack:
    found = importlib.util.find_spec(entry.module)
    places = list(found.submodule_search_locations or ()) if found else []
    if not places:
        raise SettingsError(
            f"oneroof_pack: the installed pack {entry.name!r} names {entry.value!r}, "
            "which is no package"
        )
    return read_pack(Path(places[0]), entry.module, name=entry.name)


def _beside(root: Path) -> str:
    """Return the name of our package, which holds the default pack's suites.

    In a checkout they lie beside it: then it looks there too.
    """
    inside = root.samefile(pytest_oneroof.__path__[0])
    if not inside and str(root) not in pytest_oneroof.__path__:
        pytest_oneroof.__path__.append(str(root))
    return pytest_oneroof.__name__


def _package_of(folder: Path) -> str:
    """Return a package whose modules are those of a folder that none installed."""
    place = str(folder.resolve())
    name = f"oneroof_pack_{hashlib.sha256(place.encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        package = types.ModuleType(name)
        package.__path__ = [place]
        sys.modules[name] = package
    return name
