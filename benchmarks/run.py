"""Measure oneroof beside what it is compared with: one command, one table, one run.

python benchmarks/run.py [--sizes 10MB,100MB,1GB] [--checks 300] [--no-suites]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import databases
import rows
from table import BARE, BARE_SERIAL, CHECK, PER_TEST, Table, claim_lines, claims, shown

import suites
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.sandbox import Sandbox
from pytest_oneroof.clone.throwaway import ThrowawayPool
from pytest_oneroof.postgres.embedded import EmbeddedServer

# How often the rows are measured that cost the size of the database.
SLOW = {"10MB": 10, "100MB": 5}
WARM_UP = 30


def main() -> int:
    """Run the benchmarks; return 1 where a claim does not hold."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="oneroof-bench-", dir=options.folder))
    folder.chmod(0o755)
    table = Table(options.sizes)
    whole = Table(list(suites.MODES))
    try:
        with databases.server(folder, _say) as embedded:
            measure(embedded, table, options.checks)
            version = databases.host_of(embedded).admin.info.server_version
        if not options.no_suites:
            suites.measure(folder, options.suites, whole.add, _say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report(table, whole, version, options.json)


def measure(embedded: EmbeddedServer, table: Table, checks: int) -> None:
    """Build the databases of all sizes, and measure every row on each of them."""
    with contextlib.closing(databases.host_of(embedded)) as host:
        built = []
        for label in table.columns:
            _say(f"building {label}")
            built.append(databases.build(host, label))
        with contextlib.ExitStack() as stack:
            opened = {
                database.label: stack.enter_context(
                    databases.sandbox(embedded, database)
                )
                for database in built
            }
            measure_checks(opened, table, checks)
        for database in built:
            _say(f"databases and copies, {database.label}")
            measure_databases(host, database, table)


def measure_checks(opened: dict[str, Sandbox], table: Table, checks: int) -> None:
    """Measure what every test pays: all rows and sizes by turns, A B C A B C.

    So that whatever else the machine does meanwhile falls on all of them alike.
    """
    _say(f"{checks} checks of each kind, on all sizes by turns")
    measured: dict[str, Callable[[Sandbox], float]] = {
        BARE: rows.bare,
        CHECK: rows.check,
        "our check, isolation savepoint": lambda s: rows.check(s, savepoints=True),
        BARE_SERIAL: lambda s: rows.bare(s, rows.BARE_SERIAL),
        "our check, sequence put back": lambda s: rows.check(s, rows.SERIAL),
    }
    for turn in range(-WARM_UP, checks):
        for row, function in measured.items():
            for label, sandbox in opened.items():
                seconds = function(sandbox)
                if turn >= 0:
                    table.add(row, label, seconds)
    for label, sandbox in opened.items():
        with rows.examples(sandbox) as example:
            for turn in range(-WARM_UP, checks):
                seconds = example()
                if turn >= 0:
                    table.add(
                        "our Hypothesis example, within one check", label, seconds
                    )


def measure_databases(host: Host, database: databases.Database, table: Table) -> None:
    """Measure what costs a database: throw-away ones, copies, dumps, fingerprints."""
    times = SLOW.get(database.label, 2)
    label = database.label
    pool = ThrowawayPool(host.twin(), database.template, database.name)
    with contextlib.closing(pool):
        rows.throw_away(pool, database)
        for _ in range(times):
            table.add(
                "our throw-away database, warm pool",
                label,
                rows.throw_away(pool, database),
            )
    for _ in range(times):
        table.add(PER_TEST, label, rows.database_per_test(host, database))
        table.add(
            "a clone of ours, from its template",
            label,
            rows.template_copy(host, database),
        )
    for _ in range(max(1, times // 3)):
        table.add(
            "a clone by pg_dump | pg_restore",
            label,
            rows.dump_and_restore(host, database),
        )
        table.add(
            "content fingerprint of every row", label, rows.fingerprint(host, database)
        )


def report(table: Table, whole: Table, version: int, file: Path | None) -> int:
    """Print the table and the claims; return 1 where one does not hold."""
    python = platform.python_version()
    print(
        f"PostgreSQL {version // 10000}.{version % 10000} (embedded), Python {python}"
    )
    print("median, and its ratio to the bare row of the same size and run\n")
    print("\n".join(table.lines()))
    if whole.seconds:
        print()
        width = max(len(row) for row in whole.seconds)
        for row, cells in whole.seconds.items():
            told = "   ".join(
                f"{mode} {shown(whole.median(row, mode) or 0)}" for mode in cells
            )
            print(f"{row:<{width}}  {told}")
    found = claims(table)
    print()
    print("\n".join(claim_lines(found)))
    if file is not None:
        file.write_text(json.dumps({"sizes": table.seconds, "suites": whole.seconds}))
    return 0 if all(held for _, _, held in found) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes", default="10MB,100MB,1GB", type=lambda text: text.split(",")
    )
    parser.add_argument("--checks", default=300, type=int, help="of each kind and size")
    parser.add_argument("--suites", default=3, type=int, help="warm runs of the suites")
    parser.add_argument("--no-suites", action="store_true", help="leave the suites out")
    parser.add_argument(
        "--folder", type=Path, help="where the databases go (5 GB for 1GB)"
    )
    parser.add_argument("--json", type=Path, help="write every measurement there")
    return parser.parse_args()


def _say(line: str) -> None:
    print(f"… {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
