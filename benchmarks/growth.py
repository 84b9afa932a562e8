"""Growth: the same check where something else is many times as much.

Each situation is told as its check's time to the bare row of the same situation, so
that what the machine does meanwhile falls on both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from benchmarks import databases, rows
from benchmarks import table as t
from benchmarks.databases import Database
from benchmarks.table import Table
from pytest_oneroof.check.sandbox import Sandbox
from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.adopt import adopt, find_adoptable
from pytest_oneroof.clone.host import Host
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

FIRST = "100 tables, 60 sequences"
SEQUENCES, TABLES = "10,000 sequences", "5,000 tables"
OTHERS, LATE = "500 other databases", "the 50,000th check"
COLUMNS = (FIRST, SEQUENCES, TABLES, OTHERS, LATE)
# Column -> tables and sequences of its database.
SHAPES = {FIRST: (100, 60), SEQUENCES: (100, 10_000), TABLES: (5_000, 60)}
DATABASES, CHECKS = 500, 50_000
# At a time: more would need more locks than a server has by default.
AT_ONCE = 500
WARM_UP = 30
ROWS: dict[str, Callable[[Sandbox], float]] = {
    t.BARE: rows.bare,
    t.CHECK: rows.check,
    t.BARE_SERIAL: lambda s: rows.bare(s, rows.BARE_SERIAL),
    t.PUT_BACK: lambda s: rows.check(s, rows.SERIAL),
}
Say = Callable[[str], object]


def measure(
    embedded: EmbeddedServer, table: Table, checks: int, percent: int, say: Say
) -> None:
    """Measure every situation, with `percent` of what is many in it."""
    with contextlib.ExitStack() as stack:
        host = stack.enter_context(contextlib.closing(databases.host_of(embedded)))
        opened: dict[str, Sandbox] = {}
        for label, shape in SHAPES.items():
            say(f"building {label}")
            built = build(host, label, *(max(n * percent // 100, 1) for n in shape))
            opened[label] = stack.enter_context(databases.sandbox(embedded, built))
        say(f"{checks} checks of each kind, on all of them by turns")
        by_turns(opened, table, checks)
        first = opened[FIRST]
        with many_databases(host, max(DATABASES * percent // 100, 1), say):
            by_turns({OTHERS: first}, table, checks)
        late = max(CHECKS * percent // 100, 1)
        say(f"{late} checks")
        for _ in range(late):
            rows.check(first)
        by_turns({LATE: first}, table, checks)


def by_turns(opened: dict[str, Sandbox], table: Table, checks: int) -> None:
    """Measure all rows on all databases by turns."""
    for turn in range(-WARM_UP, checks):
        for row, function in ROWS.items():
            for label, sandbox in opened.items():
                seconds = function(sandbox)
                if turn >= 0:
                    table.add(row, label, seconds)


def build(host: Host, label: str, tables: int, sequences: int) -> Database:
    """Make a database of so many tables and sequences, and a clone of ours of it."""
    name = f"directus_gov_test_{datetime.now(UTC):%Y%m%d}_{tables}_{sequences}"
    host.admin.execute(f"CREATE DATABASE {name}".encode())
    with contextlib.closing(connect(host.url(name))) as connection:
        connection.execute(databases.TABLES)
        for kind, number in (("TABLE", tables), ("SEQUENCE", sequences)):
            body = " (id integer PRIMARY KEY)" if kind == "TABLE" else ""
            for start in range(0, number, AT_ONCE):
                last = min(start + AT_ONCE, number) - 1
                connection.execute(
                    f"DO $$ BEGIN FOR n IN {start} .. {last} LOOP EXECUTE"
                    f" format('CREATE {kind} public.{kind}_%s{body}', n);"
                    " END LOOP; END $$".encode()
                )
        connection.execute("VACUUM ANALYZE")
    found, password = adopt(host, find_adoptable(host, name), source="benchmark")
    url = lifecycle.role_url(host, name, found.marker.role, password)
    return Database(
        label, name, name, url, host.size(found.oid), tables=tables, sequences=sequences
    )


@contextlib.contextmanager
def many_databases(host: Host, number: int, say: Say) -> Iterator[None]:
    """Have so many databases of others on the server while the block runs."""
    say(f"making {number} databases")
    names = [f"other_{n}" for n in range(number)]
    for name in names:
        host.admin.execute(f"CREATE DATABASE {name} STRATEGY file_copy".encode())
    try:
        yield
    finally:
        for name in names:
            host.admin.execute(f"DROP DATABASE {name}".encode())


def claims(table: Table) -> Iterator[t.Claim]:
    """Yield what growth has to show: a sentence, the figure found, whether it held."""
    for row in (t.CHECK, t.PUT_BACK):
        small = table.ratio(row, FIRST)
        for column in COLUMNS[1:]:
            big = table.ratio(row, column)
            if small and big:
                told = f"{row}: {column} at most 1.3 times as much as {FIRST}"
                yield told, big / small, big / small <= 1.3
