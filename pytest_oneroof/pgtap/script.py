"""A pgTAP file, written for psql, as statements for the guarded transaction. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_oneroof.errors import ScriptError
from pytest_oneroof.statements.read import Statement, read

# How psql is told to print: without psql there is nothing to tell.
_PRINTING = re.compile(r"\\(?:set|unset|pset|timing|echo|x|t|a)\b[^\n]*")
_META = re.compile(r"^[ \t]*(\\[a-z!?]+)[^\n]*$", re.MULTILINE)
_OPENS, _CLOSES = ("begin", "start"), ("commit", "rollback")


def statements_of(text: str, name: str) -> list[str]:
    """Return a file's statements, less the transaction that it opens and ends itself.

    Raise ScriptError for what only psql could do.
    """
    found = read(_META.sub(lambda match: _without(match, name), text))
    return [statement.text for statement in _inside(found)]


def _without(match: re.Match[str], name: str) -> str:
    if not _PRINTING.fullmatch(match[0].strip()):
        raise ScriptError(
            f"{name} has a meta-command of psql that cannot be followed here: "
            f"{match[1]}\nto fix this, write the statements themselves into the file"
        )
    return ""


def _inside(found: tuple[Statement, ...]) -> Iterator[Statement]:
    """Yield all but a BEGIN that comes first, and a ROLLBACK or COMMIT that ends it.

    Other transaction control is left in: the guarded transaction refuses it.
    """
    whole = list(found)
    if whole and whole[0].verb in _OPENS:
        del whole[0]
        if whole and whole[-1].verb in _CLOSES:
            del whole[-1]
    yield from whole
