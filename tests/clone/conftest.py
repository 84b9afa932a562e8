"""Sandboxes on the embedded server, without a pytest run around them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_oneroof.check.sandbox import Sandbox
from pytest_oneroof.clone import lifecycle, standin
from pytest_oneroof.clone.copying import create_copy
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.run.clone_side import CloneRun
from pytest_oneroof.settings import Settings

CLONE_PATTERN = bundled().clone_pattern

RULES = Rules(CLONE_PATTERN, parse_productions(("directus",)))


@pytest.fixture(scope="session")
def own_server() -> Iterator[EmbeddedServer]:
    """An embedded server that no other process of the test run works on.

    A check that ends its own transaction cannot be told clean while others commit.
    ONEROOF_TEST_CACHE keeps it between runs, one for each worker.
    """
    kept = os.environ.get("ONEROOF_TEST_CACHE")
    if kept:
        folder = Path(kept) / f"own-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
        folder.mkdir(parents=True, exist_ok=True)
    else:
        folder = Path(tempfile.mkdtemp(prefix="oneroof-own-"))
    folder.chmod(0o755)
    server = standin.server_for(folder, 16, bundled())
    server.acquire(lambda s: standin.build(s, print, bundled()), print)
    yield server
    server.release()
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)


def run_on(server: EmbeddedServer) -> CloneRun:
    """Return a run of the bundled pack on an embedded server, not started."""
    settings = Settings(clone=True, cache_dir=server.cache).joined(bundled())
    return CloneRun(settings, bundled(), lambda line: None)


@pytest.fixture(scope="module")
def clone_run(own_server: EmbeddedServer) -> Iterator[CloneRun]:
    """A run on the embedded clone, closed to others, as `pytest` would start it."""
    run = run_on(own_server)
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
def open_database(own_server: EmbeddedServer) -> Iterator[str]:
    """The name of a clone of this test alone, whose administrator a run lacks."""
    name = f"{own_server.state['clone']}_{uuid.uuid4().hex[:8]}"
    with contextlib.closing(standin.host_of(own_server, bundled())) as host:
        template = host.ours(own_server.state["template"])
        with host.making():
            made = create_copy(host, template, name, "clone")
        yield name
        with host.making():
            # Closed sessions take the server a moment to end.
            host.end_sessions(made, host.user)
            lifecycle.drop(host, host.ours(name))
