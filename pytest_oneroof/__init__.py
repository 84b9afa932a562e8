"""Regression checks on a guarded clone of a PostgreSQL production database."""

from __future__ import annotations

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


def __getattr__(name: str) -> Any:
    """Import what a check calls when it is asked for: it needs pytest."""
    if name in ("expect", "note"):
        from pytest_oneroof import expected

        return getattr(expected, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
