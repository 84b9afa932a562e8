"""The sandbox: what its connection refuses, and how each check ends."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row, tuple_row
from psycopg.types.string import TextLoader

from pytest_oneroof.check.connection_async import GuardedAsyncConnection
from pytest_oneroof.check.custom_settings import read_watched
from pytest_oneroof.check.sandbox import ANOTHER, Sandbox
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.look import Look
from pytest_oneroof.errors import (
    CloneError,
    GuardRefused,
    ResidueError,
    StatementRefused,
)
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

CLONE_PATTERN = bundled().clone_pattern

INSERT = "INSERT INTO law_catalog (law_code) VALUES ('LEFT-BEHIND')"
LEFT = " FROM law_catalog WHERE law_code = 'LEFT-BEHIND'"
COUNT = "SELECT count(*)" + LEFT
LAW = "sequence public.law_catalog_id_seq: before 5, after"


def count(db: Any) -> int:
    """Return how many rows are left behind so far."""
    return int(db.execute(COUNT).fetchone()[0])


@pytest.mark.parametrize("name", ["commit", "rollback", "close"])
def test_says_what_to_use_instead(sandbox: Sandbox, name: str) -> None:
    """Ending the transaction is refused with the three things to use instead."""
    db = sandbox.begin("test_it")
    with pytest.raises(StatementRefused) as refusal:
        getattr(db, name)()
    assert str(refusal.value) == (
        f"{name}() is refused inside a guarded check\n"
        "  instead: the check's work is rolled back at its end; for a part that is "
        "undone earlier use `with connection.transaction():`; for code that commits, "
        '@pytest.mark.oneroof(isolation="savepoint") or isolation="database"'
    )
    assert not db.closed
    assert sandbox.finish().verdict == "clean"


def test_names_check_after_its_end(sandbox: Sandbox) -> None:
    """A connection kept past its check looks closed and names that check."""
    db = sandbox.begin("tests/test_it.py::test_kept")
    cursor = db.cursor()
    sandbox.finish()
    sandbox.begin("tests/test_it.py::test_next")
    assert db.closed
    told = (
        "this connection belonged to tests/test_it.py::test_kept, which has ended\n"
        "  instead: ask for the fixture oneroof_clone in the test that uses it; for "
        'threads that go on, isolation="database"'
    )
    for use in (db.execute, cursor.execute):
        with pytest.raises(StatementRefused) as refusal:
            use("SELECT 1")
        assert str(refusal.value) == told
    assert sandbox.finish().verdict == "clean"


def test_names_check_whose_transaction_is_gone(sandbox: Sandbox) -> None:
    """After a stray ROLLBACK nothing more may be sent, and the check is named."""
    db = sandbox.begin("test_it")
    db.pgconn.exec_(b"ROLLBACK")
    told = "the guarded transaction of test_it is gone: nothing more may be sent"
    with pytest.raises(StatementRefused, match=re.escape(told)):
        db.execute("SELECT 1")
    with pytest.raises(StatementRefused, match=re.escape(told)), db.transaction():
        pass
    proof = sandbox.finish()
    assert (proof.verdict, proof.constraints) == (
        "clean",
        "not checked: the transaction had ended",
    )


def test_has_one_connection_at_a_time(sandbox: Sandbox) -> None:
    """A second guarded connection within a check is refused; the first works on."""
    db = sandbox.begin("test_it")
    with pytest.raises(CloneError) as refusal:
        sandbox.begin("test_it", kind=GuardedAsyncConnection)
    assert str(refusal.value) == (
        "test_it has a guarded connection already\n"
        "a check has one: ask for oneroof_clone or for oneroof_clone_async"
    )
    assert db.execute("SELECT 1").fetchone() == (1,)
    assert sandbox.finish().verdict == "clean"


def test_transaction_gives_savepoint(sandbox: Sandbox) -> None:
    """transaction() undoes its part, nested ones too, and force_rollback works."""
    db = sandbox.begin("test_it")
    with contextlib.suppress(KeyError), db.transaction():
        db.execute(INSERT)
        with db.transaction("mine"):
            db.execute(INSERT)
        assert count(db) == 2
        raise KeyError
    with db.transaction(force_rollback=True):
        db.execute(INSERT)
    assert count(db) == 0
    assert [str(r) for r in sandbox.finish().restored] == [f"{LAW} 8"]


def test_savepoints_of_check_are_its_own(sandbox: Sandbox) -> None:
    """A check may go back to savepoints it opened, and to no others."""
    db = sandbox.begin("test_it")
    db.execute("SAVEPOINT mine")
    db.execute(INSERT)
    db.execute("ROLLBACK TO mine; RELEASE mine")
    assert count(db) == 0
    for text in ("ROLLBACK TO mine", "RELEASE oneroof_check", "SAVEPOINT oneroof_x"):
        with pytest.raises(StatementRefused):
            db.execute(text)
    assert sandbox.finish().verdict == "clean"


def test_deferred_constraint_is_told_with_its_message(sandbox: Sandbox) -> None:
    """What a commit would have said of a deferred constraint stands in the proof."""
    db = sandbox.begin("test_it")
    db.execute("CREATE TABLE a (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
    db.execute("INSERT INTO a VALUES (1), (1)")
    proof = sandbox.finish()
    assert proof.constraints.startswith(
        'violated: duplicate key value violates unique constraint "a_pkey"'
    )
    db = sandbox.begin("test_it", constraints=False)
    db.execute("CREATE TABLE a (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
    db.execute("INSERT INTO a VALUES (1), (1)")
    assert sandbox.finish().constraints == "not checked: the check's marker opts out"


def test_checks_constraints_whatever_timeout_the_check_has_set(
    sandbox: Sandbox,
) -> None:
    """A statement_timeout of the check's does not end the check of constraints."""
    db = sandbox.begin("test_it")
    db.execute(
        "CREATE TABLE a (id int);"
        " CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END $$;"
        " CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();"
        " INSERT INTO a VALUES (1)"
    )
    db.execute("SET statement_timeout = 20")
    assert sandbox.finish().constraints == "checked"


