"""Regression checks on a guarded clone of a PostgreSQL production database."""

from __future__ import annotations

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
]

__version__ = "0.1.0"
