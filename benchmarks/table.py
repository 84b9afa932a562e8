"""The one table, and what it has to show."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from benchmarks import suites

BARE = "bare begin, insert, rollback"
BARE_SERIAL = "bare, insert into a table with a sequence"
CHECK = "our check, isolation rollback"
SAVEPOINT = "our check, isolation savepoint"
DATABASE = "our check, isolation database, warm pool"
PUT_BACK = "our check, sequence put back"
EXAMPLE = "our Hypothesis example, within one check"
PER_TEST = "pytest-postgresql, a database per test"
COPY = "a clone of ours, from its template"
DUMP = "a clone by pg_dump, pg_restore"
CONTENT = "content fingerprint of every row"
BARE_TEXTS = "1,000 distinct UPDATEs by psycopg, client's CPU"
TEXTS = "1,000 distinct UPDATEs in our check, client's CPU"
READ = "an INSERT of 12 kB read and judged, client's CPU"
# Row -> what its ratio is taken to, where that is not the first of its table.
BASES = {PUT_BACK: BARE_SERIAL, TEXTS: BARE_TEXTS, READ: BARE_TEXTS}
Claim = tuple[str, float, bool]


@dataclass
class Table:
    """Seconds by row and column, in the order in which they came.

    A ratio is taken to the row `base` of the same column, or, where `across` is
    given, to that column of the same row.
    """

    columns: list[str]
    base: str = BARE
    across: str = ""
    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, row: str, column: str, seconds: float) -> None:
        """Keep one measurement."""
        self.seconds.setdefault(row, {}).setdefault(column, []).append(seconds)

    def median(self, row: str, column: str) -> float | None:
        """Return the median of a cell, None where nothing was measured."""
        found = self.seconds.get(row, {}).get(column)
        return statistics.median(found) if found else None

    def ratio(self, row: str, column: str) -> float | None:
        """Return how many times its base's median a cell's is."""
        if self.across:
            base = self.median(row, self.across)
        else:
            base = self.median(BASES.get(row, self.base), column)
        median = self.median(row, column)
        return median / base if median and base else None

    def lines(self) -> Iterator[str]:
        """Yield the table in Markdown: per column the median and its ratio."""
        width = max(len(row) for row in self.seconds)
        yield self._line("", width, self.columns)
        yield f"|{'-' * (width + 2)}|" + "--------------------:|" * len(self.columns)
        for row in self.seconds:
            cells = [self._cell(row, column) for column in self.columns]
            yield self._line(row, width, cells)

    def _line(self, row: str, width: int, cells: list[str]) -> str:
        return f"| {row:<{width}} |" + "".join(f"{cell:>20} |" for cell in cells)

    def _cell(self, row: str, column: str) -> str:
        median, ratio = self.median(row, column), self.ratio(row, column)
        if median is None:
            return "–"
        return f"{shown(median)} {f'{ratio:,.2f}' if ratio else '–':>8}×"


def shown(seconds: float) -> str:
    """Return seconds in the unit that suits them."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.1 else f"{seconds * 1000:.3g} ms"


def claims(table: Table) -> Iterator[Claim]:
    """Yield what checks have to show: a sentence, the figure found, whether held."""
    for column in table.columns:
        ratio = table.ratio(CHECK, column)
        if ratio:
            told = "a check with full proof costs at most 3 times the bare row"
            yield f"{told}, {column}", ratio, ratio <= 3
    per_test, check = table.median(PER_TEST, "100MB"), table.median(CHECK, "100MB")
    if per_test and check:
        told = "a check is at least 300 times faster than a database per test, 100MB"
        yield told, per_test / check, per_test / check >= 300
    for column in table.columns:
        texts, read = table.ratio(TEXTS, column), table.median(READ, column)
        if texts and read:
            told = "1,000 distinct texts cost the client at most 2 times psycopg's CPU"
            yield f"{told}, {column}", texts, texts <= 2
            told = "a new INSERT of 12 kB is read in less than a millisecond (ms)"
            yield f"{told}, {column}", read * 1000, read < 0.001
    small, big = table.median(CHECK, "10MB"), table.median(CHECK, "1GB")
    if small and big:
        told = "from 10MB to 1GB a check grows by less than 10 % (times)"
        yield told, big / small, big / small < 1.1


def run_claims(whole: Table, starts: Table) -> Iterator[Claim]:
    """Yield what whole runs have to show."""
    serial = whole.median(suites.REPEATED, "serial")
    two = whole.median(suites.REPEATED, "-n 2")
    if serial and two:
        told = "-n 2 is at least 1.5 times faster, suites ten times over"
        yield told, serial / two, serial / two >= 1.5
    controls = whole.median(suites.CONTROLS, "-n 2")
    if controls:
        told = "negative controls of the default suites take less than 180 s with -n 2"
        yield told, controls, controls < 180
    loaded = starts.median(suites.START, suites.WITH)
    bare = starts.median(suites.START, suites.WITHOUT)
    if loaded and bare:
        more = (loaded - bare) * 1000
        yield "the plugin delays another project by at most 10 ms", more, more <= 10


def claim_lines(found: Iterable[Claim]) -> Iterator[str]:
    """Yield a line for each claim, with the figure and whether it holds."""
    for told, figure, held in found:
        yield f"{'holds' if held else 'FAILS'}  {figure:>10,.2f}  {told}"
