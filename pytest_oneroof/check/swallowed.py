"""Errors that a check has swallowed: refused or failed statements that it went on from.

A check that catches an error and does not look at it passes for the wrong reason. Told
are the plain cases: an `except` that neither uses the error nor raises, and
`contextlib.suppress`. `pytest.raises` and an `except … as error` that uses it are not:
these expect an error.
"""

from __future__ import annotations

import ast
import functools
import linecache
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest_oneroof
from pytest_oneroof.errors import StatementRefused

MOST = 20
SUPPRESS = "suppress"
PACKAGE = Path(pytest_oneroof.__file__).parent
INSTALLED = tuple(
    sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)

Block = ast.With | ast.AsyncWith | ast.Try


@dataclass
class Swallowed:
    """What one check has swallowed, in words; the error that is on its way."""

    found: list[str] = field(default_factory=list)
    more: int = 0
    _pending: BaseException | None = None

    def note(self, error: BaseException) -> None:
        """Take an error that is about to be raised; where it ends is seen later."""
        self.settle()
        self._pending = error

    def settle(self) -> None:
        """Look where the last error has ended, when the check does something else."""
        error, self._pending = self._pending, None
        told = describe(error) if error is not None else ""
        if told and len(self.found) < MOST:
            self.found.append(told)
        else:
            self.more += bool(told)

    def lines(self) -> tuple[str, ...]:
        """Return what was swallowed, and how much more; at the check's end."""
        self.settle()
        return (*self.found, *([f"failed ({self.more} more)"] if self.more else []))


def describe(error: BaseException) -> str:
    """Return where a check swallowed an error, and what it said; '' if it did not."""
    trace = error.__traceback__
    if trace is None:
        return ""
    file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
    if not is_of_check(file) or not is_swallowed(file, line, type(error)):
        return ""
    kind = "refused" if isinstance(error, StatementRefused) else "failed"
    said = (str(error).splitlines() or [type(error).__name__])[0]
    return f"{kind} ({Path(file).name}:{line}): {said}"


def is_of_check(file: str) -> bool:
    """Tell whether a file holds checks, not a library that handles its own errors."""
    path = Path(file)
    if path.is_relative_to(PACKAGE):
        return path.is_relative_to(PACKAGE / "suites")
    return not any(path.is_relative_to(folder) for folder in INSTALLED)


def is_swallowed(file: str, line: int, kind: type[BaseException]) -> bool:
    """Tell whether an error that ended in that line was dropped there unseen."""
    for block in _around(file, line):
        if isinstance(block, ast.Try):
            handler = next((h for h in block.handlers if _catches(h, kind)), None)
            if handler is not None:
                return not _looks(handler)
        elif called := [_called(item.context_expr) for item in block.items]:
            if any("raises" in name.lower() for name in called):
                return False
            if SUPPRESS in called:
                return True
    return False


def _around(file: str, line: int) -> Iterator[Block]:
    """Yield the blocks around a line, the innermost first."""
    found = [
        (first, block) for first, last, block in _blocks(file) if first <= line <= last
    ]
    yield from (block for _, block in sorted(found, key=lambda b: -b[0]))


@functools.lru_cache(maxsize=64)
def _blocks(file: str) -> tuple[tuple[int, int, Block], ...]:
    """Return every try and with of a file, with the lines that it guards."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return ()
    return tuple(
        (node.body[0].lineno, node.body[-1].end_lineno or 0, node)
        if isinstance(node, ast.Try)
        else (node.lineno, node.end_lineno or 0, node)
        for node in ast.walk(tree)
        if isinstance(node, Block)
    )


def _catches(handler: ast.ExceptHandler, kind: type[BaseException]) -> bool:
    """Tell whether a handler is for a kind of error, by the names that it gives.

    A name that no class of the error has may be another name for one of them.
    """
    if handler.type is None:
        return True
    names = {base.__name__ for base in kind.__mro__}
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(_called(each) in names for each in types)


def _looks(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler uses the error that it caught, or raises."""
    inside = [node for part in handler.body for node in ast.walk(part)]
    return any(
        isinstance(node, ast.Raise)
        or (isinstance(node, ast.Name) and node.id == handler.name)
        for node in inside
    )


def _called(node: ast.expr) -> str:
    """Return the last name of what is called or named: raises, of pytest.raises(…)."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