def test_proof_outlives_the_checks_hindrances(sandbox: Sandbox) -> None:
    """What a check sets to outlive its transaction hinders neither proof nor next."""
    for hindrance in (
        b"SET statement_timeout = 1",
        b"SET lock_timeout = 1",
        b"SET search_path = absent",
        b"SET client_encoding = 'SQL_ASCII'",
        b"SET row_security = off",
    ):
        for _ in range(5):
            db = sandbox.begin("test_it")
            db.execute(INSERT)
            db.pgconn.exec_(b"ROLLBACK")
            db.pgconn.exec_(hindrance)
            assert sandbox.finish().verdict == "clean"
        db = sandbox.begin("test_next")
        assert db.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert db.execute(INSERT + " RETURNING id").fetchone() == (6,)
        assert sandbox.finish().verdict == "clean"


# ------------------------------------------------------------- isolation 'savepoint'
def test_savepoint_isolation_commits_on_a_savepoint(sandbox: Sandbox) -> None:
    """commit() keeps and rollback() undoes, as far as the check can see."""
    db = sandbox.begin("test_it", savepoints=True)
    db.execute(INSERT)
    db.commit()
    db.execute(INSERT)
    db.rollback()
    assert count(db) == 1
    with pytest.raises(psycopg.errors.UndefinedTable):
        db.execute("SELECT * FROM absent")
    db.rollback()
    assert count(db) == 1
    proof = sandbox.finish()
    assert (proof.verdict, proof.committed) == ("clean", 0)


def test_commit_of_failed_transaction_rolls_back(sandbox: Sandbox) -> None:
    """As PostgreSQL does, a commit() after an error undoes, and goes on."""
    db = sandbox.begin("test_it", savepoints=True)
    db.execute(INSERT)
    with pytest.raises(psycopg.errors.UndefinedTable):
        db.execute("SELECT * FROM absent")
    db.commit()
    assert count(db) == 0
    assert sandbox.finish().verdict == "clean"


def test_savepoint_isolation_closes_its_connection(sandbox: Sandbox) -> None:
    """close() undoes what is not committed; cursors made before are closed with it."""
    db = sandbox.begin("test_it", savepoints=True)
    cursor, named = db.cursor(), db.cursor("named")
    named.execute("SELECT 1")
    db.execute(INSERT)
    db.close()
    assert db.closed
    for use in (db.execute, cursor.execute, named.execute):
        with pytest.raises(psycopg.OperationalError, match="the connection is closed"):
            use("SELECT 1")
    named.close()
    db.close()
    assert sandbox.finish().verdict == "clean"


