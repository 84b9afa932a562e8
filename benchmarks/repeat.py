"""A pytest plugin: each shipped check runs ten times (-p repeat)."""

from __future__ import annotations

import pytest

TURNS = 10


@pytest.fixture
def turn(request: pytest.FixtureRequest) -> int:
    """The number of the turn."""
    number: int = request.param
    return number


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every test that uses the clone ten turns."""
    if {"oneroof_clone", "oneroof_target"} & set(metafunc.fixturenames):
        metafunc.fixturenames.append("turn")
        metafunc.parametrize("turn", range(TURNS), indirect=True)
