"""pgTAP: each file of the pack in a guarded transaction, each of its assertions told.

Where the clone has no pgTAP, the extension is made in the check's own transaction, and
is gone with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof import ScriptError, note
from pytest_oneroof.pgtap.script import statements_of
from pytest_oneroof.run.keys import pack_key

SCHEMA = "oneroof_pgtap"
INSTALLED = "SELECT FROM pg_catalog.pg_extension WHERE extname = 'pgtap'"
AVAILABLE = "SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pgtap'"
ABSENT = (
    "the server has no extension pgtap\n"
    "to fix this, install it there: Debian's package is postgresql-VERSION-pgtap"
)
NO_PARSER = (
    "pgTAP files need a reader of their output\n"
    "to fix this: pip install 'pytest-oneroof[pgtap]'"
)

Connection = psycopg.Connection[Any]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a check of each file, called as the file is."""
    pack = metafunc.config.stash[pack_key]
    folder = pack.path(pack.needed("pgtap", "files"))
    files = sorted(folder.rglob("*.sql"))
    names = [file.relative_to(folder).with_suffix("").as_posix() for file in files]
    metafunc.parametrize("file", files, ids=names)


def test_file(oneroof_clone: Connection, file: Path) -> None:
    """Every assertion of the file holds, and as many ran as it plans."""
    try:
        from pytest_oneroof.pgtap.judged import read_tap
    except ModuleNotFoundError as error:
        pytest.fail(f"{NO_PARSER} ({error})", pytrace=False)
    try:
        statements = statements_of(file.read_text(encoding="utf-8"), file.name)
    except ScriptError as error:
        pytest.fail(str(error), pytrace=False)
    make_possible(oneroof_clone)
    lines, stopped = output(oneroof_clone, statements)
    told = read_tap(lines)
    for one in told.assertions:
        note(one.name, "not ok" if one.excused and not one.holds else "ok", one.outcome)
    reasons = [*([stopped] if stopped else []), *told.reasons()]
    if reasons:
        pytest.fail("\n".join([f"{file.name} did not pass:", *reasons]), pytrace=False)
    if told.skipped:
        pytest.skip(told.skipped)


def make_possible(connection: Connection) -> None:
    """Have pgTAP's functions found: the clone's own, or some made for this check."""
    if connection.execute(INSTALLED).fetchone() is not None:
        return
    if connection.execute(AVAILABLE).fetchone() is None:
        pytest.fail(ABSENT, pytrace=False)
    for statement in (
        f"CREATE SCHEMA {SCHEMA}",
        "SET LOCAL client_min_messages = warning",
        f"CREATE EXTENSION pgtap SCHEMA {SCHEMA}",
        "SELECT pg_catalog.set_config('search_path',"
        f" pg_catalog.current_setting('search_path') || ', {SCHEMA}', true)",
    ):
        connection.execute(statement.encode())


def output(connection: Connection, statements: list[str]) -> tuple[list[str], str]:
    """Return the lines that statements give, and why they ended early, or ''.

    pgTAP keeps its numbers in a table of the transaction: after an error there is no
    more to be told.
    """
    lines: list[str] = []
    for statement in statements:
        try:
            cursor = connection.execute(statement.encode())
        except psycopg.Error as error:
            return lines, f"{error.diag.message_primary or error} (in: {statement})"
        if cursor.description is not None:
            for row in cursor.fetchall():
                lines += str(row[0]).splitlines() if row[0] is not None else []
    return lines, ""
