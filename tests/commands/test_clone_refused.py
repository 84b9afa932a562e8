"""Wrong uses of `oneroof clone`: each is refused, says why, and loses nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.clone import space
from pytest_oneroof.clone.adopt import remark
from pytest_oneroof.clone.host import Host
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

Run = Callable[..., Any]
CLONE, NEW = "directus_gov_test_20260602", "directus_gov_test_20260603"
NOT_OURS = "directus_gov_test_20260604"


@pytest.fixture(scope="module", autouse=True)
def others(server: EmbeddedServer) -> Iterator[None]:
    """A database whose name is a clone's, and which is not ours."""
    with connect(server.url("postgres")) as admin:
        admin.execute(f"CREATE DATABASE {NOT_OURS} TEMPLATE template0".encode())
        yield
        admin.execute(f"DROP DATABASE {NOT_OURS}".encode())


@pytest.fixture
def clone(oneroof: Run, host: Host, shop: str) -> Iterator[str]:
    """A clone of the small database, dropped at the end, whatever came of it."""
    oneroof("clone", "create", CLONE, "--from", shop).expect(0)
    yield CLONE
    remark(host, host.ours(CLONE), protected=False)
    oneroof("clone", "drop", CLONE).expect(0)


@pytest.fixture
def unharmed(
    clone: str, left: Callable[[], list[str]], host: Host, server: EmbeddedServer
) -> Iterator[None]:
    """Assert that a test's refusal left every database as it was."""

    def state() -> list[Any]:
        rows = host.admin.execute(
            "SELECT datname, oid, datacl::text, datallowconn, datistemplate,"
            "       shobj_description(oid, 'pg_database')"
            "  FROM pg_database ORDER BY datname"
        ).fetchall()
        with connect(server.url(clone)) as connection:
            count = connection.execute("SELECT count(*) FROM bought").fetchone()
        return [*rows, count]

    before = state()
    yield
    assert state() == before
    assert left() == []


@pytest.fixture
def snapshot(oneroof: Run, clone: str, tmp_path: Path) -> Path:
    """A sealed snapshot of the clone."""
    file = tmp_path / "a.dump"
    oneroof("clone", "snapshot", clone, file).expect(0)
    return file


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        pytest.param(
            ["create", CLONE, "--from", "shop"],
            2,
            f"the database '{CLONE}' exists already; nothing was created over it",
            id="create over what exists",
        ),
        pytest.param(
            ["create", "directus-gov-test-20260602", "--from", "shop"],
            2,
            "must match directus_gov_test_[0-9]{8}(_[a-z0-9_]+)? (pack oneroof), "
            "given: 'directus-gov-test-20260602'",
            id="a name that only looks right",
        ),
        pytest.param(
            ["create", NEW, "--from", "nowhere"],
            2,
            "there is no database 'nowhere' to copy",
            id="a source that is not there",
        ),
        pytest.param(
            ["create", NEW, "--from", "shop", "--expires", "soon"],
            2,
            "an expiry is 30m, 12h, 7d, 2w, a date, a time or 'never', given: 'soon'",
            id="an expiry that is none",
        ),
        pytest.param(
            ["create", NEW, "--from", "shop", "--sanitise", "/nowhere.sql"],
            2,
            "'/nowhere.sql' does not exist",
            id="a sanitising file that is not there",
        ),
        pytest.param(
            ["create", NEW, "--by", "dump"],
            2,
            "--from DATABASE says what to copy",
            id="no source",
        ),
        pytest.param(
            ["drop", "directus"],
            10,
            "[marker] the database carries no marker of ours",
            id="drop production",
        ),
        pytest.param(
            ["drop", NOT_OURS],
            10,
            "[marker] the database carries no marker of ours",
            id="drop what is not ours",
        ),
        pytest.param(
            ["drop", NEW],
            2,
            f"there is no database '{NEW}'",
            id="drop what is not there",
        ),
        pytest.param(
            ["adopt", "directus"],
            10,
            "[production] 'directus' is the declared production 'directus'",
            id="adopt production",
        ),
        pytest.param(
            ["adopt", NOT_OURS, "--production", NOT_OURS],
            10,
            f"[production] '{NOT_OURS}' is the declared production '{NOT_OURS}'",
            id="adopt a declared production of a clone's name",
        ),
        pytest.param(
            ["create", NEW, "--from", "shop", "--production", NEW],
            10,
            f"[production] '{NEW}' is the declared production '{NEW}'",
            id="create a production",
        ),
        pytest.param(
            ["reset", NOT_OURS, "--in-place"],
            10,
            "[marker] the database carries no marker of ours",
            id="reset what is not ours",
        ),
        pytest.param(
            ["reset", CLONE],
            2,
            f"'{CLONE}' has no template to reset to",
            id="reset without a template",
        ),
        pytest.param(
            ["expire", CLONE, "2020-01-01"],
            2,
            "the expiry '2020-01-01' is past already",
            id="expire in the past",
        ),
        pytest.param(
            ["baseline", NOT_OURS],
            10,
            "[marker] the database carries no marker of ours",
            id="stages on what is not ours",
        ),
        pytest.param(
            ["baseline", CLONE, "--template"],
            2,
            "does not fit this database: no table public.",
            id="stages on another schema",
        ),
    ],
)
@pytest.mark.usefixtures("unharmed")
def test_refuses(oneroof: Run, arguments: list[str], status: int, told: str) -> None:
    """A wrong use ends with its status and reason, and nothing was done."""
    oneroof("clone", *arguments).expect(status, told)


