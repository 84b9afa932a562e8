"""A stranger on an open clone: what it does is told, and not taken for the check's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.check.sandbox import Sandbox
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.look import Look
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect, parse
from pytest_oneroof.postgres.embedded import EmbeddedServer

CLONE_PATTERN = bundled().clone_pattern

ROW = "INSERT INTO law_catalog (law_code) VALUES ('STRANGER')"
MINE = "INSERT INTO modules (code, name) VALUES ('MINE', 'Mine')"


@pytest.fixture
def sandbox(open_clone_url: str, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox without administrator: its clone stays open."""
    lease = Lease(url=open_clone_url, database=str(parse(open_clone_url)["dbname"]))
    rules = Rules(CLONE_PATTERN, parse_productions(("directus",)))
    sandbox = Sandbox(lease, rules, Look(tmp_path / "baseline.json"))
    sandbox.aside(sandbox.look.baseline)
    assert not sandbox.closed_to_others
    yield sandbox
    sandbox.close()


@pytest.fixture
def stranger(open_clone_url: str, embedded: EmbeddedServer) -> Iterator[Any]:
    """A function that opens the administrator's session on the clone."""
    name = str(parse(open_clone_url)["dbname"])
    opened = []

    def arrive() -> Any:
        opened.append(connect(embedded.url(name)))
        return opened[-1]

    yield arrive
    for session in opened:
        session.close()


def law(sandbox: Sandbox) -> tuple[str, str]:
    """Run a check that only reads; return its verdict and what it says."""
    db = sandbox.begin("test_after")
    db.execute("SELECT count(*) FROM law_catalog").fetchone()
    proof = sandbox.finish()
    return proof.verdict, str(proof)


def test_row_of_present_stranger_names_its_session(
    sandbox: Sandbox, stranger: Any
) -> None:
    """A stranger's single row is told, by kind 'foreign …', with pid and role."""
    sandbox.begin("test_mine").execute("SELECT 1")
    other = stranger()
    other.execute(ROW)
    proof = sandbox.finish()
    assert proof.verdict == "dirty"
    (left,) = [r for r in proof.dirty if r.object == "table public.law_catalog"]
    assert left.kind == "foreign content"
    assert left.before.startswith("5 rows (")
    assert left.after.startswith("6 rows (")
    who = f"pid {other.info.backend_pid} of postgres"
    assert left.after.endswith(f"(by {who}, not by this check's session)")
    assert f"session {who}: before absent, after present" in str(proof)
    assert proof.committed == 0 < proof.foreign


def test_row_of_stranger_that_left_is_told(sandbox: Sandbox, stranger: Any) -> None:
    """The row of a stranger that has gone is told too; its session can have no name."""
    db = sandbox.begin("test_mine")
    other = stranger()
    other.execute(ROW)
    other.close()
    db.execute("SELECT 1")
    proof = sandbox.finish()
    assert [r.kind for r in proof.dirty if r.object == "table public.law_catalog"] == [
        "foreign content"
    ]
    assert "(by a session that has ended, not by this check's session)" in str(proof)
    assert not any(r.kind == "session" for r in proof.dirty)


def test_later_checks_do_not_suffer(sandbox: Sandbox, stranger: Any) -> None:
    """After the row is told, checks are compared with the clone as it is then."""
    sandbox.begin("test_mine")
    with stranger() as other:
        other.execute(ROW)
    assert sandbox.finish().verdict == "dirty"
    assert law(sandbox) == ("clean", "test_after: clean")


def test_stranger_that_changes_nothing_makes_nothing_dirty(
    sandbox: Sandbox, stranger: Any
) -> None:
    """Ids of a stranger whose work cancels out are counted as others'."""
    sandbox.begin("test_mine")
    other = stranger()
    other.execute("CREATE TABLE passing ()")
    other.execute("DROP TABLE passing")
    other.close()
    proof = sandbox.finish()
    assert (proof.verdict, proof.dirty, proof.committed) == ("clean", (), 0)
    assert proof.foreign >= 2


def test_strangers_ddl_is_attributed(sandbox: Sandbox, stranger: Any) -> None:
    """A stranger's table is told as schema and content, by kind 'foreign …'."""
    sandbox.begin("test_mine")
    with stranger() as other:
        other.execute("CREATE TABLE left_behind AS SELECT 1 AS one")
    proof = sandbox.finish()
    assert {r.kind for r in proof.dirty} == {"foreign content", "foreign schema"}


def test_own_commit_is_not_taken_for_strangers(sandbox: Sandbox, stranger: Any) -> None:
    """With a stranger present, what the check itself committed stays its own."""
    db = sandbox.begin("test_mine")
    other = stranger()
    for text in (b"ROLLBACK AND CHAIN", ROW.encode(), b"COMMIT"):
        db.pgconn.exec_(text)
    other.close()
    proof = sandbox.finish()
    assert "content" in {r.kind for r in proof.dirty}
