"""Sandboxes on the embedded server, without a pytest run around them."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.guard import Rules
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.look import Look
from pytest_oneroof.clone.sandbox import Sandbox
from pytest_oneroof.clone.standin import records_of
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.session import CloneRun
from pytest_oneroof.settings import CLONE_PATTERN, Settings

RULES = Rules(CLONE_PATTERN, ("directus",))


@pytest.fixture(scope="module")
def clone_run(cache: Path, embedded: EmbeddedServer) -> Iterator[CloneRun]:
    """A run on the embedded clone, closed to others, as `pytest` would start it."""
    run = CloneRun(Settings(clone=True, cache_dir=cache), lambda line: None)
    run.start()
    yield run
    run.stop()


@pytest.fixture
def sandbox(clone_run: CloneRun) -> Iterator[Sandbox]:
    """The run's sandbox, without a check; its session end is clean."""
    assert clone_run.sandbox is not None
    yield clone_run.sandbox
    if clone_run.sandbox.running:
        clone_run.sandbox.finish()
    assert clone_run.sandbox.end().verdict == "clean"


@pytest.fixture
def open_database(embedded: EmbeddedServer) -> Iterator[str]:
    """The name of a clone of this test alone, whose administrator a run lacks."""
    name = f"{embedded.state['clone']}_{uuid.uuid4().hex[:8]}"
    with contextlib.closing(
        Host(embedded.url("postgres"), records_of(embedded))
    ) as host:
        template = host.find(embedded.state["template"])
        assert template is not None
        with host.making():
            made = lifecycle.create_copy(host, template, name, "clone")
        yield name
        with host.making():
            # Closed sessions take the server a moment to end.
            host.end_sessions(made.oid, host.user)
            lifecycle.drop(host, name)


@pytest.fixture
def open_sandbox(
    embedded: EmbeddedServer, open_database: str, tmp_path: Path
) -> Iterator[Sandbox]:
    """A sandbox on a clone that stays open to others."""
    state = embedded.state
    url = embedded.url(open_database, state["role"], state["password"])
    lease = Lease(url=url, database=open_database)
    sandbox = Sandbox(lease, RULES, Look(tmp_path / "baseline.json"))
    sandbox.aside(sandbox.look.baseline)
    yield sandbox
    sandbox.close()
