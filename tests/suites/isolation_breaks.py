"""Isolation checks with something else broken than the clone.

Copied into an inner pytest project by `test_isolation_fail.py` and run there.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from pytest_oneroof import resources
from pytest_oneroof.run.keys import run_key

Failed = (AssertionError, pytest.fail.Exception)
DROP_SCRIPT = "sql/axis/Z_axis_substrate_drop_clone.sql"


def shipped_checks() -> dict[str, Callable[..., None]]:
    """Return the shipped checks by their ids."""
    module = importlib.import_module("pytest_oneroof.suites.test_isolation")
    return {
        name.split("_")[1]: function
        for name, function in vars(module).items()
        if name.startswith("test_")
    }


def run_check(name: str, connection: Any, request: pytest.FixtureRequest) -> None:
    """Call a shipped check with the fixtures that it asks for."""
    check = shipped_checks()[name]
    given = {"oneroof_clone": connection, "request": request}
    check(**{key: given[key] for key in inspect.signature(check).parameters})


def test_drop_script_that_is_missing(
    oneroof_clone: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K6 fails when there is no drop script."""
    whole = resources.read_text

    def missing(name: str) -> str:
        return whole(name + ".gone" if name == DROP_SCRIPT else name)

    monkeypatch.setattr(resources, "read_text", missing)
    with pytest.raises(Failed, match=f"no drop plan: {DROP_SCRIPT} is missing"):
        run_check("k6", oneroof_clone, request)


def test_mark_of_another_clone(
    oneroof_clone: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K1 and the plan of K6 fail when the marker is not the one that was admitted."""
    clone = request.config.stash[run_key].clone
    marker = type(clone.marker)(**{**vars(clone.marker), "nonce": "0" * 16})
    monkeypatch.setitem(vars(clone), "marker", marker)
    for name in ("k1", "k6"):
        with pytest.raises(Failed, match="nonce: expected 0000000000000000, found "):
            run_check(name, oneroof_clone, request)


def test_name_of_another_form(
    oneroof_clone: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K1 fails when the name is the expected one, but no clone's."""
    settings = request.config.stash[run_key].settings
    monkeypatch.setitem(vars(settings), "clone_pattern", "clone_[0-9]+")
    with pytest.raises(Failed, match=r"does not match clone_\[0-9\]\+"):
        run_check("k1", oneroof_clone, request)
