"""Making, dropping and sweeping databases: whole or not at all, and only ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pytest_oneroof.clone import adopt, lifecycle, making, standin
from pytest_oneroof.clone.copying import make_database
from pytest_oneroof.clone.host import Host, new_nonce, now
from pytest_oneroof.clone.throwaway import ThrowawayPool
from pytest_oneroof.errors import CloneError, GuardRefused, ServerError
from pytest_oneroof.ownership.belonging import admit_role
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import Empty, OurDatabase, Source, judge_source
from pytest_oneroof.ownership.records import Record
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

NAME = "directus_gov_test_20260802"


@pytest.fixture
def host(own_server: EmbeddedServer) -> Iterator[Host]:
    """The administrator of a server of its own: these tests sweep it."""
    with closing(standin.host_of(own_server, bundled())) as host:
        yield host
        for found in host.acting.all():
            if found.name.startswith(NAME):
                host.admin.execute(f"DROP DATABASE {found.name} WITH (FORCE)".encode())


def marker(kind: str = "clone", nonce: str = "") -> Marker:
    """Return a marker without roles."""
    return Marker(nonce or new_nonce(), "template0", now(), kind, owner="", role="")


def names(host: Host) -> list[str]:
    """Return the databases of these tests."""
    return [f.name for f in host.acting.all() if f.name.startswith(NAME)]


def empty() -> Empty:
    """Return an empty database as what a new one is made from."""
    return Empty(sql.SQL(""))


def source(host: Host, name: str = "template0") -> Source:
    """Return a database as one to copy."""
    seen = host.find(name)
    assert seen is not None
    return judge_source(seen)


def stop(*arguments: Any, **settings: Any) -> None:
    """Fail as a process does that is stopped here."""
    raise KeyboardInterrupt


def test_a_database_has_its_name_and_marker_at_once(host: Host) -> None:
    """Until it is whole a database has another name and takes no connections."""
    mark = marker()
    with making.half_made(host, NAME, mark, empty()) as half:
        assert names(host) == [f"{NAME}_{mark.nonce[:8]}_making"]
        with pytest.raises(ServerError, match="not currently accepting connections"):
            connect(host.url(half.name))
        assert half.marker == replace(mark, kind="making").bound_to(half.seen.identity)
        made = making.appear(host, half, host.new_name(NAME), mark)
    assert names(host) == [NAME]
    assert made.marker == mark.bound_to(made.seen.identity)
    assert made.oid == half.oid
    assert host.lock_holder(made.oid) is None


@pytest.mark.parametrize("step", ["_settle", "_create", "let_only_connect"])
def test_a_step_that_fails_leaves_nothing(
    host: Host, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Stopped before, in or after the copy: no database, no record, no lock."""
    monkeypatch.setattr(making, step, stop)
    with pytest.raises(KeyboardInterrupt):
        make_database(host, NAME, source(host), marker())
    assert names(host) == []
    records = host.records.list_of(host.system_identifier)
    assert not [r for r in records if r.database.endswith("_making")]


def test_nothing_is_made_over_what_exists(host: Host) -> None:
    """A name that is taken is refused, and the database that has it stays."""
    make_database(host, NAME, source(host), marker())
    before = host.find(NAME)
    with pytest.raises(CloneError) as refused:
        make_database(host, NAME, source(host), marker())
    assert str(refused.value) == (
        f"the database '{NAME}' exists already; nothing was created over it\n"
        "to fix this, choose another name or drop it: oneroof clone drop"
    )
    assert host.find(NAME) == before


def test_sessions_on_a_template_are_named_and_go_on(host: Host) -> None:
    """A template with a session is not copied: who is on it is told, nobody ended."""
    used = f"{NAME}_source"
    host.admin.execute(f"CREATE DATABASE {used} TEMPLATE template0".encode())
    with connect(host.url(used)) as session:
        pid = session.info.backend_pid
        with pytest.raises(CloneError) as refused:
            make_database(host, NAME, source(host, used), marker())
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert str(refused.value) == (
        f"cannot copy '{used}': 1 session(s) on it: pid {pid} (postgres)\n"
        f"close them, or end what is yours: SELECT pg_terminate_backend({pid})"
    )
    assert names(host) == [used]