def test_commit_in_pipeline_is_refused(sandbox: Sandbox) -> None:
    """Inside a pipeline commit() says where to do it instead."""
    db = sandbox.begin("test_it", savepoints=True)
    with pytest.raises(StatementRefused) as refusal, db.pipeline():
        db.commit()
    assert str(refusal.value) == (
        "commit() is refused inside a pipeline\n"
        "  instead: do it before the pipeline's block, or after it"
    )
    assert sandbox.finish().verdict == "clean"


def test_commit_within_transaction_block_is_an_error(sandbox: Sandbox) -> None:
    """psycopg forbids commit() within transaction(), and so does the savepoint."""
    db = sandbox.begin("test_it", savepoints=True)
    told = re.escape("Explicit commit() forbidden within a Transaction context")
    with pytest.raises(psycopg.ProgrammingError, match=told), db.transaction():
        db.commit()
    assert sandbox.finish().verdict == "clean"


# ------------------------------------------------------------------------- asyncio
def test_async_connection_is_guarded_alike(sandbox: Sandbox) -> None:
    """An AsyncConnection works, and refuses what the other refuses."""
    db = sandbox.begin("test_it", kind=GuardedAsyncConnection)

    async def work() -> int:
        await db.execute(INSERT)
        async with db.transaction():
            cursor = await db.execute(COUNT)
        for text in ("COMMIT", "COPY modules TO '/tmp/x'"):
            with pytest.raises(StatementRefused):
                await psycopg.AsyncClientCursor(db).execute(text)
        with pytest.raises(StatementRefused, match=r"commit\(\) is refused"):
            await db.commit()
        return int((await cursor.fetchone())[0])

    assert asyncio.run(work()) == 1
    assert [str(r) for r in sandbox.finish().restored] == [f"{LAW} 6"]

    async def late() -> None:
        await db.execute("SELECT 1")

    with pytest.raises(StatementRefused, match="which has ended"):
        asyncio.run(late())


# --------------------------------------------------------------- Hypothesis examples
def test_example_is_undone_and_counted(sandbox: Sandbox) -> None:
    """Each example starts as the check was before the first one."""
    db = sandbox.begin("test_it")
    db.execute(INSERT)
    for _ in range(3):
        with sandbox.example():
            assert count(db) == 1
            assert db.execute(INSERT + " RETURNING id").fetchone() == (7,)
    proof = sandbox.finish()
    assert (proof.verdict, proof.examples) == ("clean", 3)
    assert {str(r) for r in proof.restored} >= {LAW.replace("5", "6") + " 7"}


def test_example_may_commit_on_its_savepoint(sandbox: Sandbox) -> None:
    """In isolation 'savepoint' commit() and close() of an example end with it."""
    db = sandbox.begin("test_it", savepoints=True)
    db.execute(INSERT)
    db.commit()
    for _ in range(3):
        with sandbox.example():
            db.execute(INSERT)
            db.commit()
            db.execute(INSERT)
            db.rollback()
            assert count(db) == 2
            db.close()
    assert count(db) == 1
    db.rollback()
    assert count(db) == 1
    proof = sandbox.finish()
    assert (proof.verdict, proof.examples) == ("clean", 3)


def test_example_may_prepare_statements(sandbox: Sandbox) -> None:
    """A statement prepared in one example is prepared anew in the next."""
    db = sandbox.begin("test_it")
    db.prepare_threshold = 0
    for _ in range(3):
        with sandbox.example():
            assert db.execute("SELECT 1", prepare=True).fetchone() == (1,)
    proof = sandbox.finish()
    assert proof.verdict == "clean"
    assert proof.restored == ()


def test_reads_what_routines_set(sandbox: Sandbox) -> None:
    """Custom settings are known by their routines: each by its name, or as computed."""
    db = sandbox.begin("test_it")
    before = read_watched(db)
    db.execute("SELECT set_config('app.known', '', true)")
    for name, body in {
        "written": "BEGIN PERFORM set_config('App.Written', '1', true); END",
        "executed": "BEGIN EXECUTE 'SET LOCAL app.executed = 1'; END",
        "known": "BEGIN SET LOCAL app.known = '1'; SET LOCAL work_mem = '1MB'; END",
        "computing": "BEGIN PERFORM set_config('app.' || TG_NAME, '1', true); END",
        "reading": "BEGIN PERFORM current_setting('app.reading'); END",
        "given": "DECLARE t text := TG_ARGV[0]; BEGIN EXECUTE t; END",
    }.items():
        db.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $f${body}$f$"
        )
    # Overloads: each counts, whichever is read last.
    for arguments, name in (("integer", "app.first"), ("text", "work_mem")):
        db.execute(
            f"CREATE FUNCTION twice({arguments}) RETURNS text LANGUAGE sql AS"
            f" $f$SELECT set_config('{name}', '64kB', true)$f$"
        )
    found = read_watched(db)
    named = {"app.written", "app.executed", "app.first"}
    assert found.names - before.names == named
    assert found.computing - before.computing == {"computing", "given"}
    assert sandbox.finish().verdict == "clean"


