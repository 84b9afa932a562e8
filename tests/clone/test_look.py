"""The look: what cannot be read is never taken for equal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_oneroof.check.sandbox import Sandbox
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.look import Found, Look
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

CLONE_PATTERN = bundled().clone_pattern

HIDDEN = "table public.hidden (unreadable: no SELECT right)"


@pytest.fixture
def look(own_server: EmbeddedServer, open_database: str, tmp_path: Path) -> Look:
    """A look at an open clone with a table of the administrator's own."""
    with connect(own_server.url(open_database)) as admin:
        admin.execute("CREATE TABLE hidden AS SELECT 1 AS one")
    return Look(tmp_path / "baseline.json")


@pytest.fixture
def sandbox(
    own_server: EmbeddedServer, open_database: str, look: Look
) -> Iterator[Sandbox]:
    """A sandbox on that clone, which stays open."""
    state = own_server.state
    url = own_server.url(open_database, state["role"], state["password"])
    lease = Lease(url=url, database=open_database)
    made = Sandbox(lease, Rules(CLONE_PATTERN, parse_productions(("directus",))), look)
    with contextlib.closing(made):
        made.aside(look.baseline)
        yield made


def test_unreadable_table_is_named(sandbox: Sandbox, look: Look) -> None:
    """A comparison names what the check role may not read."""
    assert sandbox.aside(look.compare) == Found((), (HIDDEN,))


def test_unreadable_table_is_unprovable(
    sandbox: Sandbox, own_server: EmbeddedServer, open_database: str
) -> None:
    """Where a look is needed, what it cannot read makes the check unprovable."""
    sandbox.begin("test_mine").execute("SELECT 1")
    with connect(own_server.url(open_database)) as stranger:
        stranger.execute("INSERT INTO hidden VALUES (2)")
    proof = sandbox.finish()
    assert (proof.verdict, proof.dirty) == ("unprovable", ())
    assert proof.reason == f"what is held cannot be compared: {HIDDEN}"


def test_unreadable_table_is_left_out_where_nothing_touched_it(
    sandbox: Sandbox, look: Look, own_server: EmbeddedServer, open_database: str
) -> None:
    """What the server counts no change of need not be read, if nobody was there."""

    def compared() -> Found:
        return sandbox.aside(lambda connection: look.compare(connection, alone=True))

    assert compared() == Found()
    for change in ("INSERT INTO hidden VALUES (2)", "TRUNCATE hidden"):
        with connect(own_server.url(open_database)) as stranger:
            stranger.execute(change.encode())
            stranger.execute("SELECT pg_stat_force_next_flush()")
        assert compared() == Found((), (HIDDEN,))
        # Told once: it is no later check's doing.
        assert compared() == Found()


def test_lost_check_tells_nothing_of_what_it_never_touched(
    sandbox: Sandbox, own_server: EmbeddedServer, open_database: str
) -> None:
    """A row left behind is told, a table that cannot be read is not."""
    connection = sandbox.begin("test_mine")
    for command in ("ROLLBACK", "BEGIN READ WRITE", "CREATE TABLE left_behind ()"):
        connection.pgconn.exec_(command.encode())
    connection.pgconn.exec_(b"COMMIT")
    proof = sandbox.finish()
    assert proof.verdict == "dirty"
    assert "left_behind" in str(proof)
    assert "hidden" not in str(proof)
    assert "unreadable" not in str(proof)
    with connect(own_server.url(open_database)) as admin:
        admin.execute("DROP TABLE left_behind")


def test_a_right_taken_away_is_told_by_the_schema(
    sandbox: Sandbox, look: Look, own_server: EmbeddedServer, open_database: str
) -> None:
    """Of a table that cannot be read any more the right has changed, not the rows."""
    owner = "(SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'modules')"
    with connect(own_server.url(open_database)) as admin:
        ((name,),) = admin.execute(f"SELECT {owner}".encode()).fetchall()
        admin.execute(f'GRANT SELECT ON hidden TO "{name}"'.encode())
        sandbox.aside(look.adopt)
        assert sandbox.aside(look.compare) == Found()
        admin.execute(f'REVOKE SELECT ON hidden FROM "{name}"'.encode())
    found = sandbox.aside(look.compare)
    assert {residue.kind for residue in found.changed} == {"schema"}
    assert all("hidden" in residue.object for residue in found.changed)
    assert found.unreadable == (HIDDEN,)


def test_what_the_baseline_could_not_read_cannot_be_compared(
    sandbox: Sandbox, look: Look, own_server: EmbeddedServer, open_database: str
) -> None:
    """A table that can be read now, and could not be before, is no proof either."""
    sandbox.aside(look.adopt)
    with connect(own_server.url(open_database)) as admin:
        admin.execute("GRANT SELECT ON hidden TO PUBLIC")
    found = sandbox.aside(look.compare)
    told = "table public.hidden (unreadable when the baseline was recorded)"
    assert found.unreadable == (told,)


def test_many_are_counted() -> None:
    """Of many unreadable objects the first three are named, the others counted."""
    found = Found((), tuple(f"table public.t{number}" for number in range(5)))
    assert found.reason == (
        "what is held cannot be compared: table public.t0; table public.t1; "
        "table public.t2; 2 more"
    )
    assert Found().reason == ""
