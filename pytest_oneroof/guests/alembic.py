"""Alembic's migrations, rehearsed on a throw-away copy: up, down, and up again.

Each revision is judged by fingerprints: after its way down schema and rows have to be
what they were before it, after its second way up what the first one left.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof.errors import OneroofError, SettingsError
from pytest_oneroof.fingerprint.compare import (
    ContentFingerprint,
    Difference,
    SchemaFingerprint,
    compare,
    compare_content,
    read_content,
    read_schema,
)
from pytest_oneroof.guests.engine import of_url, sqlalchemy_url
from pytest_oneroof.guests.sample_rows import fill_empty
from pytest_oneroof.postgres.connect import connect, parse

try:
    import sqlalchemy
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import Script, ScriptDirectory
    from alembic.util import CommandError
except ImportError:
    raise pytest.UsageError(
        "the fixture oneroof_alembic needs Alembic, which is not installed\n"
        "to fix this: pip install 'pytest-oneroof[alembic]'"
    ) from None

# Of a long list of faults of one revision.
SHOWN = 5
VERSIONS = ("public", "alembic_version")
RAISED = (
    NotImplementedError,
    CommandError,
    sqlalchemy.exc.SQLAlchemyError,
    psycopg.Error,
)
EMPTY = Path(__file__).with_name("empty.sql")


class MigrationFault(OneroofError, AssertionError):
    """Raised where revisions lose rows, do not revert, or were not reached."""

    __module__ = "pytest_oneroof"


@dataclass(frozen=True)
class Rehearsed:
    """One revision: what is wrong with it, and which tables stayed without a row.

    `reverts` is False where its way down raised: NotImplementedError, or the server's
    error.
    """

    revision: str
    about: str
    reverts: bool = True
    faults: tuple[str, ...] = ()
    empty: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return its faults as lines for a person."""
        return [f"revision {self.revision} ({self.about}): {f}" for f in self.faults]


@dataclass(frozen=True)
class State:
    """Schema and rows at one moment."""

    schema: SchemaFingerprint
    content: ContentFingerprint

    def differences(self, other: State) -> list[str]:
        """Return what differs, schema first; positions of sequences are no rows.

        Nor is the revision that Alembic itself notes.
        """
        schema = compare(self.schema, other.schema)
        reshaped = {found.identity for found in schema} | {".".join(VERSIONS)}
        rows = [
            _told_rows(found.identity, self.content, other.content)
            for found in compare_content(self.content, other.content)
            if found.kind == "table" and found.identity not in reshaped
        ]
        return [*map(_told, schema), *rows]


@dataclass(frozen=True)
class Migrations:
    """A throw-away copy of the clone at `url`, and what is done on it by Alembic."""

    url: str

    def check(
        self,
        config: str | Path | Config = "alembic.ini",
        *,
        empty: bool = False,
        rows: Mapping[str, str] | None = None,
        irreversible: Mapping[str, str] | None = None,
    ) -> list[Rehearsed]:
        """Rehearse as `rehearse` does; raise MigrationFault, which names each fault.

        A revision in `irreversible`, with the reason, need not revert.
        """
        found = self.rehearse(config, empty=empty, rows=rows, irreversible=irreversible)
        if lines := [line for step in found for line in step.lines()]:
            raise MigrationFault("\n".join(lines))
        return found

    def rehearse(
        self,
        config: str | Path | Config = "alembic.ini",
        *,
        empty: bool = False,
        rows: Mapping[str, str] | None = None,
        irreversible: Mapping[str, str] | None = None,
    ) -> list[Rehearsed]:
        """Take each revision after the copy's own up, down and up; return what it did.

        The copy has the rows of the clone; with `empty` it begins without anything, at
        the first revision. A table without rows gets one beforehand, or what `rows`
        (SQL by the revision after which it is sent) inserts. Raise SettingsError for
        names of revisions that there are not, OneroofError where env.py connects to
        another database than the one it is given as `sqlalchemy.url`.
        """
        project = _configured(config, self.url)
        script = ScriptDirectory.from_config(project)
        known, given = irreversible or {}, rows or {}
        if unknown := sorted((known.keys() | given) - _names(script)):
            raise SettingsError(f"no revision is called {', '.join(unknown)}")
        with _only(self.url):
            if empty:
                self._send(EMPTY.read_text(encoding="utf-8"))
            command.ensure_version(project)
            pending = self._pending(script)
            walk = _Walk(self, project, given, known)
            return [*walk.steps(pending)]

    def state(self) -> State:
        """Read schema and rows."""
        with contextlib.closing(connect(self.url, autocommit=False)) as connection:
            return State(read_schema(connection), read_content(connection))

    def fill(self) -> dict[str, str]:
        """Give each empty table a row; return those that stay empty, and why."""
        with contextlib.closing(connect(self.url, autocommit=False)) as connection:
            connection.read_only = False
            found = fill_empty(connection, frozenset({VERSIONS}))
            connection.commit()
        return found

    def _send(self, statements: str) -> None:
        with contextlib.closing(connect(self.url, autocommit=False)) as connection:
            connection.read_only = False
            connection.execute(statements.encode())
            connection.commit()

    def _pending(self, script: ScriptDirectory) -> list[Script]:
        """Return the revisions that the copy does not have, the first one first."""
        engine = of_url(self.url)
        with contextlib.ExitStack() as stack:
            stack.callback(engine.dispose)
            connection = stack.enter_context(engine.connect())
            heads = MigrationContext.configure(connection).get_current_heads()
        found = script.iterate_revisions("heads", heads or "base")
        return [step for step in found if step.revision not in heads][::-1]


