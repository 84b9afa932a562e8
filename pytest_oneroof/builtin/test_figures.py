"""Figures: each one that the pack recorded, as it is now.

A figure that moved fails by its name. Where that is right: `oneroof figures record`,
and a review of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
import pytest

from pytest_oneroof.pack import Pack
from pytest_oneroof.production.figures import Figures
from pytest_oneroof.production.recorded import Recorded, moved, parse_recorded
from pytest_oneroof.run.keys import plugin_key

pytestmark = pytest.mark.readonly

found_key: pytest.StashKey[Mapping[str, int]] = pytest.StashKey()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each recorded figure an item of its own."""
    if "figure" in metafunc.fixturenames:
        metafunc.parametrize("figure", sorted(recorded(metafunc.config)))


def test_figure(
    figure: str,
    oneroof_target: psycopg.Connection[Any],
    pytestconfig: pytest.Config,
) -> None:
    """A recorded figure has the value that was recorded and reviewed."""
    expected = recorded(pytestconfig)[figure]
    found = measure(oneroof_target, pytestconfig).get(figure)
    assert found == expected.value, (
        f"{figure}: expected {expected.value} (recorded {expected.read_at} on "
        f"{expected.database}), found {found}; if that is right: oneroof figures record"
    )


def test_every_figure_is_recorded(
    oneroof_target: psycopg.Connection[Any], pytestconfig: pytest.Config
) -> None:
    """What the pack measures, and what it recorded, are the same figures."""
    differences = moved(recorded(pytestconfig), measure(oneroof_target, pytestconfig))
    lines = [str(d) for d in differences if None in (d.recorded, d.found)]
    assert not lines, "\n".join([*lines, "to record them: oneroof figures record"])


def recorded(config: pytest.Config) -> Mapping[str, Recorded]:
    """Return what the pack recorded."""
    pack = pack_of(config)
    return parse_recorded(pack.read_text(pack.needed("figures", "expected")))


def measure(
    connection: psycopg.Connection[Any], config: pytest.Config
) -> Mapping[str, int]:
    """Return the figures as they are now, read once in a run: entry equals exit."""
    if found_key not in config.stash:
        config.stash[found_key] = Figures(pack_of(config)).metrics(connection)
    return config.stash[found_key]


def pack_of(config: pytest.Config) -> Pack:
    """Return the pack of this run."""
    return config.stash[plugin_key].pack
