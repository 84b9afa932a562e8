"""Tokens that no document of ours may hold: claims that nobody here can make. Pure.

Which they are stands in `fixtures/decision/tokens.json` (domain: evidence, 6.1,
6.5 and 6.6). Texts are folded for the search alone, so that neither a look-alike
letter nor an invisible one hides a token; what is searched is never accepted.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_oneroof import resources

TOKENS = "fixtures/decision/tokens.json"

_ALONE = r"(?<![A-Za-z0-9]){}(?![A-Za-z0-9])"
_WORD = r"(?<![A-Za-z0-9_-]){}(?![A-Za-z0-9_-])"


def forbidden_in(text: str) -> tuple[str, ...]:
    """Return the forbidden tokens in a text, each once, in the order found.

    A token counts in capitals, its parts joined by anything that is no letter;
    so does every word in capitals with a forbidden ending.
    """
    folded = _allowed().sub(" ", _folded(text))
    found = (match for pattern in _capitals() for match in pattern.finditer(folded))
    return _named(sorted(found, key=lambda match: match.start()))


def forbidden_in_value(value: Any) -> tuple[str, ...]:
    """Return the forbidden tokens in the keys and texts of a JSON value.

    Here small letters count too, where the token's parts are joined by
    underscore or hyphen: a key or a status is a token in any case.
    """
    found: list[str] = []
    for text in _texts(value):
        found += forbidden_in(text)
        folded = _allowed().sub(" ", _folded(text))
        found += _named(_any_case().finditer(folded))
    return tuple(dict.fromkeys(found))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield str(key)
            yield from _texts(part)
    elif isinstance(value, Sequence):
        for part in value:
            yield from _texts(part)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    return "".join(c for c in plain if unicodedata.category(c) != "Cf")


def _named(found: Iterable[re.Match[str]]) -> tuple[str, ...]:
    words = (re.sub(r"[^A-Z0-9]+", "_", match[0].upper()) for match in found)
    return tuple(dict.fromkeys(words))


@functools.cache
def _vocabulary() -> Mapping[str, Sequence[str]]:
    read: Mapping[str, Sequence[str]] = resources.read_json(TOKENS)
    return read


@functools.cache
def _allowed() -> re.Pattern[str]:
    """Match the words that hold a token and are allowed, as they are spelled."""
    words = "|".join(re.escape(word) for word in _vocabulary()["allowed"])
    return re.compile(rf"(?<![A-Za-z0-9_-])(?:{words})(?![A-Za-z0-9_-])")


@functools.cache
def _capitals() -> tuple[re.Pattern[str], re.Pattern[str]]:
    longest = sorted(_vocabulary()["tokens"], key=len, reverse=True)
    words = "|".join(token.replace("_", r"[\W_]{0,3}") for token in longest)
    endings = "|".join(_vocabulary()["endings"])
    return (
        re.compile(_ALONE.format(f"(?:{words})")),
        re.compile(_WORD.format(f"[A-Z0-9]+(?:[_-][A-Z0-9]+)*[_-](?:{endings})")),
    )


@functools.cache
def _any_case() -> re.Pattern[str]:
    joined = (token for token in _vocabulary()["tokens"] if "_" in token)
    longest = sorted(joined, key=len, reverse=True)
    words = "|".join(token.replace("_", "[_-]") for token in longest)
    return re.compile(_ALONE.format(f"(?:{words})"), re.IGNORECASE)