@dataclass(frozen=True)
class _Walk:
    """One walk over revisions, with what was given for them."""

    on: Migrations
    config: Config
    rows: Mapping[str, str]
    irreversible: Mapping[str, str]

    def steps(self, pending: list[Script]) -> Iterator[Rehearsed]:
        for number, step in enumerate(pending):
            told = self._step(step)
            yield told
            if statements := self.rows.get(step.revision):
                self.on._send(statements)
            if any(fault.startswith(STUCK) for fault in told.faults):
                left = ", ".join(each.revision for each in pending[number + 1 :])
                if left:
                    yield Rehearsed(left, "not reached", faults=("not rehearsed",))
                return

    def _step(self, step: Script) -> Rehearsed:
        """Take one revision up, down and up, and compare."""
        told = Rehearsed(step.revision, step.doc, empty=self.on.fill())
        before = self.on.state()
        if raised := _raised(command.upgrade, self.config, step.revision):
            return _with(told, f"{STUCK} up: {raised}")
        applied = self.on.state()
        reason = self.irreversible.get(step.revision)
        raised = _raised(command.downgrade, self.config, _below(step))
        if raised:
            fault = "" if reason else f"does not revert: {raised}"
            return _with(told, fault, reverts=False)
        reverted = self.on.state()
        left = before.differences(reverted)
        faults = [f"its way down does not restore {each}" for each in left]
        if reason:
            reverts = f"is said to be irreversible ({reason}), and reverts"
            faults = [] if left else [reverts]
        if raised := _raised(command.upgrade, self.config, step.revision):
            if reverted.differences(applied):
                return _with(told, *faults, f"{STUCK} up a second time: {raised}")
            # Its way down did nothing: what it brings is there.
            command.stamp(self.config, step.revision)
            return _with(told, *faults)
        again = [
            f"its second way up leaves another {each}"
            for each in applied.differences(self.on.state())
            if not left
        ]
        return _with(told, *faults, *again)


STUCK = "does not go"


def _with(told: Rehearsed, *faults: str, reverts: bool = True) -> Rehearsed:
    shown = tuple(fault for fault in faults if fault)
    if more := len(shown) - SHOWN:
        shown = (*shown[:SHOWN], f"and {more} more") if more > 0 else shown
    return Rehearsed(told.revision, told.about, reverts, shown, told.empty)


def _told(difference: Difference) -> str:
    return " ".join(line.strip() for line in str(difference).split("\n"))[2:][:300]


def _told_rows(table: str, *moments: ContentFingerprint) -> str:
    before, after = (moment.items[f"table {table}"].rows for moment in moments)
    if before == after:
        return f"the values of {table}, {before} row{'s'[: before != 1]}"
    return f"the rows of {table}: {before} before, {after} after"


def _raised(do: Any, config: Config, revision: str) -> str:
    """Return what an Alembic command raised, in a line, or ''."""
    try:
        do(config, revision)
    except RAISED as error:
        text = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    return ""


def _below(step: Script) -> str:
    """Return what a revision is taken back to, others beside it left as they are.

    A merge has nothing of its own above its branches: any of them ends it.
    """
    below = step.down_revision
    if isinstance(below, tuple | list):
        return below[0]
    return f"{step.revision}@{'-1' if below else 'base'}"


def _names(script: ScriptDirectory) -> set[str]:
    return {step.revision for step in script.walk_revisions()}


def _configured(config: str | Path | Config, url: str) -> Config:
    if not isinstance(config, Config):
        if not Path(config).is_file():
            raise SettingsError(f"there is no Alembic configuration {config}")
        config = Config(str(config))
    # Interpolated by ConfigParser.
    text = sqlalchemy_url(url).render_as_string(hide_password=False)
    config.set_main_option("sqlalchemy.url", text.replace("%", "%%"))
    return config


@contextlib.contextmanager
def _only(url: str) -> Iterator[None]:
    """Let SQLAlchemy connect to that database alone: env.py may know of others."""
    expected = parse(url)["dbname"]

    def refuse(_dialect: Any, _record: Any, _args: Any, parameters: Any) -> None:
        found = parameters.get("dbname") or parameters.get("database")
        if found != expected:
            raise OneroofError(
                f"Alembic's env.py connects to the database {found!r}, not to the "
                f"throw-away one that it is given\nto fix this, let it read "
                "config.get_main_option('sqlalchemy.url')"
            )

    sqlalchemy.event.listen(sqlalchemy.Engine, "do_connect", refuse)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "do_connect", refuse)
