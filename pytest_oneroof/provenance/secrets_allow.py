"""The allow-file of the secret scan: findings that are none, each with its reason."""

from __future__ import annotations

from pathlib import Path

from pytest_oneroof.errors import SettingsError


def read_allowed(file: Path) -> dict[tuple[str, str], str]:
    """Return what the allow-file allows: (rule, place) with its reason.

    A line is `rule place # reason`, e.g. `e-mail public.law.contact # office`.
    Raise SettingsError, naming the line, for one without reason.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"oneroof_secrets_allow: cannot read {file}: {error}"
        ) from None
    allowed = {}
    for number, line in enumerate(lines, 1):
        entry, _, reason = line.partition("#")
        if not entry.strip():
            continue
        rule, _, place = entry.strip().partition(" ")
        if not place.strip() or not reason.strip():
            raise SettingsError(
                f"oneroof_secrets_allow: {file} line {number} is not "
                "'rule place # reason'\nevery exception says why it is none"
            )
        allowed[rule, place.strip()] = reason.strip()
    return allowed