@pytest.mark.parametrize(
    ("texts", "anew"),
    [
        (["SET LOCAL app.tenant = '42'"], True),
        (["SET LOCAL app.tenant = '42'", "DO $$ BEGIN ROLLBACK; END $$"], True),
        (["SELECT set_config('work_mem', '5MB', true)", "SET lock_timeout = 5"], False),
        (["SELECT set_config('birth.' || 'x', '42', true) WHERE false"], True),
        (["SET LOCAL app.tenant TO DEFAULT"], True),
        (
            [
                "DO $$ DECLARE t text := 'SET LOCAL app.' || 'tenant = 42'; BEGIN"
                " EXECUTE t; END $$"
            ],
            True,
        ),
        (["SELECT current_setting('app.tenant', true)"], False),
    ],
)
def test_custom_setting_ends_the_session(
    sandbox: Sandbox,
    texts: list[str],
    *,
    anew: bool,
) -> None:
    """The next check has a new session where one was set, and knows of none."""
    for kind in ("check", "example", "nested"):
        db = sandbox.begin("test_it")
        pid = sandbox.pid
        with contextlib.ExitStack() as stack:
            if kind == "example":
                stack.enter_context(sandbox.example())
            elif kind == "nested":
                db = stack.enter_context(sandbox.nested("inner"))
            for text in texts:
                with contextlib.suppress(psycopg.Error), db.transaction():
                    db.execute(text)
        assert sandbox.finish().verdict == "clean"
        db = sandbox.begin("test_next")
        told = db.execute("SELECT current_setting('app.tenant', true)").fetchone()
        assert told == (None,)
        assert (sandbox.pid != pid) is anew
        assert sandbox.finish().verdict == "clean"


@pytest.mark.parametrize("savepoints", [False, True])
def test_example_knows_no_custom_setting(sandbox: Sandbox, *, savepoints: bool) -> None:
    """Each example has a session as new, on the connection and cursor that it knows."""
    db = sandbox.begin("test_it", savepoints=savepoints)
    cursor = db.cursor()
    pids = set()
    for _ in range(3):
        with sandbox.example():
            pids.add(sandbox.pid)
            cursor.execute(
                "SELECT current_setting('app.tenant', true), count(*)" + LEFT
            )
            assert cursor.fetchone() == (None, 0)
            db.execute(INSERT)
            db.execute("SELECT set_config(%s, '42', true)", ["app.tenant"])
            if savepoints:
                db.commit()
    assert len(pids) == 3
    proof = sandbox.finish()
    assert (proof.verdict, proof.examples, proof.foreign) == ("clean", 3, 0)


def test_example_has_the_connection_as_it_was(sandbox: Sandbox) -> None:
    """Factories, handlers, adapters and libpq's own are back for the next example."""
    db = sandbox.begin("test_it")
    db.row_factory = dict_row
    for _ in range(2):
        with sandbox.example():
            assert db.execute("SELECT 1 AS one").fetchone() == {"one": 1}
            assert db.execute("SELECT '{}'::json AS it").fetchone() == {"it": {}}
            assert db.prepare_threshold == 5
            assert db.cursor_factory.__name__ == "GuardedCursor"
            assert not db._notice_handlers
            db.row_factory = tuple_row
            db.cursor_factory = psycopg.ClientCursor
            db.prepare_threshold = 0
            db.add_notice_handler(lambda notice: None)
            db.adapters.register_loader("json", TextLoader)
            assert db.execute("SELECT '{}'::json AS it").fetchone() == ("{}",)
    assert sandbox.finish().verdict == "clean"


