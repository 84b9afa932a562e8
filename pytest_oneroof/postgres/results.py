"""Raw results of libpq, and names and literals for the texts that we send by it."""

from __future__ import annotations

import select
from typing import Any

import psycopg
from psycopg import pq

from pytest_oneroof.errors import ServerError

# As libpq itself tells it, or the server: manual, appendix A, class 57.
ENDED = (None, b"57P01", b"57P02", b"57P03", b"57P04")
OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


class Failed(ServerError):
    """A command of ours failed; carries the server's message."""


def exec_all(pgconn: Any, command: bytes) -> list[Any]:
    """Send one string of commands, in one round trip; return all their results.

    An interrupt waits until they are there: what proves a check is not left half
    read. Raise psycopg.OperationalError where the session is gone.
    """
    pgconn.send_query(command)
    results: list[Any] = []
    interrupted: KeyboardInterrupt | None = None
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN)
    while True:
        try:
            while pgconn.is_busy():
                poll.poll()
                pgconn.consume_input()
            result = pgconn.get_result()
        except KeyboardInterrupt as error:
            interrupted = error
            continue
        if result is None:
            break
        results.append(result)
    if interrupted is not None:
        raise interrupted
    return results


def exec_one(pgconn: Any, command: bytes) -> Any:
    """Send commands; return their last result, None without a server."""
    try:
        return pgconn.exec_(command)
    except psycopg.OperationalError:
        return None


def is_lost(result: Any) -> bool:
    """Tell whether a result says that the session is gone, whatever libpq says yet."""
    if result is None:
        return True
    told = result.status == pq.ExecStatus.FATAL_ERROR
    return told and sqlstate(result) in ENDED


def succeeded(result: Any) -> bool:
    """Tell whether a raw result is one of success."""
    return result is not None and result.status in OK


def sqlstate(result: Any) -> bytes | None:
    """Return the SQLSTATE of a raw result, None where it is one of success."""
    if result is None:
        return None
    state: bytes | None = result.error_field(pq.DiagnosticField.SQLSTATE)
    return state


def message_of(result: Any) -> str:
    """Return the server's message of a raw result."""
    if result is None:
        return "no connection to the server"
    text = result.get_error_message() if hasattr(result, "get_error_message") else ""
    return (text or pq.error_message(result)).strip()


def literal(text: str) -> str:
    """Return a string literal; the session has standard-conforming strings."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return an identifier in quotes."""
    return '"' + name.replace('"', '""') + '"'
