"""Clones that commit, for the checks that need one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from pytest_oneroof.clone.rehearsal import Rehearsal, rehearsal, why_not
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.run.clone_side import CloneRun
from pytest_oneroof.run.fixtures import HOW
from pytest_oneroof.run.keys import run_key
from pytest_oneroof.settings import Settings


@contextlib.contextmanager
def committing_clone(
    request: pytest.FixtureRequest, kind: str = "rehearsal"
) -> Iterator[Rehearsal]:
    """Hand out a clone that commits, and drop it; kept on failure if so set.

    Skips, and says why, where this run cannot make one.
    """
    run = run_of(request)
    assert run.lease is not None
    make_source(run)
    if reason := why_not(run.lease):
        pytest.skip(f"a {kind} clone {reason}")
    failed = request.session.testsfailed

    def keep(name: str) -> bool:
        if not run.settings.keep_failed or request.session.testsfailed == failed:
            return False
        print(f'kept {name}: psql "$(cat {run.write_url(name)})"')
        return True

    rules = rules_of(run.settings)
    with rehearsal(run.lease, rules, kind=kind, keep=keep) as clone:
        yield clone


@pytest.fixture
def copies_possible(request: pytest.FixtureRequest) -> None:
    """See to it that the clone can be copied, before the check's transaction opens."""
    make_source(run_of(request))


def make_source(run: CloneRun) -> None:
    """Make what copies of a user's clone are made of, once, between checks."""
    lease, url, sandbox = run.lease, run.settings.clone_url, run.sandbox
    if lease is None or lease.host is None or lease.template or url is None:
        return

    def copy() -> None:
        run.make_source(url)
        # Closed to others while the run has it, its own session included.
        lease.open()

    if sandbox is not None and not sandbox.running:
        sandbox.pause(copy)


def run_of(request: pytest.FixtureRequest) -> CloneRun:
    """Return the run on the clone; skip where there is none."""
    run = request.config.stash.get(run_key, None)
    if run is None or run.lease is None:
        pytest.skip(HOW)
    return run


def rules_of(settings: Settings) -> Rules:
    """Return what the guard measures every clone of this run against."""
    return Rules.of(settings, own_server=settings.clone_url is not None)
