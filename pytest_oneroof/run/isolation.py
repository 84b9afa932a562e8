"""One check of one item: isolation, proof, and what a bad proof raises."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from pytest_oneroof.check import examples
from pytest_oneroof.check.connection import GuardedConnection
from pytest_oneroof.check.connection_async import GuardedAsyncConnection
from pytest_oneroof.clone import residue
from pytest_oneroof.clone.residue import Proof
from pytest_oneroof.errors import ResidueError
from pytest_oneroof.evidence.exercised import KINDS
from pytest_oneroof.ownership.proofs import OurDatabase
from pytest_oneroof.postgres.connect import with_options
from pytest_oneroof.run import hooks
from pytest_oneroof.run.clone_side import CloneRun
from pytest_oneroof.run.keys import failed_key, proofs_key, settings_key

ISOLATIONS = ("rollback", "savepoint", "database")
GUARDED = ("oneroof_clone", "oneroof_clone_async", "oneroof_target")
ENGINES = ("oneroof_engine", "oneroof_session")
DATABASES = frozenset({"oneroof_alembic", "oneroof_database", "oneroof_sessions"})
FIXTURES = frozenset({*GUARDED, *ENGINES, *DATABASES})
# What they give is as new for each Hypothesis example, but for isolation 'database'.
PER_EXAMPLE = frozenset({*GUARDED, "oneroof_engine", "oneroof_production"})


@dataclass(frozen=True)
class Wishes:
    """What an item's markers ask for."""

    isolation: str = "rollback"
    allow_residue: Mapping[str, str] = field(default_factory=dict)
    constraints: bool = True
    exercises: str = ""
    role: str = ""


def read_marker(item: pytest.Item, *, default: str = "rollback") -> Wishes:
    """Return what the markers `oneroof` of an item ask for, the closest winning.

    `default` is the isolation where no marker names one. Raise pytest.UsageError for a
    value that the marker does not know.
    """
    values: dict[str, Any] = {"isolation": default}
    for mark in reversed(list(item.iter_markers("oneroof"))):
        unknown = set(mark.kwargs) - set(Wishes.__dataclass_fields__)
        if unknown or mark.args:
            raise pytest.UsageError(
                f"{item.nodeid}: the marker oneroof takes "
                f"{', '.join(Wishes.__dataclass_fields__)}, given: "
                f"{', '.join(sorted(unknown)) or mark.args}"
            )
        values |= mark.kwargs
    wishes = Wishes(**values)
    if wishes.isolation not in ISOLATIONS:
        raise pytest.UsageError(
            f"{item.nodeid}: isolation is one of {', '.join(ISOLATIONS)}, given: "
            f"{wishes.isolation!r}"
        )
    if wishes.exercises not in ("", *KINDS):
        raise pytest.UsageError(
            f"{item.nodeid}: exercises is one of {', '.join(KINDS)}, given: "
            f"{wishes.exercises!r}"
        )
    if not all(str(reason).strip() for reason in wishes.allow_residue.values()):
        raise pytest.UsageError(
            f"{item.nodeid}: allow_residue takes {{kind: reason}}, a reason is missing"
        )
    return wishes


def exercises_by_marker(item: pytest.Item) -> str:
    """Return what the closest marker says that an item exercises, '' without any."""
    marks = item.iter_markers("oneroof")
    return next((m.kwargs["exercises"] for m in marks if "exercises" in m.kwargs), "")


def uses_clone(item: pytest.Item) -> bool:
    """Tell whether an item asks for the clone, by a replaced fixture too."""
    names = getattr(item, "fixturenames", ())
    return not (FIXTURES | _replaced(item)).isdisjoint(names)


def needs_databases(item: pytest.Item) -> bool:
    """Tell whether an item asks for a throw-away database."""
    if not uses_clone(item):
        return False
    names = getattr(item, "fixturenames", ())
    asked = not DATABASES.isdisjoint(names)
    return asked or read_marker(item).isolation == "database"


@contextlib.contextmanager
def examples_isolated(
    item: pytest.Item, run: CloneRun | None, production: examples.Example
) -> Iterator[None]:
    """Give each Hypothesis example that the item runs a savepoint of its own.

    On the clone it is proved too; `production` does it where production is read.
    """
    names = (PER_EXAMPLE | _replaced(item)).intersection(
        getattr(item, "fixturenames", ())
    )
    if not names:
        yield
        return
    function: Any = getattr(item, "obj", None)
    own = read_marker(item).isolation == "database"
    if getattr(function, "is_hypothesis_test", False) and not own and _only_ours(item):
        examples.lift_health_check(function)
    sandbox = run and (run.stage or run.sandbox)

    @contextlib.contextmanager
    def example() -> Iterator[None]:
        with sandbox.example() if sandbox else contextlib.nullcontext(), production():
            yield

    with examples.each_example(function, example):
        yield


