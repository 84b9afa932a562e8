"""What a report shows of a check beside its outcome: where it failed, what it sent.

Texts are shortened here, in the process that runs the check.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Of the statements of one check so many, the last ones, each so long.
STATEMENTS, STATEMENT = 6, 500
OUTPUT = 4000


@contextmanager
def remembering(item: pytest.Item) -> Iterator[list[str]]:
    """Yield a list that holds, at the block's end, what the item's check has sent."""
    kept: list[str] = []
    # Two fixtures may give one connection.
    guards = {id(guard): guard for guard in _guards(item)}.values()
    for guard in guards:
        guard.remember = True
    try:
        yield kept
    finally:
        for guard in guards:
            guard.remember = False
            kept += last_texts(guard.sent)


def last_texts(sent: Iterable[str]) -> list[str]:
    """Return the last different texts, in their order, shortened, without comments."""
    # Of a text that was sent again, the last time counts.
    last = list(dict.fromkeys(reversed([_bare(text) for text in sent])))
    return [_short(text, STATEMENT) for text in reversed(last[:STATEMENTS])]


def place_of(report: pytest.TestReport) -> str:
    """Return the line of the item's own file where it failed, '' if there is none."""
    traceback = getattr(report.longrepr, "reprtraceback", None)
    own = report.nodeid.partition("::")[0]
    places = [
        entry.reprfileloc
        for entry in getattr(traceback, "reprentries", ())
        if getattr(entry, "reprfileloc", None) is not None
    ]
    found = [p for p in places if Path(p.path).name == Path(own).name]
    return f"{own}:{found[-1].lineno}" if found else ""


def output_of(report: pytest.TestReport) -> str:
    """Return what a failed item printed and logged, by pytest's own headings."""
    parts = [f"{head}\n{text.rstrip()}" for head, text in report.sections if text]
    return _short("\n".join(parts), OUTPUT)


def _guards(item: pytest.Item) -> Iterator[Any]:
    """Yield what watches the check's connections, of each fixture that is one."""
    for value in getattr(item, "funcargs", {}).values():
        found = vars(value) if hasattr(value, "__dict__") else {}
        guard = found.get("ward") or found.get("visit")
        if guard is not None and hasattr(guard, "remember"):
            yield guard


def _bare(text: str) -> str:
    """Return a text without the lines that are comments."""
    lines = (line.rstrip() for line in inspect.cleandoc(text).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("--"))


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
