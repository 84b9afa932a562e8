"""The seals that a run relies on, checked: the pack's packets and the validator."""

from __future__ import annotations

from pathlib import Path

from pytest_oneroof import resources
from pytest_oneroof.evidence.facts import Seal
from pytest_oneroof.pack import Pack
from pytest_oneroof.packet import rollback_evidence
from pytest_oneroof.sealing.seal import check

MANIFEST = "manifest-sha256.txt"


def check_shipped(pack: Pack) -> tuple[Seal, ...]:
    """Return each seal, and whether every byte is as it was sealed."""
    folder = pack.release.packets
    packets = sorted(pack.path(folder).glob(f"*/{MANIFEST}")) if folder else []
    validator = Path(rollback_evidence.__file__).parent
    return (
        *(
            _checked(f"release {file.parent.name}", file, file.parent)
            for file in packets
        ),
        _checked("validator", resources.path(rollback_evidence.PIN), validator),
    )


def _checked(name: str, manifest: Path, root: Path) -> Seal:
    found = check(manifest, root)
    return Seal(name, found.sha256, len(found.entries), holds=found.holds)
