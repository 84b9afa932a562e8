"""The seals that a pack's owner has reviewed: no other packet is ever sent."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_oneroof.pack import bundled


def pinned_seals() -> Mapping[str, str]:
    """Return the sha256 of the manifest of each packet that was reviewed, by name."""
    return bundled().release.seals
