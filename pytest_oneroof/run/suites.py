"""A pack's suites as pytest items, with ids that begin with ``oneroof/``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof import builtin
from pytest_oneroof.pack.model import Pack, Suite
from pytest_oneroof.run.asserts import require_rewritten

PREFIX = "oneroof"
# What selects the suites that run by default, as their folder would.
WHOLE = f"{PREFIX}/"
PLUGIN = "suites/plugin.py"
ENGINE = Path(builtin.__file__).parent


def choose(pack: Pack, names: Iterable[str], *, default: bool) -> tuple[Suite, ...]:
    """Return the suites of those names ('all' for every one), or the default ones.

    Raise pytest.UsageError for a name that no suite has.
    """
    wanted = list(names)
    known = pack.suites
    unknown = [n for n in wanted if n != "all" and n not in {s.name for s in known}]
    if unknown:
        raise pytest.UsageError(
            f"--oneroof-suite: no suite is called {', '.join(unknown)}; the pack "
            f"{pack.name!r} has: {', '.join(s.name for s in known) or 'none'}"
            f"{', and all' if known else ''}"
        )
    if "all" in wanted:
        return known
    if wanted:
        return tuple(s for s in known if s.name in wanted)
    return tuple(s for s in known if s.default and default)


def suite_of(nodeid: str) -> str | None:
    """Return the name of the suite that a node id belongs to, or None."""
    head = nodeid.partition("::")[0]
    folder, _, file = head.rpartition("/")
    if folder != PREFIX or not file.startswith("test_"):
        return None
    return file.removeprefix("test_").removesuffix(".py")


class ShippedDirectory(pytest.Directory):
    """The folder of a pack's suites, wherever it lies."""

    pack: Pack
    wanted: tuple[Suite, ...] = ()
    selected: tuple[str, ...] = ()

    def collect(self) -> Iterator[pytest.Collector]:
        """Yield the modules of the wanted suites."""
        for suite in self.wanted:
            yield _module(self, suite)


class ShippedModule(pytest.Module):
    """One suite: of its items those that are selected, or all."""

    selected: tuple[str, ...] = ()

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Yield its selected items."""
        asked = self.selected
        for item in super().collect():
            if not asked or any(_matches(item.nodeid, one) for one in asked):
                yield item


def collect_items(
    session: pytest.Session,
    pack: Pack,
    wanted: tuple[Suite, ...],
    selected: tuple[str, ...],
) -> list[pytest.Item]:
    """Return the items of the wanted suites; with `selected` ids, only those.

    Raise pytest.UsageError for a selected id that matches no item.
    """
    if not wanted:
        return []
    place = ENGINE if pack.root is None else pack.path("suites")
    if not place.is_dir():
        place = ENGINE
    folder = ShippedDirectory.from_parent(session, path=place, nodeid=PREFIX)
    folder.pack, folder.wanted, folder.selected = pack, wanted, selected
    items = list(session.genitems(folder))
    return select(items, selected) if selected else items


def select(items: list[pytest.Item], selected: Iterable[str]) -> list[pytest.Item]:
    """Return the items of the selected ids, in their order.

    Raise pytest.UsageError for a selected id that matches no item.
    """
    chosen: list[pytest.Item] = []
    for argument in selected:
        found = [i for i in items if _matches(i.nodeid, argument)]
        if not found:
            raise pytest.UsageError(f"no shipped check matches: {argument}")
        chosen += [item for item in found if item not in chosen]
    return chosen


def split_arguments(arguments: Iterable[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the arguments for pytest, and those that select shipped items."""
    given = list(arguments)
    ours = tuple(a for a in given if a.startswith(f"{PREFIX}/"))
    return [a for a in given if a not in ours], ours


def suites_of(pack: Pack, arguments: Iterable[str]) -> tuple[Suite, ...]:
    """Return the suites that hold the selected ids."""
    asked = set(arguments)
    named = asked - {WHOLE}
    unknown = sorted(argument for argument in named if suite_of(argument) is None)
    if unknown:
        raise pytest.UsageError(f"no shipped check matches: {', '.join(unknown)}")
    names = {name for name in map(suite_of, named) if name}
    chosen = choose(pack, names, default=False)
    if WHOLE in asked:
        chosen += choose(pack, (), default=True)
    return tuple(suite for suite in pack.suites if suite in chosen)


def _module(parent: ShippedDirectory, suite: Suite) -> pytest.Module:
    place = ENGINE if suite.engine else parent.path
    module: ShippedModule = ShippedModule.from_parent(
        parent, path=place / suite.file, nodeid=f"{PREFIX}/{suite.file}"
    )
    module.selected = parent.selected
    module.obj = load(parent.pack, suite.name)
    marks: Any = getattr(module.obj, "pytestmark", [])
    for mark in marks if isinstance(marks, list) else [marks]:
        module.add_marker(mark)
    return module


def load(pack: Pack, name: str) -> Any:
    """Import a suite under its pack's name, its asserts rewritten by pytest."""
    suite = pack.suite(name)
    ours = suite is not None and suite.engine
    folder = builtin.__name__ if ours else f"{pack.package}.suites"
    return _imported(folder, f"test_{name}")


def load_plugin(pack: Pack) -> Any:
    """Import the plugin of a pack, its fixtures and hooks; None where it has none."""
    if pack.root is None or not pack.path(PLUGIN).is_file():
        return None
    return _imported(f"{pack.package}.suites", "plugin")


def _imported(folder: str, name: str) -> Any:
    if folder not in sys.modules:
        pytest.register_assert_rewrite(folder)
    module = importlib.import_module(f"{folder}.{name}")
    require_rewritten(folder)
    return module


def _matches(nodeid: str, argument: str) -> bool:
    return argument in (WHOLE, nodeid) or nodeid.startswith(
        (f"{argument}::", f"{argument}[")
    )
