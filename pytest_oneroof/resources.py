"""Where the shipped suites, fixtures and SQL files lie, and their content hash.

In a wheel they lie inside the package; in a checkout, and so in an editable
install, beside it.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent


@functools.cache
def root() -> Path:
    """Return the folder that holds `suites`, `fixtures` and `sql`."""
    inside = (_PACKAGE / "suites").is_dir()
    return _PACKAGE if inside else _PACKAGE.parent


def path(name: str) -> Path:
    """Return the path of a shipped file, e.g. ``sql/stages/….sql``."""
    return root() / name


def read_text(name: str) -> str:
    """Return a shipped file's text (UTF-8)."""
    return path(name).read_text(encoding="utf-8")


def read_json(name: str) -> Any:
    """Return the value in a shipped JSON file."""
    return json.loads(read_text(name))


@functools.cache
def content_hash() -> str:
    """Return the sha256 over path and bytes of all below `sql` and `fixtures`."""
    digest = hashlib.sha256()
    for folder in ("sql", "fixtures"):
        for file in sorted(path(folder).rglob("*")):
            if file.is_file():
                name = file.relative_to(root()).as_posix()
                data = file.read_bytes()
                digest.update(f"{name}\0{len(data)}\0".encode())
                digest.update(data)
    return digest.hexdigest()
