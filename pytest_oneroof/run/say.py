"""The closing section's lines on pytest's terminal, in its colours."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_oneroof.report.closing import BAD, DIM, GOOD, WARN, Line

COLOURS: Mapping[str, Mapping[str, bool]] = {
    BAD: {"red": True},
    WARN: {"yellow": True},
    GOOD: {"green": True, "bold": True},
    DIM: {"light": True},
}


def say_lines(terminalreporter: Any, lines: Iterable[Line]) -> None:
    """Write each line; on a terminal, long ones are broken between words.

    In a file or a pipe they stay whole, so that they can be searched.
    """
    for line in lines:
        colour = COLOURS.get(line.tone, {})
        for part in _parts(terminalreporter, line.text):
            terminalreporter.write_line(part, **colour)


def _parts(terminalreporter: Any, text: str) -> list[str]:
    if not terminalreporter.isatty:
        return [text]
    width = terminalreporter.config.get_terminal_writer().fullwidth
    return textwrap.wrap(
        text,
        max(width, 40),
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