@pytest.mark.usefixtures("unharmed")
def test_refuses_the_stages_on_a_seeded_clone(
    oneroof: Run, server: EmbeddedServer, host: Host
) -> None:
    """A clone at its baseline is left as it is, its template too; the way is told."""
    oneroof("clone", "create", NEW, "--from", "directus").expect(0)
    oneroof("clone", "baseline", NEW, "--template").expect(0)
    before = [(f.name, f.oid) for f in host.all_ours()]
    oneroof("clone", "baseline", NEW).expect(
        2,
        f"'{NEW}' is not brought to its baseline, its phase is seeded + scanned: the "
        "stages begin at greenfield\nnothing was changed",
        f"oneroof clone reset {NEW} --in-place",
    )
    assert [(f.name, f.oid) for f in host.all_ours()] == before
    oneroof("clone", "drop", NEW).expect(0)


def test_refuses_to_drop_the_template(oneroof: Run, server: EmbeddedServer) -> None:
    """What clones are copied from is neither dropped nor reset nor snapshotted."""
    name = server.state["template"]
    for arguments in (["drop", name], ["reset", name], ["snapshot", name, "x"]):
        oneroof("clone", *arguments).expect(10, "[template] it is a template of ours")


@pytest.mark.usefixtures("unharmed")
def test_refuses_a_snapshot_into_a_file_that_exists(
    oneroof: Run, snapshot: Path, tmp_path: Path
) -> None:
    """Neither a file nor a seal is written over, nor a folder made."""
    content = snapshot.read_bytes()
    told = f"{snapshot} exists already: nothing was written over it"
    oneroof("clone", "snapshot", CLONE, snapshot).expect(2, told)
    assert snapshot.read_bytes() == content
    lone = tmp_path / "b.dump.sha256"
    lone.write_text("mine")
    oneroof("clone", "snapshot", CLONE, tmp_path / "b.dump").expect(2, f"{lone} exists")
    absent = tmp_path / "no" / "c.dump"
    oneroof("clone", "snapshot", CLONE, absent).expect(
        2, f"cannot write {absent}: No such file or directory"
    )
    names = ["a.dump", "a.dump.sha256", "b.dump.sha256"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def _change_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _seal_another(file: Path) -> None:
    seal = file.with_name("a.dump.sha256")
    seal.write_text(seal.read_text().replace("a.dump", "b.dump"))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (_change_byte, "SHA256_MISMATCH a.dump: expected "),
        (_cut, "LENGTH_MISMATCH a.dump: expected "),
        (_seal_another, "NOT_SEALED a.dump: it seals b.dump"),
    ],
)
@pytest.mark.usefixtures("unharmed")
def test_refuses_a_snapshot_whose_seal_is_broken(
    oneroof: Run, snapshot: Path, harm: Callable[[Path], None], told: str
) -> None:
    """A snapshot that is not what was sealed is not restored: exit status 3."""
    harm(snapshot)
    for options in ([NEW], [CLONE, "--replace"]):
        done = oneroof("clone", "restore", snapshot, *options)
        done.expect(3, "seal a.dump.sha256 is broken", told, "nothing was restored")


@pytest.mark.usefixtures("unharmed")
def test_refuses_a_restore_that_would_lose_something(
    oneroof: Run, snapshot: Path, tmp_path: Path
) -> None:
    """A restore neither goes over what exists nor over what is not ours."""
    oneroof("clone", "restore", snapshot, CLONE).expect(2, "exists already")
    done = oneroof("clone", "restore", snapshot, NOT_OURS, "--replace")
    done.expect(10, "[marker] the database carries no marker of ours")
    oneroof("clone", "restore", snapshot, NEW, "--replace").expect(
        2, f"there is no database '{NEW}'"
    )
    oneroof("clone", "restore", tmp_path / "none", NEW).expect(
        2, "there is no snapshot"
    )
    unsealed = tmp_path / "c.dump"
    unsealed.write_bytes(snapshot.read_bytes())
    oneroof("clone", "restore", unsealed, NEW).expect(
        2, f"there is no seal of the snapshot {unsealed}.sha256"
    )


