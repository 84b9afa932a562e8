"""SIGTERM and SIGHUP end a run as Ctrl-C does: what it started is stopped.

By default they end a process at once, with no cleaning up: servers, copies and
client tools would be left behind.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)
# The exit status of a process that a signal ended, as shells tell it.
STATUS = 128


def watch(leave: Callable[[str, int], object]) -> Callable[[], None]:
    """Call `leave` with a sentence and an exit status when a signal says to end.

    `leave` raises. What comes after the first signal is ignored, so that cleaning
    up is not cut short; a signal that somebody handles or ignores is left to them.
    Return what puts everything back. Only a main thread can have a handler.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    watched = [s for s in ENDING if signal.getsignal(s) is signal.SIG_DFL]

    def end(number: int, frame: FrameType | None) -> None:
        for other in watched:
            signal.signal(other, signal.SIG_IGN)
        leave(f"ended by {signal.Signals(number).name}", STATUS + number)

    for number in watched:
        signal.signal(number, end)

    def put_back() -> None:
        for number in watched:
            signal.signal(number, signal.SIG_DFL)

    return put_back


@contextlib.contextmanager
def watched(leave: Callable[[str, int], object]) -> Iterator[None]:
    """Watch for the signals until the block ends."""
    put_back = watch(leave)
    try:
        yield
    finally:
        put_back()
