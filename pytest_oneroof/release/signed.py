"""The signature of a packet's seal, where signers are set."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.pack import Pack
from pytest_oneroof.release.plan import MANIFEST, Packet, folder_of, open_packet
from pytest_oneroof.release.signing import (
    SEAL,
    sign_file,
    signature_of,
    why_not_signed,
)
from pytest_oneroof.sealing.manifest import Finding
from pytest_oneroof.sealing.seal import SealBroken


def sign_packet(packet: str, pack: Pack, key: Path) -> Path:
    """Sign the seal of a packet that is pinned; return the file with the signature.

    Raise SealBroken where the seal does not hold, OneroofError where it is not signed.
    """
    opened = open_packet(packet, pack)
    manifest = folder_of(packet, pack) / MANIFEST
    return sign_file(manifest, _manifest(packet, opened), SEAL, key)


def require_signed(packet: str, opened: Packet, allowed: Path) -> None:
    """Raise SealBroken where no allowed signer has signed the seal of a packet."""
    data = _manifest(packet, opened)
    signature = signature_of(folder_of(packet, opened.pack) / MANIFEST)
    if told := why_not_signed(data, signature, SEAL, allowed):
        found = f"{told} (oneroof packet sign {packet} --key FILE)"
        raise SealBroken(MANIFEST, [Finding("SEAL_NOT_SIGNED", MANIFEST, found)])


def _manifest(packet: str, opened: Packet) -> bytes:
    """Return the manifest's bytes: those of the seal that held, and no others."""
    data = (folder_of(packet, opened.pack) / MANIFEST).read_bytes()
    if hashlib.sha256(data).hexdigest() != opened.sha256:
        raise OneroofError(f"{MANIFEST} of {packet} has changed since it was read")
    return data
