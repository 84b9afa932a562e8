"""One step of a release: sealed bytes sent whole, and what they told on the way.

Each step has a connection of its own, so that no setting of one reaches the next.
A step reports its locks and rows itself, in its last statement before COMMIT: all
locks of a transaction are held until then (manual, 13.3), and its own row counts
are those of pg_stat_xact_user_tables. Sampling from outside would miss some.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.release.plan import Packet, Step

APPLICATION = "pytest-oneroof rollout"
REPORT = "oneroof.step "
# Table-level lock modes, weakest first (manual, 13.3.1).
LOCK_MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
NAMES_SHOWN = 3
WRITING = ("change", "rollback")
SETTINGS = {
    "target": "oneroof.target_database",
    "ratified": "oneroof.ratified_apr",
}

Connection = psycopg.Connection[Any]
Say = Callable[[str], Any]


@dataclass(frozen=True)
class Where:
    """Where a packet is run, and what the files are told.

    `target` is empty for production; else the marked clone's name. `ratified` is
    the code of the ratified approval.
    """

    url: str
    target: str = ""
    ratified: str = ""


@dataclass(frozen=True)
class StepRun:
    """What one step did: seconds, rows by table (added, changed, removed), locks.

    `notices` are its own words; `tags` the command tags of its statements.
    """

    step: str
    name: str
    kind: str
    file: str
    seconds: float
    rows: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    locks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return asdict(self)

    def line(self) -> str:
        """Return it as lines: name, time, its words; rows; the strongest lock."""
        said = "; ".join(self.notices)
        told = f"{self.step:>3} {self.name:<14} {self.seconds * 1000:7.0f} ms  {said}"
        rows = _few([f"{_short(n)} {_moved(*c)}" for n, c in self.rows.items()])
        return "\n      ".join(
            (told, f"rows: {rows or 'none'}", f"lock: {_strongest(self.locks)}")
        )


class StepFailed(OneroofError):
    """Raised when a step stops: nothing of its transaction stays.

    `said` is the server's message; `notices` are those before it.
    """

    __module__ = "pytest_oneroof"

    def __init__(self, step: Step, said: str, hint: str = "", state: str = "") -> None:
        super().__init__(step, said, hint, state)
        self.step = step
        self.said = said
        self.hint = hint
        self.state = state

    def __str__(self) -> str:
        lines = [f"{self.step} stopped: {self.said}"]
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(lines)


def open_target(where: Where, *, writes: bool = False) -> Connection:
    """Connect to the target and tell the files' settings; read only by default.

    Raise ServerError when it cannot be reached.
    """
    connection = connect(where.url, application=APPLICATION)
    mode = b"off" if writes else b"on"
    connection.execute(b"SET default_transaction_read_only = " + mode)
    # A killed executor leaves no step running: the server looks for its client
    # (manual, client_connection_check_interval), where the system has the means.
    with contextlib.suppress(psycopg.errors.InvalidParameterValue):
        connection.execute(b"SET client_connection_check_interval = '500ms'")
    for name, setting in SETTINGS.items():
        connection.execute(
            "SELECT pg_catalog.set_config(%s, %s, false)",
            [setting, getattr(where, name)],
        )
    return connection


def run_step(where: Where, packet: Packet, step: Step) -> StepRun:
    """Send the sealed bytes of one step, and return what it did.

    Raise StepFailed with the server's own message; also where the step did not
    say what its plan promises.
    """
    notices: list[str] = []
    began = time.perf_counter()
    connection = open_target(where, writes=step.kind in WRITING)
    connection.add_notice_handler(lambda d: notices.append(d.message_primary or ""))
    try:
        tags = _send(connection, packet.bytes_of(step))
    except psycopg.Error as error:
        raise StepFailed(
            step,
            error.diag.message_primary or str(error).strip(),
            error.diag.message_hint or error.diag.message_detail or "",
            error.sqlstate or "",
        ) from error
    finally:
        connection.close()
    seconds = time.perf_counter() - began
    run = _told(step, seconds, notices, tags)
    if step.says not in run.notices:
        # It has committed: it is told as failed, and what follows does not run.
        raise StepFailed(step, f"it did not say {step.says!r}, but {run.notices}")
    return run


def read_rows(where: Where, data: bytes) -> list[dict[str, Any]]:
    """Run a sealed file that only reads; return the rows of its last SELECT."""
    rows: list[dict[str, Any]] = []
    connection = open_target(where)
    try:
        cursor = connection.execute(data)
        while True:
            if cursor.description is not None:
                names = [column.name for column in cursor.description]
                rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            if not cursor.nextset():
                return rows
    finally:
        connection.close()


def _send(connection: Connection, data: bytes) -> tuple[str, ...]:
    cursor = connection.execute(data)
    tags = []
    while True:
        tags.append(cursor.statusmessage or "")
        if not cursor.nextset():
            return tuple(tags)


def _told(
    step: Step, seconds: float, notices: list[str], tags: tuple[str, ...]
) -> StepRun:
    reports = [n.removeprefix(REPORT) for n in notices if n.startswith(REPORT)]
    if len(reports) != 1:
        raise StepFailed(step, f"it reported its rows and locks {len(reports)} times")
    report = json.loads(reports[0])
    return StepRun(
        step=step.step,
        name=step.name,
        kind=step.kind,
        file=step.file,
        seconds=round(seconds, 4),
        rows={name: tuple(counts) for name, counts in sorted(report["rows"].items())},
        locks={name: tuple(modes) for name, modes in sorted(report["locks"].items())},
        notices=tuple(n for n in notices if not n.startswith(REPORT)),
        tags=tags,
    )


def _strongest(locks: Mapping[str, tuple[str, ...]]) -> str:
    """Name the strongest lock and what held it: that is what others wait for."""
    known = {mode for modes in locks.values() for mode in modes} & {*LOCK_MODES}
    if not known:
        return "none"
    strongest = max(known, key=LOCK_MODES.index)
    held = [_short(name) for name, modes in locks.items() if strongest in modes]
    return f"{strongest} on {_few(held)}"


def _moved(added: int, changed: int, removed: int) -> str:
    parts = (("+", added), ("~", changed), ("-", removed))
    return " ".join(f"{sign}{count}" for sign, count in parts if count)


def _short(name: str) -> str:
    return name.removeprefix("public.")


def _few(names: list[str]) -> str:
    """Return the first names, and how many more there are: all stand in the log."""
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
