"""Signatures by OpenSSH: `ssh-keygen -Y` makes and verifies them, nothing of ours.

Format and trust are its own: PROTOCOL.sshsig and ALLOWED SIGNERS in ssh-keygen(1).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from pytest_oneroof.errors import OneroofError, SettingsError
from pytest_oneroof.postgres.embedded import write_whole

PROGRAM = "ssh-keygen"
# What is signed is part of the signature: that of a rehearsal is none of a seal.
SEAL, REHEARSAL = "oneroof-seal", "oneroof-rehearsal"


def sign(data: bytes, namespace: str, key: Path) -> bytes:
    """Return the signature over `data`; ssh-keygen asks for the passphrase, if any.

    Raise OneroofError with its words where it does not sign.
    """
    done = _call(data, "sign", "-q", "-n", namespace, "-f", str(key))
    if done.returncode or not done.stdout:
        raise OneroofError(f"{PROGRAM} did not sign: {_said(done)}")
    return done.stdout


def sign_file(file: Path, data: bytes, namespace: str, key: Path) -> Path:
    """Write the signature over a file's bytes beside it, and return that file.

    `data` are the bytes that were looked at. Raise OneroofError where that fails.
    """
    signature = signature_of(file)
    text = sign(data, namespace, key).decode()
    try:
        write_whole(signature, text)
    except OSError as error:
        raise OneroofError(
            f"the signature {signature} cannot be written ({error.strerror})\n"
            "sign a copy in a folder that takes it"
        ) from error
    return signature


def signature_of(file: Path) -> Path:
    """Return the file that holds the signature of a file, as ssh-keygen names it."""
    return file.with_name(f"{file.name}.sig")


def why_not_signed(data: bytes, signature: Path, namespace: str, allowed: Path) -> str:
    """Return why the signature in a file is none of an allowed signer, or ''."""
    if not allowed.is_file():
        raise SettingsError(
            f"oneroof_allowed_signers names {allowed}, and there is no such file"
        )
    if not signature.is_file():
        return f"there is no signature {signature}"
    files = ("-f", str(allowed), "-s", str(signature))
    found = _call(b"", "find-principals", *files)
    if found.returncode:
        return f"{signature} is by nobody in {allowed}: {_said(found)}"
    told = ""
    for principal in found.stdout.decode(errors="replace").splitlines():
        done = _call(data, "verify", "-n", namespace, "-I", principal, *files)
        if done.returncode == 0:
            return ""
        told = _said(done)
    return f"{signature} does not verify: {told}"


def _call(
    data: bytes, action: str, *arguments: str
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [PROGRAM, "-Y", action, *arguments],
            input=data,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise OneroofError(
            f"{PROGRAM} is not on the PATH: install OpenSSH 8.1 or newer"
        ) from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    text = (done.stderr or done.stdout).decode(errors="replace")
    return " ".join(text.split()) or f"exit status {done.returncode}"