def test_drops_nothing_that_is_not_ours(host: Host) -> None:
    """Without a marker of its own a database is not dropped, whatever a record says."""
    host.admin.execute(f"CREATE DATABASE {NAME} TEMPLATE template0".encode())
    host.records.write(Record(NAME, "0123456789abcdef", host.system_identifier))
    with pytest.raises(
        GuardRefused, match=r"\[marker\] the database carries no marker"
    ):
        host.ours(NAME)
    assert lifecycle.sweep(host, str, keep=99) == []
    assert names(host) == [NAME]
    host.records.remove(host.system_identifier, NAME)


def test_sweep_drops_what_is_half_made_and_abandoned(host: Host) -> None:
    """What was begun and is held stays; what nobody holds any more goes."""
    half = f"{NAME}_01234567_making"
    host.records.write(Record(half, "0123456789abcdef", host.system_identifier))
    create = f"CREATE DATABASE {half} TEMPLATE template0 ALLOW_CONNECTIONS false"
    host.admin.execute(create.encode())
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
    make_database(host, NAME, source(host), marker("replaced"))
    with connect(host.url(NAME)) as stranger:
        pid = stranger.info.backend_pid
        told = "\n".join(lifecycle.sweep(host, str, keep=99))
        assert f"a dead run left {NAME}: still there, cannot drop '{NAME}'" in told
        assert f"session {pid} of postgres: SELECT pg_terminate_backend({pid})" in told
    assert f"a dead run left {NAME}: dropped" in lifecycle.sweep(host, str, keep=99)


def test_ends_the_sessions_that_were_making_it(host: Host) -> None:
    """Sessions that name the clone's nonce are our own, and end with the drop."""
    mark = marker()
    make_database(host, NAME, source(host), mark)
    application = f"pytest-oneroof {mark.nonce}"
    with connect(host.url(NAME), application=application) as restoring:
        lifecycle.drop(host, host.ours(NAME))
        with pytest.raises(psycopg.OperationalError):
            restoring.execute("SELECT 1")
    assert names(host) == []


@pytest.mark.parametrize(
    "step", ["reown", "set_tripwire", "_ensure_roles", "admit_role"]
)
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
    real: Callable[..., Any] = getattr(adopt, step)

    def stopped(*arguments: Any, **settings: Any) -> None:
        real(*arguments, **settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(adopt, step, stopped)
    with pytest.raises(KeyboardInterrupt):
        adopted(host)
    assert state() == before
    monkeypatch.undo()
    made, _ = adopted(host)
    assert host.ours(NAME).marker == made.marker
    lifecycle.drop(host, made)
    assert state_of_roles(host, made.marker) == []


def adopted(host: Host) -> tuple[OurDatabase, str]:
    """Adopt the database of these tests; return it and its password."""
    return adopt.adopt(host, adopt.find_adoptable(host, NAME), source="template0")


def state_of_roles(host: Host, made: Marker) -> list[Any]:
    """Return which of a clone's two roles are there."""
    return host.admin.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)",
        [[made.owner, made.role]],
    ).fetchall()


def test_a_role_is_let_write_and_not(host: Host) -> None:
    """The check role's transactions are read-only, unless it is asked otherwise."""
    host.admin.execute(f"CREATE DATABASE {NAME} TEMPLATE template0".encode())
    made, password = adopted(host)
    url = lifecycle.role_url(host, NAME, made.marker.role, password)
    query = "SHOW default_transaction_read_only"
    for writable, expected in ((False, "on"), (True, "off"), (False, "on")):
        admit_role(host.acting, made, made.marker, writable=writable)
        with connect(url) as connection:
            assert connection.execute(query).fetchone() == (expected,)
    lifecycle.drop(host, made)


def test_no_sweep_takes_a_database_while_it_is_dropped(
    own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A throw-away database is a living run's until it is gone."""
    state, swept = own_server.state, []
    twin = standin.host_of(own_server, bundled())
    url = own_server.url("postgres", state["role"], state["password"])
    pool = ThrowawayPool(twin, state["template"], state["clone"], url)
    drop = lifecycle.drop

    def swept_meanwhile(host: Host, found: OurDatabase) -> None:
        if host is twin:
            with closing(host.twin()) as beside:
                swept.extend(lifecycle.sweep(beside, lambda line: None, keep=99))
        drop(host, found)

    monkeypatch.setattr(lifecycle, "drop", swept_meanwhile)
    with closing(pool):
        assert pool.drop(pool.take()) == ()
    assert swept == []
