"""Measure oneroof beside what it is compared with: one command, one table, one run.

python -m benchmarks [--sizes 10MB,100MB,1GB] [--checks 300] [--no-suites]
python -m benchmarks --growth [PERCENT] [--checks 300]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchmarks import databases, growth, rows, suites
from benchmarks import table as t
from benchmarks.databases import Database
from benchmarks.table import Table
from pytest_oneroof.check.sandbox import Sandbox
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.throwaway import ThrowawayPool
from pytest_oneroof.postgres.embedded import EmbeddedServer

# How often the rows are measured that cost the size of the database.
SLOW = {"10MB": 10, "100MB": 5}
WARM_UP = 30
STARTS = 20
TEXT_TURNS = 9
Opened = dict[str, Sandbox]


def main() -> int:
    """Run the benchmarks; return 1 where a claim does not hold."""
    options = _options()
    if options.growth is not None:
        return measure_growth(options)
    folder = Path(tempfile.mkdtemp(prefix="oneroof-bench-", dir=options.folder))
    folder.chmod(0o755)
    table = Table(options.sizes)
    whole = Table(list(suites.MODES), across="serial")
    starts = Table(list(suites.STARTS), across=suites.WITHOUT)
    try:
        with databases.server(folder, _say) as embedded:
            head = measure(embedded, table, options.checks)
        if not options.no_suites:
            suites.measure_suites(folder, options.suites, whole.add, _say)
            suites.measure_start(folder, STARTS, starts.add, _say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json is not None:
        tables = [each.seconds for each in (table, whole, starts)]
        options.json.write_text(json.dumps(tables))
    return report(head, table, whole, starts)


def measure_growth(options: argparse.Namespace) -> int:
    """Measure growth alone; return 1 where a claim does not hold."""
    table = Table(list(growth.COLUMNS))
    folder = Path(tempfile.mkdtemp(prefix="oneroof-bench-", dir=options.folder))
    folder.chmod(0o755)
    try:
        with databases.server(folder, _say) as embedded:
            growth.measure(embedded, table, options.checks, options.growth, _say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json is not None:
        options.json.write_text(json.dumps(table.seconds))
    print("\nMedian, and its ratio to the bare row of the same situation.\n")
    print("\n".join(table.lines()))
    return told(growth.claims(table))


def measure(embedded: EmbeddedServer, table: Table, checks: int) -> list[str]:
    """Measure every row on every size; return what was measured on."""
    with contextlib.closing(databases.host_of(embedded)) as host:
        version = host.admin.info.server_version
        built = []
        for label in table.columns:
            _say(f"building {label}")
            built.append(databases.build(host, label))
        with _sandboxes(embedded, built) as opened:
            measure_checks(opened, table, checks)
            measure_examples(opened, table, checks)
            measure_texts(opened, table)
            for database in built:
                _say(f"throw-away databases, {database.label}")
                measure_throw_away(host, opened[database.label], database, table)
        for database in built:
            _say(f"databases and copies, {database.label}")
            measure_databases(host, database, table)
    server = f"PostgreSQL {version // 10000}.{version % 10000} (embedded, no fsync)"
    return [
        f"{server}, Python {platform.python_version()}, {platform.system()}",
        *(str(database) for database in built),
    ]


@contextlib.contextmanager
def _sandboxes(embedded: EmbeddedServer, built: list[Database]) -> Iterator[Opened]:
    with contextlib.ExitStack() as stack:
        yield {
            database.label: stack.enter_context(databases.sandbox(embedded, database))
            for database in built
        }


def measure_checks(opened: Opened, table: Table, checks: int) -> None:
    """Measure what every test pays: all rows and sizes by turns, ABC, BCA, CAB.

    So that whatever else the machine does meanwhile falls on all of them alike.
    """
    _say(f"{checks} checks of each kind, on all sizes by turns")
    measured: dict[str, Callable[[Sandbox], float]] = {
        t.BARE: rows.bare,
        t.CHECK: rows.check,
        t.SAVEPOINT: lambda s: rows.check(s, savepoints=True),
        t.BARE_SERIAL: lambda s: rows.bare(s, rows.BARE_SERIAL),
        t.PUT_BACK: lambda s: rows.check(s, rows.SERIAL),
    }
    sizes = list(opened)
    for turn in range(-WARM_UP, checks):
        first = turn % len(sizes)
        for row, function in measured.items():
            for label in (*sizes[first:], *sizes[:first]):
                seconds = function(opened[label])
                if turn >= 0:
                    table.add(row, label, seconds)


def measure_examples(opened: Opened, table: Table, checks: int) -> None:
    """Measure Hypothesis examples, those of one size within one check."""
    for label, sandbox in opened.items():
        with rows.examples(sandbox) as example:
            for turn in range(-WARM_UP, checks):
                seconds = example()
                if turn >= 0:
                    table.add(t.EXAMPLE, label, seconds)


def measure_texts(opened: Opened, table: Table) -> None:
    """Measure what the client pays for texts that it has not sent before."""
    _say("distinct texts, on all sizes by turns")
    measured = {
        t.BARE_TEXTS: rows.bare_updates,
        t.TEXTS: rows.updates,
        t.READ: rows.reading,
    }
    for _ in range(TEXT_TURNS):
        for row, function in measured.items():
            for label, sandbox in opened.items():
                table.add(row, label, function(sandbox))


def measure_throw_away(
    host: Host, sandbox: Sandbox, database: Database, table: Table
) -> None:
    """Measure checks that have a database of their own, one always ready."""
    pool = ThrowawayPool(host.twin(), database.template, database.name, database.url)
    with contextlib.closing(pool):
        rows.throw_away(sandbox, pool, database)
        for _ in range(SLOW.get(database.label, 3)):
            seconds = rows.throw_away(sandbox, pool, database)
            table.add(t.DATABASE, database.label, seconds)


def measure_databases(host: Host, database: Database, table: Table) -> None:
    """Measure what costs a database: one per test, copies, dumps, fingerprints."""
    times, label = SLOW.get(database.label, 3), database.label
    for _ in range(times):
        table.add(t.PER_TEST, label, rows.database_per_test(host, database))
        table.add(t.COPY, label, rows.template_copy(host, database))
    for _ in range(max(1, times // 3)):
        table.add(t.DUMP, label, rows.dump_and_restore(host, database))
        table.add(t.CONTENT, label, rows.fingerprint(host, database))


def report(head: list[str], table: Table, whole: Table, starts: Table) -> int:
    """Print the tables and the claims; return 1 where one does not hold."""
    for line in head:
        print(f"- {line}")
    print("\nMedian, and its ratio to the bare row of the same size.\n")
    print("\n".join(table.lines()))
    for other in (whole, starts):
        if other.seconds:
            print(f"\nMedian, and its ratio to “{other.across}”.\n")
            print("\n".join(other.lines()))
    return told([*t.claims(table), *t.run_claims(whole, starts)])


def told(claims: Iterable[t.Claim]) -> int:
    """Print the claims; return 1 where one does not hold."""
    found = list(claims)
    print()
    print("\n".join(t.claim_lines(found)))
    return 0 if all(held for _, _, held in found) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes", default=list(databases.PROFILES), type=lambda text: text.split(",")
    )
    parser.add_argument("--checks", default=300, type=int, help="of each kind and size")
    parser.add_argument("--suites", default=3, type=int, help="warm runs of the suites")
    parser.add_argument("--no-suites", action="store_true", help="leave the suites out")
    parser.add_argument(
        "--folder", type=Path, help="where the databases go (8 GB for 1GB)"
    )
    parser.add_argument(
        "--growth",
        nargs="?",
        const=100,
        type=int,
        metavar="PERCENT",
        help="instead: checks beside many sequences, tables, databases and checks",
    )
    parser.add_argument("--json", type=Path, help="write every measurement there")
    options = parser.parse_args()
    unknown = set(options.sizes) - set(databases.PROFILES)
    if unknown:
        parser.error(f"sizes are {', '.join(databases.PROFILES)}, given: {unknown}")
    return options


def _say(line: str) -> None:
    print(f"… {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