class Checks:
    """The checks of a run: each method is the body of a fixture."""

    def __init__(self, run: CloneRun) -> None:
        self.run = run

    def isolation(self, item: pytest.Item, *, default: str = "rollback") -> str:
        """Return the isolation that the item's markers ask for."""
        return read_marker(item, default=default).isolation

    def guarded(
        self,
        item: pytest.Item,
        kind: type[Any] = GuardedConnection,
        *,
        default: str = "rollback",
    ) -> Iterator[Any]:
        """Yield a guarded connection, then roll back and judge."""
        sandbox = self.run.sandbox
        assert sandbox is not None
        wishes = read_marker(item, default=default)
        if self.run.stage is not None:
            savepoints = wishes.isolation == "savepoint"
            with self.run.stage.connection(
                item.nodeid, savepoints=savepoints, role=wishes.role, kind=kind
            ) as connection:
                _prepare(item, connection)
                yield connection
            return
        connection = sandbox.begin(
            item.nodeid,
            savepoints=wishes.isolation == "savepoint",
            constraints=wishes.constraints,
            role=wishes.role,
            kind=kind,
        )
        try:
            _prepare(item, connection)
            yield connection
        finally:
            judge(item, sandbox.finish(), wishes)

    def guarded_async(self, item: pytest.Item) -> Iterator[Any]:
        """Yield a guarded AsyncConnection, then roll back and judge."""
        yield from self.guarded(item, GuardedAsyncConnection)

    def throwaway_connection(self, request: pytest.FixtureRequest) -> Iterator[Any]:
        """Yield a plain connection to a throw-away database, closed at the end."""
        url = request.getfixturevalue("oneroof_database")
        connection = psycopg.connect(url)
        try:
            _prepare(request.node, connection)
            connection.commit()
            yield connection
        finally:
            connection.close()

    def throwaway(self, item: pytest.Item) -> Iterator[str]:
        """Yield a throw-away database's URL, drop it, and prove the clone untouched."""
        sandbox, pool = self.run.sandbox, self.run.pool()
        assert sandbox is not None
        own = not sandbox.running
        if own:
            sandbox.begin(item.nodeid)
        left: tuple[residue.Residue, ...] = ()
        try:
            found = pool.take()
            try:
                yield self._url(found, read_marker(item).role)
            finally:
                left = self._given_back(item, found)
        finally:
            if own:
                proof = residue.with_dirty(sandbox.finish(), left)
                judge(item, proof, read_marker(item))

    def _url(self, database: OurDatabase, role: str) -> str:
        """Return a throw-away database's URL, whose sessions act as a role if given."""
        url = self.run.pool().url(database)
        if not role:
            return url
        assert self.run.sandbox is not None
        name = self.run.sandbox.stand_in_of(role)
        return with_options(url, f"-c role={name}")

    def _given_back(
        self, item: pytest.Item, found: OurDatabase
    ) -> tuple[residue.Residue, ...]:
        """Drop a throw-away database, or keep that of a failed test if so set."""
        pool = self.run.pool()
        if not (self.run.settings.keep_failed and item.stash.get(failed_key, False)):
            return pool.drop(found)
        pool.keep(found)
        file = self.run.write_url(found)
        told = f'kept {found.name}: psql "$(cat {file})"'
        item.add_report_section("teardown", "oneroof", told)
        return ()


def _prepare(item: pytest.Item, connection: Any) -> None:
    """Have the hooks prepare a check, where they can: they do not await."""
    if not isinstance(connection, psycopg.AsyncConnection):
        hooks.prepare(item, connection)


def judge(item: pytest.Item, proof: Proof, wishes: Wishes) -> None:
    """Keep an item's proof; raise ResidueError where it is not clean."""
    if wishes.allow_residue:
        proof = residue.allow(proof, wishes.allow_residue)
    item.stash.setdefault(proofs_key, []).append(proof)
    if proof.constraints.startswith("violated"):
        raise ResidueError(
            f"{proof.check}: a deferred constraint is {proof.constraints}\n"
            "it is checked at the check's end, as a commit would; to leave it "
            "unchecked: @pytest.mark.oneroof(constraints=False)"
        )
    if proof.verdict != "clean":
        raise ResidueError(str(proof))


def _replaced(item: pytest.Item) -> frozenset[str]:
    """Return the fixtures of pytest-postgresql that run on the clone instead."""
    return frozenset(item.config.stash[settings_key].replace_postgresql)


def _only_ours(item: pytest.Item) -> bool:
    """Tell whether, of the fixtures that the test names, only ours are per test.

    Asked as Hypothesis' own plugin asks before its health check: parameters and
    autouse fixtures do not count.
    """
    its: Any = item  # pytest's Function, or like one
    manager = its._request._fixturemanager
    information = manager.getfixtureinfo(node=item, func=its.function, cls=None)
    found = information.name2fixturedefs
    parameters = set(inspect.signature(its.function).parameters)
    named = parameters - PER_EXAMPLE - _replaced(item)
    return not any(
        definition.scope == "function"
        for name in named
        for definition in found.get(name, ())
    )
