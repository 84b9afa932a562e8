"""Making, dropping and sweeping databases: whole or not at all, and only ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from pytest_oneroof.clone import adopt, lifecycle, making, standin
from pytest_oneroof.clone.host import Host, new_nonce, now
from pytest_oneroof.clone.marker import Marker
from pytest_oneroof.clone.records import Record
from pytest_oneroof.clone.throwaway import ThrowawayPool
from pytest_oneroof.errors import CloneError, GuardRefused, ServerError
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

NAME = "directus_gov_test_20260802"


@pytest.fixture
def host(own_server: EmbeddedServer) -> Iterator[Host]:
    """The administrator of a server of its own: these tests sweep it."""
    with closing(
        Host(own_server.url("postgres"), standin.records_of(own_server))
    ) as host:
        yield host
        for found in host.databases():
            if found.name.startswith(NAME):
                host.admin.execute(f"DROP DATABASE {found.name} WITH (FORCE)".encode())


def marker(kind: str = "clone", nonce: str = "") -> Marker:
    """Return a marker without roles."""
    return Marker(nonce or new_nonce(), "template0", now(), kind, owner="", role="")


def names(host: Host) -> list[str]:
    """Return the databases of these tests."""
    return [f.name for f in host.databases() if f.name.startswith(NAME)]


def stop(*arguments: Any, **settings: Any) -> None:
    """Fail as a process does that is stopped here."""
    raise KeyboardInterrupt


def test_a_database_has_its_name_and_marker_at_once(host: Host) -> None:
    """Until it is whole a database has another name and takes no connections."""
    mark = marker()
    clause = lifecycle.template_clause("template0")
    with making.half_made(host, NAME, mark, clause) as half:
        assert names(host) == [f"{NAME}_{mark.nonce[:8]}_making"]
        with pytest.raises(ServerError, match="not currently accepting connections"):
            connect(host.url(half.name))
        made = making.appear(host, half, NAME, mark)
    assert names(host) == [NAME]
    assert made.marker == mark
    assert made.oid == half.oid
    assert host.lock_holder(made.oid) is None


@pytest.mark.parametrize("step", ["_rename", "settle", "_create"])
def test_a_step_that_fails_leaves_nothing(
    host: Host, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Stopped before, in or after the copy: no database, no record, no lock."""
    monkeypatch.setattr(making, step, stop)
    with pytest.raises(KeyboardInterrupt):
        lifecycle.make_database(host, NAME, "template0", marker())
    assert names(host) == []
    records = host.records.list_of(host.system_identifier)
    assert not [r for r in records if r.database.endswith("_making")]


def test_nothing_is_made_over_what_exists(host: Host) -> None:
    """A name that is taken is refused, and the database that has it stays."""
    lifecycle.make_database(host, NAME, "template0", marker())
    before = host.find(NAME)
    with pytest.raises(CloneError) as refused:
        lifecycle.make_database(host, NAME, "template0", marker())
    assert str(refused.value) == (
        f"the database '{NAME}' exists already; nothing was created over it\n"
        "to fix this, choose another name or drop it: oneroof clone drop"
    )
    assert host.find(NAME) == before


def test_sessions_on_a_template_are_named_and_go_on(host: Host) -> None:
    """A template with a session is not copied: who is on it is told, nobody ended."""
    source = f"{NAME}_source"
    host.admin.execute(f"CREATE DATABASE {source} TEMPLATE template0".encode())
    with connect(host.url(source)) as session:
        pid = session.info.backend_pid
        with pytest.raises(CloneError) as refused:
            lifecycle.make_database(host, NAME, source, marker())
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert str(refused.value) == (
        f"cannot copy '{source}': 1 session(s) on it: pid {pid} (postgres)\n"
        f"close them, or end what is yours: SELECT pg_terminate_backend({pid})"
    )
    assert names(host) == [source]


def test_drops_nothing_that_is_not_ours(host: Host) -> None:
    """Without marker, and without a record of its nonce, a database is not dropped."""
    host.admin.execute(f"CREATE DATABASE {NAME} TEMPLATE template0".encode())
    host.records.write(Record(NAME, "0123456789abcdef", host.system_identifier))
    with pytest.raises(
        GuardRefused, match=r"\[marker\] the database carries no marker"
    ):
        lifecycle.drop(host, NAME)
    assert names(host) == [NAME]
    host.records.remove(host.system_identifier, NAME)