def test_example_that_closed_the_socket_is_told(sandbox: Sandbox) -> None:
    """In the words of the proof, not of what it tried to put in order."""
    db = sandbox.begin("test_it")

    def example() -> None:
        with sandbox.example():
            db.execute("SELECT 1")
            db.pgconn.finish()

    with pytest.raises(ResidueError, match="an example ended the check's transaction"):
        example()
    assert sandbox.finish().verdict == "clean"


def test_a_session_that_died_before_it_was_renewed(sandbox: Sandbox) -> None:
    """It is made anew all the same, and the check knows no custom setting."""
    db = sandbox.begin("test_it")
    db.execute("SET LOCAL app.tenant = '42'")
    assert sandbox.finish().verdict == "clean"
    assert sandbox.lease.host is not None
    ended = "SELECT pg_terminate_backend(%s, 5000)"
    sandbox.lease.host.admin.execute(ended, [sandbox.pid])
    ending = "SELECT pg_terminate_backend(pg_backend_pid())"
    with contextlib.suppress(psycopg.Error):
        sandbox.lease.host.admin.execute(ending)
    db = sandbox.begin("test_next")
    told = db.execute("SELECT current_setting('app.tenant', true)").fetchone()
    assert told == (None,)
    assert sandbox.finish().verdict == "clean"


def test_example_keeps_what_came_before(sandbox: Sandbox) -> None:
    """A check that has done something before its examples keeps its session."""
    db = sandbox.begin("test_it")
    db.execute(INSERT)
    told = []
    for _ in range(2):
        with sandbox.example():
            assert count(db) == 1
            row = db.execute("SELECT current_setting('app.tenant', true)").fetchone()
            told.append(row[0])
            db.execute("SET LOCAL app.tenant = '42'")
    assert told == [None, ""]
    assert sandbox.finish().verdict == "clean"


def test_example_that_forged_its_transaction_is_told(sandbox: Sandbox) -> None:
    """A session is not made anew where the open transaction is not the check's own."""
    db = sandbox.begin("test_it")
    with sandbox.example():
        db.execute("SET LOCAL app.tenant = '42'")
        db.pgconn.exec_(b"ROLLBACK; BEGIN READ WRITE; SAVEPOINT oneroof_example")
    pid = sandbox.pid
    with sandbox.example():
        db.execute("SELECT 1")
    assert sandbox.pid == pid
    assert sandbox.finish().constraints == ANOTHER


@pytest.mark.parametrize("fails", [False, True])
def test_example_may_drop_prepared_query(sandbox: Sandbox, *, fails: bool) -> None:
    """DEALLOCATE ALL within an example takes nothing from its proof."""
    db = sandbox.begin("test_it")
    for _ in range(3):
        with sandbox.example():
            db.execute("DEALLOCATE ALL")
            if fails:
                with pytest.raises(psycopg.errors.UndefinedTable):
                    db.execute("SELECT * FROM absent")
    proof = sandbox.finish()
    assert (proof.verdict, proof.examples) == ("clean", 3)


def test_example_may_drop_what_it_prepared(sandbox: Sandbox) -> None:
    """psycopg's own DEALLOCATE ALL after a DROP takes nothing from the proof."""
    db = sandbox.begin("test_it")
    db.prepare_threshold = 0
    for _ in range(3):
        with sandbox.example():
            db.execute("CREATE TABLE a (id int)")
            db.execute("SELECT * FROM a", prepare=True)
            db.execute("DROP TABLE a")
    proof = sandbox.finish()
    assert (proof.verdict, proof.examples) == ("clean", 3)


def test_example_may_not_leave_its_savepoint(sandbox: Sandbox) -> None:
    """Within an example, savepoints set before it are not its own."""
    db = sandbox.begin("test_it")
    db.execute("SAVEPOINT before")
    with sandbox.example():
        with pytest.raises(StatementRefused, match="ROLLBACK TO of a savepoint"):
            db.execute("ROLLBACK TO before")
        db.execute("SAVEPOINT before; ROLLBACK TO before")
    db.execute("ROLLBACK TO before")
    assert sandbox.finish().verdict == "clean"


def test_example_may_set_constraints(sandbox: Sandbox) -> None:
    """SET CONSTRAINTS of examples, and before them, leave the tripwire armed."""
    db = sandbox.begin("test_it")
    db.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for _ in range(2):
        with sandbox.example():
            db.execute("SET CONSTRAINTS ALL IMMEDIATE")
    result = db.pgconn.exec_(b"COMMIT")
    assert b"a guarded check may not commit" in result.error_message
    assert sandbox.finish().verdict == "clean"


