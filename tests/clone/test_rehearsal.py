"""Clones that commit: guarded, apart from the run's clone, dropped whatever happens."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.rehearsal import rehearsal, why_not
from pytest_oneroof.errors import CloneError, GuardRefused
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.embedded import EmbeddedServer

from .conftest import run_on

CLONE_PATTERN = bundled().clone_pattern

RULES = Rules(CLONE_PATTERN, parse_productions(("directus",)), own_server=False)


@pytest.fixture
def lease(own_server: EmbeddedServer) -> Iterator[Lease]:
    """The lease of a run on a server of its own: these tests sweep it."""
    run = run_on(own_server)
    run.start()
    try:
        assert run.lease is not None
        yield run.lease
    finally:
        run.stop()


def databases(lease: Lease) -> list[str]:
    """Return the names of all rehearsal and throw-away databases."""
    assert lease.host is not None
    names = [seen.name for seen in lease.host.acting.all()]
    return [name for name in names if "_rehearsal_" in name or "_throwaway_" in name]


@pytest.mark.parametrize("kind", ["rehearsal", "throwaway"])
def test_commits_beside_the_clone(lease: Lease, kind: str) -> None:
    """What is committed on it is there, and neither on the clone nor after the end."""
    with rehearsal(lease, RULES, kind=kind) as made:
        made.connection.execute("CREATE TABLE kept (a int)")
        with made.connect() as other:
            assert other.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        assert made.clone.database == made.name
        assert made.clone.marker.kind == kind
        assert made.name.startswith(f"{lease.database[:26]}_{kind}_")
        assert databases(lease) == [made.name]
    assert databases(lease) == []


def test_logs_in_as_the_check_role(lease: Lease) -> None:
    """It is the clone's check role that writes, not the administrator."""
    with rehearsal(lease, RULES) as made:
        row = made.connection.execute("SELECT session_user").fetchone()
        assert row == (made.clone.marker.role,)


def test_is_locked_while_in_use(lease: Lease) -> None:
    """No sweep takes it while its run lives."""
    assert lease.host is not None
    with rehearsal(lease, RULES) as made:
        assert lifecycle.sweep(lease.host, lambda line: None) == []
        assert databases(lease) == [made.name]


def test_dropped_after_a_failure(lease: Lease) -> None:
    """It is dropped when the block raises, and the error goes on."""
    with pytest.raises(ZeroDivisionError), rehearsal(lease, RULES):
        raise ZeroDivisionError
    assert databases(lease) == []


def test_kept_on_request(lease: Lease) -> None:
    """Kept, it survives the next sweep, and can be dropped by name."""
    asked: list[str] = []

    def keep(name: str) -> bool:
        asked.append(name)
        return True

    assert lease.host is not None
    with rehearsal(lease, RULES, keep=keep) as made:
        pass
    assert asked == [made.name]
    lifecycle.sweep(lease.host, lambda line: None)
    assert databases(lease) == [made.name]
    lifecycle.drop(lease.host, lease.host.ours(made.name))
    assert databases(lease) == []


def test_guard_judges_it_too(lease: Lease) -> None:
    """One that the guard does not admit is never handed out, and is dropped."""
    strict = dataclasses.replace(RULES, clone_pattern="some_other_name")
    with pytest.raises(GuardRefused) as caught, rehearsal(lease, strict):
        pytest.fail("it was handed out")
    assert [reason.code for reason in caught.value.reasons] == ["name"]
    assert databases(lease) == []


def test_fingerprint_tells_what_differs(lease: Lease) -> None:
    """Two fingerprints are equal over nothing, and name each object that differs."""
    with rehearsal(lease, RULES) as made:
        before = made.fingerprint()
        assert made.fingerprint().differences(before) == []
        made.connection.execute("CREATE VIEW added AS SELECT 1 AS a")
        made.connection.execute("DELETE FROM trigger_guard_alerts WHERE id = 1")
        told = made.fingerprint().differences(before)
    kinds = {line.partition(":")[0] for line in told}
    assert "table public.trigger_guard_alerts" in kinds
    assert any(line.startswith("view public.added: ") for line in told), told


def test_file_runs_whole(lease: Lease, tmp_path: Path) -> None:
    """A committing file's bytes are run as they are; one that fails leaves nothing."""
    good, bad = tmp_path / "good.sql", tmp_path / "bad.sql"
    good.write_text(
        "BEGIN; CREATE TABLE a (b int);"
        " DO $$ BEGIN RAISE NOTICE 'made'; END $$; COMMIT;"
    )
    bad.write_text("BEGIN; CREATE TABLE c (b int); SELECT 1/0; COMMIT;")
    with rehearsal(lease, RULES) as made:
        assert made.run(good).notices == ("NOTICE: made",)
        with pytest.raises(psycopg.errors.DivisionByZero):
            made.run(bad)
        row = made.connection.execute(
            "SELECT to_regclass('a') IS NULL, to_regclass('c') IS NULL"
        ).fetchone()
    assert row == (False, True)


def test_needs_an_administrator(lease: Lease) -> None:
    """Without one the reason names the option."""
    alone = Lease(url=lease.url, database=lease.database)
    told = (
        "needs a database of its own, which only an administrator can make: "
        "--oneroof-admin-url URL (ONEROOF_ADMIN_URL)"
    )
    assert why_not(alone) == told
    with pytest.raises(CloneError) as caught, rehearsal(alone, RULES):
        pytest.fail("it was made")
    assert str(caught.value) == f"no rehearsal clone: {told}"


def test_needs_a_template(lease: Lease) -> None:
    """Without a template the reason says that there is none to copy."""
    bare = dataclasses.replace(lease, template=None)
    assert why_not(bare) == (
        f"needs a template to copy, and {lease.database!r} on your own server has "
        "none: run it on the embedded server, without --oneroof-clone-url"
    )