@pytest.mark.usefixtures("unharmed")
def test_refuses_a_sealed_file_that_is_no_dump(oneroof: Run, tmp_path: Path) -> None:
    """A file may be sealed and yet be no snapshot."""
    file = tmp_path / "text"
    file.write_text("SELECT 1;\n" * 100)
    digest = "5f7a4b3ec7d1c8a5"
    file.with_name("text.sha256").write_text(f"# bytes=1000\n{digest * 4}  text\n")
    oneroof("clone", "restore", file, NEW).expect(3, "SHA256_MISMATCH text: expected ")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    file.with_name("text.sha256").write_text(f"# bytes=1000\n{digest}  text\n")
    oneroof("clone", "restore", file, NEW).expect(
        2, "text is no snapshot: pg_restore: "
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("DELETE FROM nothing", 'bad.sql failed on the copy: relation "nothing" does'),
        ("BEGIN; DELETE FROM bought", "bad.sql leaves its transaction open"),
    ],
)
@pytest.mark.parametrize("by", ["template", "dump"])
@pytest.mark.usefixtures("unharmed")
def test_a_copy_that_cannot_be_sanitised_goes(
    oneroof: Run, shop: str, tmp_path: Path, text: str, told: str, by: str
) -> None:
    """A sanitising file that fails leaves neither copy nor role nor URL."""
    file = tmp_path / "bad.sql"
    file.write_text(text)
    arguments = ("clone", "create", NEW, "--from", shop, "--by", by, "--sanitise", file)
    oneroof(*arguments).expect(1, told, "the copy was dropped")


@pytest.mark.usefixtures("unharmed")
def test_refuses_a_template_that_somebody_is_on(
    oneroof: Run, server: EmbeddedServer, shop: str
) -> None:
    """Where a template is asked for, a session on the source is named, never ended."""
    with connect(server.url(shop)) as stranger:
        arguments = ("clone", "create", NEW, "--from", shop, "--by", "template")
        oneroof(*arguments).expect(
            1, "'shop' cannot be a template: 1 client backend on it; none is ended"
        )
        assert stranger.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.usefixtures("unharmed")
def test_refuses_without_room(
    oneroof: Run, shop: str, snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that does not fit is refused before anything is created."""
    monkeypatch.setattr(space, "_free", lambda folder: 5 * 2**20)
    for arguments in (
        ("create", NEW, "--from", shop),
        ("create", NEW, "--from", shop, "--by", "dump"),
        ("restore", snapshot, NEW),
    ):
        done = oneroof("clone", *arguments)
        done.expect(1, "no room for ", "5 MB are free", "nothing was created")


@pytest.mark.usefixtures("unharmed")
def test_refuses_what_a_run_has(oneroof: Run, host: Host, snapshot: Path) -> None:
    """A clone that a run holds is neither dropped nor reset, replaced or copied."""
    found = host.find(CLONE)
    assert found is not None
    assert host.try_lock(found.oid)
    for arguments in (
        ("drop", CLONE),
        ("reset", CLONE, "--in-place"),
        ("baseline", CLONE),
        ("adopt", CLONE),
        ("restore", snapshot, CLONE, "--replace"),
        ("snapshot", CLONE, snapshot.with_name("d.dump")),
    ):
        oneroof("clone", *arguments).expect(1, f"'{CLONE}' is in use by a run")
    host.unlock(found.oid)


@pytest.mark.usefixtures("unharmed")
def test_names_blockers_and_what_lifts_them(
    oneroof: Run, server: EmbeddedServer, snapshot: Path
) -> None:
    """A session and a prepared transaction are named, each with its statement."""
    with ExitStack() as stack:
        stranger = stack.enter_context(connect(server.url(CLONE)))
        stranger.execute("BEGIN; CREATE TABLE later (); PREPARE TRANSACTION 'it''s'")
        pid = stranger.info.backend_pid
        told = (
            f"session {pid} of postgres: SELECT pg_terminate_backend({pid})",
            f"on {CLONE}: ROLLBACK PREPARED 'it''s'",
        )
        oneroof("clone", "drop", CLONE).expect(1, f"cannot drop '{CLONE}':", *told)
        oneroof("clone", "restore", snapshot, CLONE, "--replace").expect(1, *told)
        oneroof("clone", "reset", CLONE, "--in-place").expect(1, *told)
        oneroof("clone", "adopt", CLONE).expect(10, f"pid {pid} of postgres")
        assert stranger.execute("SELECT 1").fetchone() == (1,)
        stranger.execute("ROLLBACK PREPARED 'it''s'")
