"""Progress of a long step: a bar with size and rate on a terminal, else silence."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from pytest_oneroof.clone.watch import Watch


class Meter(Watch):
    """Shows each step as a bar of its own; sizes known beforehand are about right."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, step: str, size: int | None = None) -> None:
        """Begin a step with a bar of its own."""
        self._task = self._progress.add_task(step, total=size)

    def count(self, size: int) -> None:
        """Move the bar; one that flows on beyond its size grows with it."""
        assert self._task is not None
        self._progress.update(self._task, advance=size)
        task = self._progress.tasks[self._task]
        if task.total is not None and task.completed > task.total:
            self._progress.update(self._task, total=task.completed)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(f"… {line}", markup=False, highlight=False)


@contextlib.contextmanager
def meter() -> Iterator[Watch]:
    """Yield whoever watches: a meter where stderr is a terminal, else nobody."""
    if not sys.stderr.isatty():
        yield Watch()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Meter(progress)
