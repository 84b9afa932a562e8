"""What to do about errors of the server that a check's one transaction causes.

The error keeps its class and its message; the remedy is a note on it.
"""

from __future__ import annotations

import psycopg

DATABASE = (
    'with @pytest.mark.oneroof(isolation="database") it runs: on a throw-away database '
    "with real transactions"
)
# SQLSTATE, words of the message ('' for any), and why the server refuses it here.
CAUSES = (
    (
        "25001",
        "isolation level",
        "a guarded check's one transaction runs at READ COMMITTED, and has begun",
    ),
    ("25001", "", "a guarded check's one transaction is open throughout"),
    ("2D000", "", "a guarded check may not end its transaction"),
    ("55P04", "", "what a guarded check does is never really committed"),
    (
        "55000",
        "not currently accepting connections",
        "while a run has the clone, nobody but its check can connect to it",
    ),
)


def remedy_of(sqlstate: str | None, message: str) -> str:
    """Return the note for an error of the server, or ''."""
    for state, words, cause in CAUSES:
        if state == sqlstate and words in message.lower():
            return f"pytest-oneroof: {cause}; {DATABASE}"
    return ""


def add_remedy(error: psycopg.Error) -> None:
    """Note on an error what to do, once, where the check's transaction causes it."""
    note = remedy_of(error.sqlstate, str(error))
    if note and note not in getattr(error, "__notes__", ()):
        error.add_note(note)
