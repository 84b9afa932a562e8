"""Progress of long steps: what is being done and for how long; else silence.

Shown on a terminal alone, on stderr: a pipe, a file or a CI log gets nothing of it.
A step that flows (a dump, a restore) has a bar with size and rate too.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from pytest_oneroof.clone.watch import Watch

MEGABYTE = 2**20


class FlowColumn(ProgressColumn):
    """Bytes that flowed, of how many, and the rate; nothing where none flow."""

    def render(self, task: Task) -> Text:
        """Return the column's text."""
        if not task.completed:
            return Text("")
        done = f"{task.completed / MEGABYTE:.1f}"
        of = f" of {task.total / MEGABYTE:.1f}" if task.total else ""
        rate = f", {task.speed / MEGABYTE:.0f} MB/s" if task.speed else ""
        return Text(f"{done}{of} MB{rate}")


class Meter(Watch):
    """Shows the running step, and leaves a line with its time when it is done.

    Begun by its first step; silent without a terminal. `close` it.
    """

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._title = ""

    def begin(self, step: str, size: int | None = None) -> None:
        """Begin a step, which ends the one before; sizes given are about right."""
        if self._progress is None and sys.stderr.isatty():
            self._progress = _progress()
            self._progress.start()
        self._end()
        self._title = step
        if self._progress is not None:
            self._task = self._progress.add_task(step, total=size)

    def count(self, size: int) -> None:
        """Move the bar; one that flows on beyond its size grows with it."""
        if self._progress is None or self._task is None:
            return
        self._progress.update(self._task, advance=size)
        task = self._progress.tasks[-1]
        if task.total is not None and task.completed > task.total:
            self._progress.update(self._task, total=task.completed)

    def say(self, line: str) -> None:
        """Begin a step that nothing flows in.

        What stands behind ': ' is detail: it changes while the step goes on.
        """
        title, _, detail = line.partition(": ")
        if detail and title == self._title:
            if self._progress is not None and self._task is not None:
                self._progress.update(self._task, description=line)
            return
        self.begin(title)
        if detail and self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=line)

    def note(self, line: str) -> None:
        """Leave a line above the running step."""
        if sys.stderr.isatty():
            console = self._progress.console if self._progress else _console()
            console.print(f"… {line}", markup=False, highlight=False)

    def close(self) -> None:
        """End the running step, and leave the terminal as it was; idempotent."""
        self._end()
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _end(self) -> None:
        if self._progress is None or self._task is None:
            return
        task = self._progress.tasks[-1]
        seconds = task.elapsed or 0.0
        self._progress.remove_task(self._task)
        self._task = None
        console = self._progress.console
        console.print(f"… {self._title} {seconds:.1f} s", markup=False, highlight=False)


@contextlib.contextmanager
def meter() -> Iterator[Watch]:
    """Yield whoever watches, until the block ends."""
    watch = Meter()
    try:
        yield watch
    finally:
        watch.close()


def _progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        FlowColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=_console(), transient=True)


def _console() -> Console:
    return Console(stderr=True)