def test_example_that_ends_the_transaction_is_told(sandbox: Sandbox) -> None:
    """An example that ends the check's transaction fails, and so do those after it."""
    db = sandbox.begin("test_it")
    told = "test_it: an example ended the check's transaction"
    with pytest.raises(ResidueError, match=told), sandbox.example():
        db.pgconn.exec_(b"ROLLBACK")
    told = "test_it: its transaction is not open: an example, or the check before it"
    with pytest.raises(ResidueError, match=told), sandbox.example():
        pass
    assert sandbox.finish().verdict == "clean"


def test_example_with_violated_constraint_is_told(sandbox: Sandbox) -> None:
    """A deferred constraint is checked at each example's end."""
    db = sandbox.begin("test_it")
    db.execute("CREATE TABLE a (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(ResidueError, match="duplicate key value"), sandbox.example():
        db.execute("INSERT INTO a VALUES (1), (1)")
    with sandbox.example():
        db.execute("INSERT INTO a VALUES (1)")
    proof = sandbox.finish()
    assert (proof.verdict, proof.constraints, proof.examples) == ("clean", "checked", 2)


def test_failing_example_shows_its_statements(sandbox: Sandbox) -> None:
    """The error of an example carries the statements that it alone sent."""
    db = sandbox.begin("test_it")
    db.execute("SELECT 'before'")
    example = sandbox.example()
    with pytest.raises(psycopg.errors.UndefinedTable) as failure, example:
        db.execute("SELECT *\n  FROM absent")
    assert failure.value.__notes__ == [
        "statements of this example (1):\n  SELECT * FROM absent"
    ]
    assert sandbox.finish().verdict == "clean"


# ------------------------------------------------------------------- the tripwire
@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        ("DROP TABLE oneroof.tripwire", "there is no table oneroof.tripwire"),
        (
            "ALTER TABLE oneroof.tripwire DISABLE TRIGGER tripwire",
            "it let a commit through",
        ),
        (
            "CREATE OR REPLACE FUNCTION oneroof.refuse_commit() RETURNS trigger"
            " LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "it let a commit through",
        ),
        (
            "REVOKE INSERT ON oneroof.tripwire FROM {owner}",
            "permission denied for table tripwire",
        ),
    ],
    ids=["dropped", "disabled", "replaced", "not granted"],
)
def test_tripwire_is_tried_before_it_is_trusted(
    own_server: EmbeddedServer,
    open_database: str,
    tmp_path: Path,
    breaks: str,
    told: str,
) -> None:
    """A clone whose tripwire refuses no commit is refused, with what was seen."""
    state = own_server.state
    with connect(own_server.url(open_database)) as admin:
        owner = state["role"].replace("check", "owner")
        admin.execute(breaks.replace("{owner}", owner).encode())
    url = own_server.url(open_database, state["role"], state["password"])
    lease = Lease(url=url, database=open_database)
    rules = Rules(CLONE_PATTERN, parse_productions(("directus",)))
    with pytest.raises(GuardRefused) as refusal:
        Sandbox(lease, rules, Look(tmp_path / "baseline.json"))
    (reason,) = refusal.value.reasons
    assert reason.code == "tripwire"
    assert reason.found == f"the tripwire does not hold: {told}"


def test_session_is_read_only_without_the_roles_setting(
    own_server: EmbeddedServer, open_database: str, tmp_path: Path
) -> None:
    """Where the role's own setting is missing, the session's makes strays fail."""
    state = own_server.state
    with connect(own_server.url("postgres")) as admin:
        text = f'ALTER ROLE "{state["role"]}" IN DATABASE "{open_database}" RESET ALL'
        admin.execute(text.encode())
    url = own_server.url(open_database, state["role"], state["password"])
    lease = Lease(url=url, database=open_database)
    rules = Rules(CLONE_PATTERN, parse_productions(("directus",)))
    sandbox = Sandbox(lease, rules, Look(tmp_path / "baseline.json"))
    sandbox.aside(sandbox.look.baseline)
    for check in ("test_one", "test_two"):
        db = sandbox.begin(check)
        db.pgconn.exec_(b"ROLLBACK")
        result = db.pgconn.exec_(INSERT.encode())
        assert b"in a read-only transaction" in result.error_message
        proof = sandbox.finish()
        assert proof.verdict == "clean", proof
    sandbox.close()
