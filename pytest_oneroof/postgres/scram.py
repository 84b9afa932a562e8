"""SCRAM-SHA-256 verifiers (RFC 5803): what a server stores in place of a password.

Sent instead of the password, so that no statement, and no log of statements, ever
holds it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

# The server's own default, and the least that some drivers accept.
ITERATIONS = 4096


def new_password() -> str:
    """Return a random password of 144 bits, of letters and digits alone."""
    return secrets.token_hex(18)


def verifier(password: str, *, salt: bytes = b"", iterations: int = ITERATIONS) -> str:
    """Return the verifier of an ASCII password, as CREATE ROLE … PASSWORD takes it.

    A new random salt is taken where none is given. PostgreSQL would normalise a
    password beyond ASCII first (SASLprep): ValueError.
    """
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    told = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{told[0]}${told[1]}:{told[2]}"
