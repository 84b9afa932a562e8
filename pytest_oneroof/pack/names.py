"""The names of new clones, by the pattern that every clone's name matches. Pure."""

from __future__ import annotations

import re

from pytest_oneroof.errors import SettingsError

_OPTIONAL_END = re.compile(r"\([^()]*\)\?$")
_DATE = re.compile(r"\[0-9\]\{8\}|\\d\{8\}")
_PLAIN = re.compile(r"[a-z0-9_]+")
LONGEST = 63


def name_clone(pattern: str, date: str, *, source: str = "", suffix: str = "") -> str:
    """Return the name of a new clone, made on a day (YYYYMMDD).

    That is the pattern itself where only its date is open; else the name of the
    `source`, `_test_` and the date. Raise SettingsError where neither matches.
    """
    written = _DATE.sub(date, _OPTIONAL_END.sub("", pattern))
    for stem in (written, f"{source}_test_{date}" if source else ""):
        name = f"{stem}{suffix}"
        if _PLAIN.fullmatch(name) and re.fullmatch(pattern, name):
            return name
    raise SettingsError(
        f"no name of a new clone follows from the pattern {pattern}"
        + (f" and the suffix {suffix}" if suffix else "")
        + "\nto fix this, name the clone yourself, or let oneroof_clone_pattern end in "
        "(_[a-z0-9_]+)? and have one date, [0-9]{8}"
    )