def test_sweep_drops_what_is_half_made_and_abandoned(host: Host) -> None:
    """What was begun and is held stays; what nobody holds any more goes."""
    half = f"{NAME}_01234567_making"
    host.records.write(Record(half, "0123456789abcdef", host.system_identifier))
    host.admin.execute(f"CREATE DATABASE {half} TEMPLATE template0".encode())
    found = host.find(half)
    assert found is not None
    with closing(host.twin()) as maker:
        maker.try_lock(found.oid)
        assert half not in str(lifecycle.sweep(host, str, keep=99))
        assert names(host) == [half]
    told = lifecycle.sweep(host, str, keep=99)
    assert f"a dead run left {half} half-made: dropped" in told
    assert names(host) == []


def test_sweep_tells_what_it_cannot_drop(host: Host) -> None:
    """A blocked rest stays, is told with its blocker, and stops nobody's run."""
    lifecycle.make_database(host, NAME, "template0", marker("replaced"))
    with connect(host.url(NAME)) as stranger:
        pid = stranger.info.backend_pid
        told = "\n".join(lifecycle.sweep(host, str, keep=99))
        assert f"a dead run left {NAME}: still there, cannot drop '{NAME}'" in told
        assert f"session {pid} of postgres: SELECT pg_terminate_backend({pid})" in told
    assert f"a dead run left {NAME}: dropped" in lifecycle.sweep(host, str, keep=99)


def test_ends_the_sessions_that_were_making_it(host: Host) -> None:
    """Sessions that name the clone's nonce are our own, and end with the drop."""
    mark = marker()
    lifecycle.make_database(host, NAME, "template0", mark)
    application = f"pytest-oneroof {mark.nonce}"
    with connect(host.url(NAME), application=application) as restoring:
        lifecycle.drop(host, NAME)
        with pytest.raises(psycopg.OperationalError):
            restoring.execute("SELECT 1")
    assert names(host) == []


@pytest.mark.parametrize("step", ["roles.reown", "_set_tripwire", "_ensure_roles"])
def test_an_adoption_is_whole_or_not_at_all(
    host: Host, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Stopped at any step, an adoption leaves no role, schema, right or marker."""
    host.admin.execute(f"CREATE DATABASE {NAME} TEMPLATE template0".encode())

    def state() -> list[Any]:
        query = "SELECT rolname FROM pg_roles ORDER BY 1"
        roles = host.admin.execute(query).fetchall()
        acl = "SELECT datacl::text FROM pg_database WHERE datname = %s"
        with connect(host.url(NAME)) as connection:
            schemas = connection.execute("SELECT nspname FROM pg_namespace").fetchall()
        return [roles, host.admin.execute(acl, [NAME]).fetchone(), schemas]

    before = state()
    holder, _, attribute = step.rpartition(".")
    owner = getattr(adopt, holder) if holder else adopt
    real: Callable[..., Any] = getattr(owner, attribute)

    def stopped(*arguments: Any, **settings: Any) -> None:
        real(*arguments, **settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, attribute, stopped)
    with pytest.raises(KeyboardInterrupt):
        lifecycle.adopt(host, NAME, source="template0")
    assert state() == before
    monkeypatch.undo()
    made, _ = lifecycle.adopt(host, NAME, source="template0")
    found = host.find(NAME)
    assert found is not None
    assert found.marker == made
    lifecycle.drop(host, NAME)
    assert state_of_roles(host, made) == []


def state_of_roles(host: Host, made: Marker) -> list[Any]:
    """Return which of a clone's two roles are there."""
    return host.admin.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)",
        [[made.owner, made.role]],
    ).fetchall()


def test_a_role_is_let_write_and_not(host: Host) -> None:
    """The check role's transactions are read-only, unless it is asked otherwise."""
    host.admin.execute(f"CREATE DATABASE {NAME} TEMPLATE template0".encode())
    made, password = lifecycle.adopt(host, NAME, source="template0")
    url = lifecycle.role_url(host, NAME, made.role, password)
    query = "SHOW default_transaction_read_only"
    for writable, expected in ((False, "on"), (True, "off"), (False, "on")):
        lifecycle.admit_role(host, NAME, made, writable=writable)
        with connect(url) as connection:
            assert connection.execute(query).fetchone() == (expected,)
    lifecycle.drop(host, NAME)


def test_no_sweep_takes_a_database_while_it_is_dropped(
    own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A throw-away database is a living run's until it is gone."""
    state, swept = own_server.state, []
    twin = Host(own_server.url("postgres"), standin.records_of(own_server))
    pool = ThrowawayPool(twin, state["template"], state["clone"])
    drop = lifecycle.drop

    def swept_meanwhile(host: Host, name: str) -> None:
        if host is twin:
            with closing(host.twin()) as beside:
                swept.extend(lifecycle.sweep(beside, lambda line: None, keep=99))
        drop(host, name)

    monkeypatch.setattr(lifecycle, "drop", swept_meanwhile)
    with closing(pool):
        assert pool.drop(pool.take()) == ()
    assert swept == []
