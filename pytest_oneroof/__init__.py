"""Regression checks on a guarded clone of a PostgreSQL production database."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pytest_oneroof.errors import (
    CloneError,
    GuardRefused,
    OneroofError,
    ResidueError,
    ScriptError,
    ServerError,
    SettingsError,
    StatementRefused,
)

__all__ = [
    "CloneError",
    "GuardRefused",
    "OneroofError",
    "ResidueError",
    "ScriptError",
    "Section",
    "ServerError",
    "SettingsError",
    "StatementRefused",
    "__version__",
    "expect",
    "note",
]

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pytest_oneroof.expected import expect, note
    from pytest_oneroof.section import Section

_PLACES = {"expect": "expected", "note": "expected", "Section": "section"}


def __getattr__(name: str) -> Any:
    """Import what checks and hooks use when it is asked for: most runs do not."""
    if name in _PLACES:
        module = importlib.import_module(f"{__name__}.{_PLACES[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
