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
)
CLOSED = f"""pytest-oneroof: while a run has the clone, nobody but its check can \
connect to it; {DATABASE}"""


def remedy_of(sqlstate: str | None, message: str) -> str:
    """Return the note for an error of the server, or ''."""
    for state, words, cause in CAUSES:
        if state == sqlstate and words in message.lower():
            return f"pytest-oneroof: {cause}; {DATABASE}"
    return ""


def add_remedy(error: psycopg.Error) -> None:
    """Note on an error what to do, once, where the check's transaction causes it."""
    _note(error, remedy_of(error.sqlstate, str(error)))


def add_remedy_of_refusal(error: BaseException, database: str) -> None:
    """Note on an error what to do, where it is that the closed clone refused a session.

    By whatever driver: the error may be one that wraps the driver's.
    """
    if is_refusal(error, database):
        _note(error, CLOSED)


def is_refusal(error: BaseException, database: str) -> bool:
    """Tell whether an error, or one that it wraps, is the closed clone's refusal."""
    seen: BaseException | None = error
    while seen is not None:
        if refusal(database) in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def refusal(database: str) -> str:
    """Return the server's words for a database that takes no sessions."""
    return f'"{database}" is not currently accepting connections'


def _note(error: BaseException, note: str) -> None:
    if note and note not in getattr(error, "__notes__", ()):
        error.add_note(note)
