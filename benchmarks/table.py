"""The one table, and what it has to show."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

BARE = "bare begin, insert, rollback"
BARE_SERIAL = "bare, insert into a table with a sequence"
CHECK = "our check, isolation rollback"
PER_TEST = "pytest-postgresql, a database per test"
# Row -> what its ratio is taken to, where that is not the bare row.
BASES = {"our check, sequence put back": BARE_SERIAL}


@dataclass
class Table:
    """Seconds by row and column, in the order in which they came."""

    columns: list[str]
    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, row: str, column: str, seconds: float) -> None:
        """Keep one measurement."""
        self.seconds.setdefault(row, {}).setdefault(column, []).append(seconds)

    def median(self, row: str, column: str) -> float | None:
        """Return the median of a cell, None where nothing was measured."""
        found = self.seconds.get(row, {}).get(column)
        return statistics.median(found) if found else None

    def ratio(self, row: str, column: str) -> float | None:
        """Return how many times the bare row's median a cell's is."""
        bare = self.median(BASES.get(row, BARE), column)
        median = self.median(row, column)
        return median / bare if median and bare else None

    def lines(self) -> list[str]:
        """Return the table: per size the median, and its ratio to the bare row."""
        width = max(len(row) for row in self.seconds)
        head = " " * width + "".join(f"{column:>22}" for column in self.columns)
        lines = [head]
        for row in self.seconds:
            cells = "".join(self._cell(row, column) for column in self.columns)
            lines.append(f"{row:<{width}}{cells}")
        return lines

    def _cell(self, row: str, column: str) -> str:
        median, ratio = self.median(row, column), self.ratio(row, column)
        if median is None:
            return f"{'–':>22}"
        times = f"{ratio:,.1f}×" if ratio else ""
        return f"{shown(median):>11}{times:>11}"


def shown(seconds: float) -> str:
    """Return seconds in the unit that suits them."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.3g} ms"


def claims(table: Table) -> list[tuple[str, float, bool]]:
    """Return what the table has to show: a sentence, the figure found, whether held."""
    found: list[tuple[str, float, bool]] = []
    for column in table.columns:
        ratio = table.ratio(CHECK, column)
        if ratio:
            told = (
                f"a check with full proof costs at most 3 times the bare row, {column}"
            )
            found.append((told, ratio, ratio <= 3))
    per_test, check = table.median(PER_TEST, "100MB"), table.median(CHECK, "100MB")
    if per_test and check:
        told = "a check is at least 300 times faster than a database per test, 100MB"
        found.append((told, per_test / check, per_test / check >= 300))
    small, big = table.median(CHECK, "10MB"), table.median(CHECK, "1GB")
    if small and big:
        told = "from 10MB to 1GB a check grows by less than 10 % (times)"
        found.append((told, big / small, big / small < 1.1))
    return found


def claim_lines(found: Iterable[tuple[str, float, bool]]) -> list[str]:
    """Return a line for each claim, with the figure and whether it holds."""
    return [
        f"{'holds' if held else 'FAILS'}  {figure:>10,.2f}  {told}"
        for told, figure, held in found
    ]
