"""What a team knows of its own database: suites, fixtures, SQL. docs/packs.md."""

from __future__ import annotations

from pytest_oneroof.pack.find import bundled, open_pack
from pytest_oneroof.pack.model import Pack, Suite

__all__ = ["Pack", "Suite", "bundled", "open_pack"]
