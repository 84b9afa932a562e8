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
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import psycopg

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.pack import Pack
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.release.identity import Identity, require_same
from pytest_oneroof.release.plan import Packet, Step

APPLICATION = "pytest-oneroof rollout"
REPORT = "oneroof.step "
WRITING = ("change", "rollback")
# Named as in the report that each file gives.
RELATIONS = b"""
SELECT namespace.nspname || '.' || class.relname
  FROM pg_catalog.pg_class AS class
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind IN ('r', 'p', 'v', 'm', 'S')
"""
TARGET, APPROVAL = "oneroof.target_database", "oneroof.approval"

Connection = psycopg.Connection[Any]
Say = Callable[[str], Any]


@dataclass(frozen=True)
class Where:
    """Where a packet is run, and what the files are told.

    `target` is empty for production; else the marked clone's name. `ratified` is
    the code of the ratified approval, told by the setting `approval`. With
    `identity` each connection has to reach exactly that database before anything
    is sent over it.
    """

    url: str
    target: str = ""
    ratified: str = ""
    identity: Identity | None = None
    approval: str = APPROVAL

    def of(self, pack: Pack) -> Where:
        """Return it with the setting by which a pack's files are told the code."""
        return replace(self, approval=pack.release.approval or APPROVAL)


@dataclass(frozen=True)
class StepRun:
    """What one step did: when, rows by table (added, changed, removed), locks.

    `began` is UTC, ISO 8601; `says` is what its plan promises, and `notices` all
    that it said; `tags` are the command tags of its statements. Of the relations in
    `locks` those `created` by the step itself kept nobody waiting.
    """

    step: str
    name: str
    kind: str
    file: str
    began: str
    seconds: float
    says: str = ""
    rows: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    locks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    created: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return asdict(self)


class StepFailed(OneroofError):
    """Raised when a step stops: nothing of its transaction stays.

    `said` is the server's message, `hint` its hint or detail, `state` its SQLSTATE;
    `seconds` is how long the step had run.
    """

    __module__ = "pytest_oneroof"

    def __init__(
        self,
        step: Step,
        said: str,
        hint: str = "",
        state: str = "",
        seconds: float = 0.0,
    ) -> None:
        super().__init__(step, said, hint, state, seconds)
        self.step = step
        self.said = said
        self.hint = hint
        self.state = state
        self.seconds = seconds

    @property
    def refused(self) -> bool:
        """Whether the file itself refused, by RAISE EXCEPTION (SQLSTATE P0001)."""
        return self.state == "P0001"

    def __str__(self) -> str:
        lines = [f"{self.step} stopped: {self.said}"]
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(lines)


def open_target(where: Where, *, writes: bool = False) -> Connection:
    """Connect to the target and tell the files' settings; read only by default.

    Raise ServerError when it cannot be reached, OneroofError when it is another
    database than the one that was admitted.
    """
    connection = connect(where.url, application=APPLICATION)
    try:
        if where.identity is not None:
            require_same(connection, where.identity)
        _settle(connection, where, writes=writes)
    except BaseException:
        connection.close()
        raise
    return connection


def _settle(connection: Connection, where: Where, *, writes: bool) -> None:
    # First: an unqualified name of ours must not find what others made for it.
    connection.execute(
        b"SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false)"
    )
    mode = b"off" if writes else b"on"
    connection.execute(b"SET default_transaction_read_only = " + mode)
    # A killed executor leaves no step running: the server looks for its client
    # (manual, client_connection_check_interval), where the system has the means.
    with contextlib.suppress(psycopg.errors.InvalidParameterValue):
        connection.execute(b"SET client_connection_check_interval = '500ms'")
    for setting in ((TARGET, where.target), (where.approval, where.ratified)):
        connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", setting)


def run_step(where: Where, packet: Packet, step: Step) -> StepRun:
    """Send the sealed bytes of one step, and return what it did.

    Raise StepFailed with the server's own message; also where the step did not
    say what its plan promises.
    """
    notices: list[str] = []
    start, began = moment(), time.perf_counter()
    connection = open_target(where, writes=step.kind in WRITING)
    connection.add_notice_handler(lambda d: notices.append(d.message_primary or ""))
    try:
        there = {name for (name,) in connection.execute(RELATIONS).fetchall()}
        tags = _send(connection, packet.bytes_of(step))
    except psycopg.Error as error:
        raise StepFailed(
            step,
            error.diag.message_primary or str(error).strip(),
            error.diag.message_hint or error.diag.message_detail or "",
            error.sqlstate or "",
            round(time.perf_counter() - began, 4),
        ) from error
    finally:
        connection.close()
    seconds = time.perf_counter() - began
    run = _told(step, start, seconds, notices, tags)
    run = replace(run, created=tuple(sorted(run.locks.keys() - there)))
    if step.says not in run.notices:
        # It has committed: it is told as failed, and what follows does not run.
        raise StepFailed(step, f"it did not say {step.says!r}, but {run.notices}")
    return run


def moment() -> str:
    """Return this moment as logs hold it: UTC, ISO 8601, in milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _send(connection: Connection, data: bytes) -> tuple[str, ...]:
    cursor = connection.execute(data)
    tags = []
    while True:
        tags.append(cursor.statusmessage or "")
        if not cursor.nextset():
            return tuple(tags)


def _told(
    step: Step, began: str, seconds: float, notices: list[str], tags: tuple[str, ...]
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
        began=began,
        seconds=round(seconds, 4),
        says=step.says,
        rows={name: tuple(counts) for name, counts in sorted(report["rows"].items())},
        locks={name: tuple(modes) for name, modes in sorted(report["locks"].items())},
        notices=tuple(n for n in notices if not n.startswith(REPORT)),
        tags=tags,
    )
