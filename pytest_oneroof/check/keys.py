"""The keys of a check's tripwire: the server has their digests, until they are sent."""

from __future__ import annotations

import hashlib
import secrets


class Keys:
    """The keys of the rows that one check has put into the tripwire.

    Each row has its own, so that one that was sent, and can be read then, opens no
    row that was armed later.
    """

    def __init__(self) -> None:
        self._keys: list[str] = []

    def lock(self) -> str:
        """Make a key; return its digest, for a new row."""
        key = secrets.token_hex(16)
        self._keys.append(key)
        return hashlib.sha256(key.encode()).hexdigest()

    def opening(self) -> bytes:
        """Return the command that lets deferred constraints be checked."""
        return f"SET LOCAL oneroof.pass = '{','.join(self._keys)}'; ".encode()

    def rearming(self) -> bytes:
        """Return the commands that arm anew, after the check's own SET CONSTRAINTS."""
        return (
            "SET LOCAL oneroof.pass = ''; SET CONSTRAINTS oneroof.tripwire DEFERRED; "
            f"SELECT oneroof.arm('{self.lock()}')"
        ).encode()
