"""Passwords kept out of whatever is shown: one `redact`, and URLs that hide theirs.

`redact` finds passwords by the form of the text around them, and, wherever they
stand, those of the URLs that this process has made or was given. It would rather
hide too much than too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, SupportsIndex
from urllib.parse import unquote

HIDDEN = "***"
# Shorter than this a password may be an ordinary word, which other texts hold too.
UNMISTAKABLE = 16
# A bounded scheme and password: a long word is looked at once, not from each letter.
USERINFO = re.compile(
    r"(?P<head>[a-z][a-z0-9+.-]{0,30}://[^\s/:@'\"]*):(?P<value>\S{0,4000})@",
    re.IGNORECASE,
)
_QUOTED = (
    r"(?:[EU]&?)?'(?:[^'\\]|\\.|'')*(?:'|\Z)"
    r'|"(?:[^"\\]|\\.)*(?:"|\Z)'
    r"|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)"
)
# Of a URL's query, of key=value and JSON, and of SQL: PASSWORD 'x'.
_KEYED = re.compile(
    r"(?P<key>(?P<query>[?&])?\b\w{0,40}(?:passw(?:or)?d|passfile|pwd|secret|token)\b"
    r"(?:['\"]?\s*[=:]\s*|\s+(?=[EU]?&?'|\$\w*\$)))"
    rf"(?P<value>\*{{3}}(?![^\s,;&)}}\]])|{_QUOTED}|(?(query)[^\s&#]*|\S*))",
    re.IGNORECASE | re.DOTALL,
)
_known: set[str] = set()


def redact(text: str) -> str:
    """Return `text` with every password in it replaced by ***."""
    shown = USERINFO.sub(rf"\g<head>:{HIDDEN}@", text)
    return mask(_KEYED.sub(rf"\g<key>{HIDDEN}", shown))


def redacted(value: Any) -> Any:
    """Return JSON values with every text in them redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redacted(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(part) for part in value]
    return value


def mask(text: str) -> str:
    """Return `text` without the unmistakable passwords of this process's URLs."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def redact_message(message: str, url: str) -> str:
    """Return a driver's message about `url`, without what it quotes of a password.

    libpq takes a password with an unescaped slash for a host and a port, and says so.
    """
    secrets = tuple(_passwords(url))

    def hide(quoted: re.Match[str]) -> str:
        part = quoted[1]
        return f'"{HIDDEN}"' if any(part in secret for secret in secrets) else quoted[0]

    return redact(re.sub(r'"([^"]+)"', hide, message)).strip()


class Url(str):
    """A connection URL, or key=value string, whose repr hides its password.

    It is the whole URL to whoever connects by it, and shown without its password
    where a traceback, an assertion or a log shows values.
    """

    __slots__ = ()

    def __new__(cls, text: str = "") -> Url:
        """Make it, and have `mask` know its passwords from now on."""
        made = super().__new__(cls, text)
        _known.update(s for s in _passwords(text) if len(s) >= UNMISTAKABLE)
        return made

    def __repr__(self) -> str:
        return repr(redact(str(self)))

    # What is commonly derived of a URL hides its password too.
    def __add__(self, other: str) -> Url:
        return Url(super().__add__(other))

    def replace(self, old: str, new: str, count: SupportsIndex = -1, /) -> Url:
        """Return the URL with a part of it replaced."""
        return Url(super().replace(old, new, count))


def _passwords(text: str) -> Iterator[str]:
    for pattern in (USERINFO, _KEYED):
        for match in pattern.finditer(text):
            written = match["value"].strip("'\"")
            yield written
            yield unquote(written)
