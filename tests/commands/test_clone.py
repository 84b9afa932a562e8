"""`oneroof clone` on the embedded server: the life of a clone, from create to gc."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof.clone.adopt import remark
from pytest_oneroof.clone.host import Host
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import OurDatabase
from pytest_oneroof.postgres.connect import connect, parse
from pytest_oneroof.postgres.embedded import EmbeddedServer

Run = Callable[..., Any]
CLONE, OTHER = "directus_gov_test_20260602", "directus_gov_test_20260603"


@pytest.fixture(autouse=True)
def tidy(host: Host, oneroof: Run) -> Iterator[None]:
    """Drop what a test made, whatever came of it."""
    yield
    for name in (CLONE, OTHER):
        if host.find(name) is not None:
            oneroof("clone", "unprotect", name)
            oneroof("clone", "drop", name).expect(0)


def found(host: Host, name: str) -> tuple[OurDatabase, Marker]:
    """Return a database of ours, and its marker."""
    ours = host.ours(name)
    return ours, ours.marker


def value(url: str, query: str) -> Any:
    """Return what a query with one value gives."""
    with connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def own(url: str) -> int:
    """Return the number of ownership rows of a database."""
    return int(value(url, "SELECT count(*) FROM governance_object_ownership"))


def test_creates_a_copy_of_the_baseline(oneroof: Run, server: EmbeddedServer) -> None:
    """Without a source it is a copy of the baseline, and says that it is a stand-in."""
    made = oneroof("clone", "create", CLONE, "--expires", "7d", "--json")
    assert made.data["target"] == "stand-in"
    assert made.data["kind"] == "clone"
    assert made.data["expires_in"] == "in 7 days"
    assert "this is the embedded server, with a stand-in production" in made.err
    assert own(server.url(CLONE)) == 30


def test_creates_by_template_from_a_quiet_source(
    oneroof: Run, server: EmbeddedServer
) -> None:
    """A source that nobody is on is copied as a template, under roles of its own."""
    data = oneroof("clone", "create", CLONE, "--from", "directus", "--json").data
    assert data["way"] == "template"
    assert data["notes"][0] == "copied by template: nobody is on it"
    assert data["notes"][1].startswith("disk: needs ")
    assert data["role"] != server.state["role"]
    assert own(server.url(CLONE)) == 0


def test_keeps_the_password_in_a_private_file(oneroof: Run, shop: str) -> None:
    """The clone's URL logs in as its check role; nothing printed holds its password."""
    made = oneroof("clone", "create", CLONE, "--from", shop).expect(0)
    data = oneroof("clone", "status", CLONE, "--json").data["clones"][0]
    file = Path(data["url_file"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    password = str(parse(file.read_text())["password"])
    assert password not in made.out + made.err
    with psycopg.connect(file.read_text()) as connection:
        assert connection.info.user == data["role"]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM bought")


def test_creates_by_dump_from_a_live_source(
    oneroof: Run, server: EmbeddedServer
) -> None:
    """A source with a session is dumped; it goes on, and all is the same."""
    with connect(server.url("directus"), autocommit=False) as stranger:
        stranger.execute("SELECT 1")
        data = oneroof("clone", "create", CLONE, "--from", "directus", "--json").data
        assert stranger.execute("SELECT 2").fetchone() == (2,)
    assert data["way"] == "dump"
    assert data["notes"][0] == "copied by dump: 1 client backend on it"
    assert data["notes"][2].startswith("client tools 16.")
    assert data["notes"][3] == "schema, grants left out, as the origin's: 904 objects"
    assert data["bytes"] > 50 * 2**20
    urls = (server.url("directus"), server.url(CLONE))
    oneroof("fingerprint", "--content", "--no-grants", *urls).expect(0)


def test_a_dump_gives_every_object_to_the_clones_owner(
    oneroof: Run, server: EmbeddedServer, shop: str
) -> None:
    """What admin restored belongs to the clone's owner role, object by object."""
    arguments = ("clone", "create", CLONE, "--from", shop, "--by", "dump")
    data = oneroof(*arguments, "--json").data
    query = (
        "SELECT array_agg(DISTINCT relowner::regrole::text) FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace"
    )
    assert value(server.url(CLONE), query) == [data["owner"]]


def test_carries_the_settings_of_its_source(
    oneroof: Run, server: EmbeddedServer, shop: str
) -> None:
    """Settings of the source database hold on the clone, whichever way it was made."""
    setting = "'gov test', public"
    with connect(server.url("postgres")) as admin:
        for text in (f"search_path TO {setting}", "work_mem TO '5MB'"):
            admin.execute(f"ALTER DATABASE shop SET {text}".encode())
        try:
            oneroof("clone", "create", CLONE, "--from", shop).expect(0)
            oneroof("clone", "create", OTHER, "--from", shop, "--by", "dump").expect(0)
        finally:
            admin.execute("ALTER DATABASE shop RESET ALL")
    for name in (CLONE, OTHER):
        assert value(server.url(name), "SHOW search_path") == '"gov test", public'
        assert value(server.url(name), "SHOW work_mem") == "5MB"


def test_sanitises_before_the_marker_is_set(
    oneroof: Run, server: EmbeddedServer, shop: str, tmp_path: Path
) -> None:
    """SQL files run in their order, on a copy that is no clone yet."""
    first, second = tmp_path / "first.sql", tmp_path / "second.sql"
    first.write_text(
        "DO $$ BEGIN IF (SELECT shobj_description(oid, 'pg_database')"
        " FROM pg_database WHERE datname = current_database())"
        ' NOT LIKE \'%"kind": "making"%\''
        " THEN RAISE EXCEPTION 'marked'; END IF; END $$;"
        " CREATE TABLE trace (n int); INSERT INTO trace VALUES (1)"
    )
    second.write_text("BEGIN; UPDATE trace SET n = n + 1; COMMIT;")
    options = ("--sanitise", first, "--sanitise", second)
    data = oneroof("clone", "create", CLONE, "--from", shop, *options, "--json").data
    assert [note.split(",")[0] for note in data["notes"][-2:]] == [
        "sanitised by first.sql",
        "sanitised by second.sql",
    ]
    assert value(server.url(CLONE), "SELECT n FROM trace") == 2


def test_snapshot_comes_back_the_same(
    oneroof: Run, server: EmbeddedServer, tmp_path: Path
) -> None:
    """A clone restored from a snapshot equals the one it was taken of, row by row."""
    file = tmp_path / "a.dump"
    oneroof("clone", "create", CLONE).expect(0)
    taken = oneroof("clone", "snapshot", CLONE, file, "--json").data
    subprocess.run(["sha256sum", "-c", "a.dump.sha256"], cwd=tmp_path, check=True)
    restored = oneroof(
        "clone", "restore", file, OTHER, "--expires", "1h", "--json"
    ).data
    assert restored["sha256"] == taken["sha256"]
    assert restored["source"] == "directus (snapshot a.dump)"
    assert restored["expires_in"] == "in 1 hour"
    urls = (server.url(CLONE), server.url(OTHER))
    oneroof("fingerprint", "--content", "--no-grants", *urls).expect(0)


def test_restore_takes_the_place_and_the_roles_of_a_clone(
    oneroof: Run, server: EmbeddedServer, shop: str, host: Host, tmp_path: Path
) -> None:
    """With --replace the check role's URL is good for the restored clone as before."""
    file = tmp_path / "a.dump"
    oneroof("clone", "create", CLONE, "--from", shop, "--expires", "2w").expect(0)
    before, marker = found(host, CLONE)
    oneroof("clone", "snapshot", CLONE, file).expect(0)
    with connect(server.url(CLONE)) as admin:
        admin.execute("DROP TABLE bought CASCADE")
    data = oneroof("clone", "restore", file, CLONE, "--replace", "--json").data
    after, new = found(host, CLONE)
    assert (new.role, new.owner, new.expires) == (
        marker.role,
        marker.owner,
        marker.expires,
    )
    assert after.oid != before.oid
    assert new.nonce != marker.nonce
    url = Path(data["url_file"]).read_text()
    assert value(url, "SELECT count(*) FROM bought") == 30


def test_resets_by_a_fresh_copy(
    oneroof: Run, server: EmbeddedServer, host: Host
) -> None:
    """A reset clone is as the baseline again, under its name and roles."""
    oneroof("clone", "create", CLONE).expect(0)
    _, marker = found(host, CLONE)
    with connect(server.url(CLONE)) as admin:
        admin.execute("DELETE FROM governance_object_ownership")
    told = oneroof("clone", "reset", CLONE).expect(0, "a fresh copy of ")
    assert "_baseline" in told.out
    assert own(server.url(CLONE)) == 30
    assert found(host, CLONE)[1].role == marker.role


def test_resets_in_place(oneroof: Run, server: EmbeddedServer, host: Host) -> None:
    """In place the stages' rows go in the order of their keys, and come again."""
    oneroof("clone", "create", CLONE).expect(0)
    oid = found(host, CLONE)[0].oid
    oneroof("clone", "reset", CLONE, "--in-place").expect(
        0, "phase seeded + scanned → greenfield → seeded + scanned"
    )
    assert found(host, CLONE)[0].oid == oid
    assert own(server.url(CLONE)) == 30


def test_a_clone_of_its_own_source_resets_to_its_own_template(
    oneroof: Run, server: EmbeddedServer, host: Host
) -> None:
    """A template kept by baseline is what reset copies; it stays the clone's own."""
    oneroof("clone", "create", CLONE, "--from", "directus").expect(0)
    oneroof("clone", "reset", CLONE).expect(2, "has no template to reset to")
    kept = oneroof("clone", "baseline", CLONE, "--template", "--json").data["template"]
    with connect(server.url(CLONE)) as admin:
        admin.execute("DELETE FROM governance_object_ownership")
    for _ in range(2):
        oneroof("clone", "reset", CLONE).expect(0, "a fresh copy of ")
        assert own(server.url(CLONE)) == 30
    assert host.find(kept) is None
    assert [f.name for f in host.all_ours() if f.name.endswith("_source")]
    oneroof("clone", "drop", CLONE).expect(0)
    assert not [f.name for f in host.all_ours() if f.name.endswith("_source")]


def test_adopts_a_database_of_the_users(
    oneroof: Run, host: Host, server: EmbeddedServer, shop: str
) -> None:
    """An existing database becomes a clone whole: roles, tripwire, marker, URL."""
    host.admin.execute(f"CREATE DATABASE {CLONE} TEMPLATE shop".encode())
    arguments = ("clone", "adopt", CLONE, "--source", shop, "--protect")
    data = oneroof(*arguments, "--json").data
    assert data["protected"] is True
    url = Path(data["url_file"]).read_text()
    assert value(url, "SELECT current_user") == data["role"]
    query = "SELECT obj_description('oneroof.tripwire'::regclass)"
    assert value(server.url(CLONE), query).startswith(
        "pytest-oneroof: one row per check"
    )


def test_a_protected_clone_is_kept_until_it_is_not(oneroof: Run, host: Host) -> None:
    """Neither drop nor reset nor restore nor gc touches a protected clone."""
    oneroof("clone", "create", CLONE, "--protect", "--expires", "1h").expect(0)
    remark(host, host.ours(CLONE), expires="2020-01-01T00:00:00Z")
    for arguments in (
        ("drop", CLONE),
        ("reset", CLONE),
        ("reset", CLONE, "--in-place"),
    ):
        oneroof("clone", *arguments).expect(
            10, "[protected] the clone is protected", f"oneroof clone unprotect {CLONE}"
        )
    oneroof("clone", "gc").expect(0, f"kept database {CLONE}: protected")
    oneroof("clone", "unprotect", CLONE).expect(0, "not protected")
    oneroof("clone", "drop", CLONE).expect(0, f"dropped {CLONE}")


def test_gc_drops_what_is_expired_and_nobody_uses(
    oneroof: Run, host: Host, shop: str
) -> None:
    """An expired clone goes with its roles and files; one in use stays; dry is dry."""
    for name in (CLONE, OTHER):
        oneroof("clone", "create", name, "--from", shop, "--expires", "1h").expect(0)
        remark(host, host.ours(name), expires="2020-01-01T00:00:00Z")
    used, marker = found(host, OTHER)
    assert host.try_lock(used.oid)
    role, file = found(host, CLONE)[1].role, _url_file(oneroof, CLONE)
    dry = oneroof("clone", "gc", "--dry-run")
    dry.expect(0, f"would drop database {CLONE}: expired 2020-01-01T00:00:00Z")
    assert host.find(CLONE) is not None
    done = oneroof("clone", "gc")
    done.expect(0, f"dropped database {CLONE}: expired", " MB freed")
    done.expect(0, f"kept database {OTHER}: in use by backend pid ")
    assert host.find(CLONE) is None
    assert not file.exists()
    query = "SELECT FROM pg_roles WHERE rolname = %s"
    assert host.admin.execute(query, [role]).fetchone() is None
    assert host.admin.execute(query, [marker.role]).fetchone() == ()
    host.unlock(used.oid)


def test_gc_drops_roles_whose_clone_is_gone(
    oneroof: Run, host: Host, shop: str
) -> None:
    """Roles that carry our comment go when no clone has them; others stay."""
    oneroof("clone", "create", CLONE, "--from", shop).expect(0)
    role = found(host, CLONE)[1].role
    host.admin.execute("CREATE ROLE oneroof_check_0123456789abcdef")
    host.admin.execute(f"DROP DATABASE {CLONE}".encode())
    try:
        told = oneroof("clone", "gc").expect(
            0, f"dropped role {role}: its clone is gone"
        )
        assert "0123456789abcdef" not in told.out
    finally:
        host.admin.execute("DROP ROLE oneroof_check_0123456789abcdef")


def test_expire_and_list(oneroof: Run) -> None:
    """An expiry is changed and removed; a pipe gets one line of tabs for each clone."""
    oneroof("clone", "create", CLONE).expect(0)
    oneroof("clone", "expire", CLONE, "2099-01-01").expect(0, "2099-01-01T00:00:00Z")
    lines = oneroof("clone", "list").out.splitlines()
    line = next(line for line in lines if line.startswith(f"{CLONE}\t"))
    cells = line.split("\t")
    assert cells[1:3] == ["clone", "directus"]
    assert cells[5:] == ["free", "no", "2099-01-01T00:00:00Z"]
    oneroof("clone", "expire", CLONE, "never").expect(0, "expires never")
    listed = json.loads(oneroof("clone", "list", "--json").out)
    assert listed["target"] == "stand-in"
    assert CLONE in {clone["name"] for clone in listed["clones"]}


def _url_file(oneroof: Run, name: str) -> Path:
    return Path(
        oneroof("clone", "status", name, "--json").data["clones"][0]["url_file"]
    )
