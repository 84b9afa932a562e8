"""SQL files that commit: run whole, as bytes, or inside a guarded transaction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from pytest_oneroof.errors import ScriptError
from pytest_oneroof.statements.read import read

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class ScriptRun:
    """What one run of a file printed: its notices, in order."""

    name: str
    notices: tuple[str, ...]


def run_script(connection: Connection, file: Path) -> ScriptRun:
    """Send a file's bytes whole, as psql would statement by statement, and commit.

    The connection is in autocommit and outside a transaction; the file brings
    its own BEGIN and COMMIT. Raise psycopg.Error as the server tells it; then
    the file's open transaction is rolled back.
    """
    notices: list[str] = []

    def remember(diagnostic: psycopg.errors.Diagnostic) -> None:
        notices.append(f"{diagnostic.severity}: {diagnostic.message_primary}")

    connection.add_notice_handler(remember)
    try:
        connection.execute(file.read_bytes())
    except psycopg.Error:
        if not connection.closed:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.remove_notice_handler(remember)
    return ScriptRun(file.name, tuple(notices))


def body(text: str, name: str = "the file") -> str:
    """Return a committing file's text without its one BEGIN and its one COMMIT.

    Raise ScriptError when the file does not hold exactly one BEGIN, first, and
    one COMMIT, last (design, section 7).
    """
    statements = read(text)
    verbs = [s.verb for s in statements if s.verb]
    if (
        len(statements) < 2
        or verbs != ["begin", "commit"]
        or statements[0].verb != "begin"
        or statements[-1].verb != "commit"
    ):
        raise ScriptError(
            f"{name} must hold one BEGIN, first, and one COMMIT, last, found: "
            f"{', '.join(verbs) or 'none'} in {len(statements)} statements"
        )
    return ";\n".join(s.text for s in statements[1:-1]) + ";"
