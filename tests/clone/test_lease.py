"""A clone taken for a run: closed while it is used, and how it is given back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from pytest_oneroof.clone import standin
from pytest_oneroof.clone.host import Host
from pytest_oneroof.errors import ServerError
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.run.clone_side import CloneRun

from .conftest import run_on


@pytest.fixture
def host(own_server: EmbeddedServer) -> Iterator[Host]:
    """The embedded server as its administrator sees it."""
    with contextlib.closing(standin.host_of(own_server, bundled())) as found:
        yield found


@pytest.fixture
def beside(own_server: EmbeddedServer, clone_run: CloneRun) -> Iterator[CloneRun]:
    """A second run beside the first, which has the clone itself."""
    run = run_on(own_server)
    run.start()
    yield run
    run.stop()


def is_open(host: Host, database: str) -> bool:
    """Tell whether a database takes connections."""
    row = host.admin.execute(
        "SELECT datallowconn FROM pg_database WHERE datname = %s", [database]
    ).fetchone()
    assert row is not None
    return bool(row[0])


def user(host: Host, database: str) -> int:
    """Return the process that works on a clone, by its record; 0: none."""
    record = host.records.read(host.system_identifier, database)
    assert record is not None
    return record.used_by


def test_second_run_takes_a_copy(clone_run: CloneRun, beside: CloneRun) -> None:
    """Two runs at once work on two databases, both closed to others."""
    assert clone_run.lease is not None
    assert beside.lease is not None
    assert beside.lease.database.startswith(f"{clone_run.lease.database}_")
    assert beside.lease.kind == "copy"
    for run in (clone_run, beside):
        assert run.sandbox is not None
        assert run.sandbox.closed_to_others


def test_copy_stays_closed_when_given_back(host: Host, beside: CloneRun) -> None:
    """Between runs nobody can work on a pooled copy; its clean end is noted."""
    assert beside.lease is not None
    name = beside.lease.database
    assert user(host, name) != 0
    beside.stop()
    assert not is_open(host, name)
    assert user(host, name) == 0


def test_clone_is_open_between_runs(host: Host, own_server: EmbeddedServer) -> None:
    """The clone itself can be connected to again when its run has ended."""
    run = run_on(own_server)
    run.start()
    assert run.lease is not None
    name, url, kind = run.lease.database, run.lease.url, run.lease.kind
    with pytest.raises(ServerError, match="not currently accepting connections"):
        connect(url)
    run.stop()
    if kind == "clone":
        assert is_open(host, name)
        connect(url).close()


def test_spoiled_copy_is_swept(
    host: Host, own_server: EmbeddedServer, beside: CloneRun
) -> None:
    """A copy that was left changed is dropped by the next run, which says so."""
    assert beside.lease is not None
    name = beside.lease.database
    beside.lease.spoiled = True
    beside.stop()
    assert user(host, name) != 0
    after = run_on(own_server)
    after.start()
    found = after.found()
    after.stop()
    assert host.find(name) is None, found
    assert any(name in line for line in found), found
