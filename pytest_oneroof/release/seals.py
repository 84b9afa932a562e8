"""The seals that a pack's owner has reviewed: no other packet is ever sent."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_oneroof.pack import Pack


def pinned_seals(pack: Pack) -> Mapping[str, str]:
    """Return the sha256 of the manifest of each packet that was reviewed, by name."""
    return pack.release.seals
