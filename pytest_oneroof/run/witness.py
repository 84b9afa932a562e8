"""Whether an item's own code ran: seen in the interpreter, not taken from a report.

A plugin may answer for a test in many ways: take `pytest_runtest_protocol`, or
`pytest_pyfunc_call`, exchange `runtest` or the function, report by itself. In none of
them is the test's own code entered.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import pytest


def code_of(item: pytest.Item) -> CodeType | None:
    """Return the code that an item runs, None where it is not written in Python.

    It is looked up where it was written, as the item's own may have been exchanged.
    """
    function: Any = type(item).runtest
    if isinstance(item, pytest.Function):
        written = getattr(item.parent, "obj", None)
        function = getattr(written, item.originalname, item.function)
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return code if isinstance(code, CodeType) else None


class Witness:
    """Watches for one code object to be entered, in this thread and in new ones.

    Where somebody else profiles (cProfile, before Python 3.12), or the code is not
    known, it looks at nothing and takes it for entered.
    """

    def __init__(self, code: CodeType | None) -> None:
        self.code = code
        self.over = False
        taken = sys.getprofile() is not None or threading.getprofile() is not None
        self.entered = code is None or taken

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch until the code is entered, or the block ends."""
        if self.entered:
            yield
            return
        threading.setprofile(self._look)
        sys.setprofile(self._look)
        try:
            yield
        finally:
            self._stop()

    def _look(self, frame: FrameType, event: str, argument: Any) -> None:
        if frame.f_code is self.code:
            self.entered = True
            self._stop()
        elif self.over:
            # A thread that began before the end.
            sys.setprofile(None)

    def _stop(self) -> None:
        self.over = True
        sys.setprofile(None)
        threading.setprofile(None)
