"""The read-only channel: what passes, what is refused or fails, what is proved."""

from __future__ import annotations

import pickle
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

from pytest_oneroof.errors import ServerError, StatementRefused
from pytest_oneroof.fingerprint.compare import read_content, read_schema
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.production.channel import OVERDUE, ProductionChannel
from pytest_oneroof.production.connection import ReadOnlyConnection
from pytest_oneroof.production.limits import (
    ByteLimitExceeded,
    RowLimitExceeded,
    TimeLimitExceeded,
)
from pytest_oneroof.production.past import Tolerated

from .conftest import Cluster, Production, copied

# A routine of the database that writes, as its owner: no grammar shows it.
WRITES = (
    "CREATE FUNCTION public.writes() RETURNS integer LANGUAGE plpgsql"
    " SECURITY DEFINER AS $$ BEGIN INSERT INTO public.tasks DEFAULT VALUES;"
    " RETURN 1; END $$",
    "ALTER FUNCTION public.writes() OWNER TO directus",
    "CREATE FUNCTION public.assigns() RETURNS text LANGUAGE plpgsql"
    " AS $$ BEGIN RETURN pg_current_xact_id()::text; END $$",
)
# Refused before anything is sent, with the words that name what was refused.
REFUSED = {
    "SET TRANSACTION READ WRITE": "refused SET (read-only)",
    "SET default_transaction_read_only = off": "refused SET (read-only)",
    "SET statement_timeout = 0": "refused SET (read-only)",
    "SELECT set_config('statement_timeout', '0', true)": "refused set_config()",
    "SELECT nextval('public.tasks_id_seq')": "refused nextval() (read-only)",
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/x'": "refused COPY (read-only)",
    "SELECT * FROM dblink('dbname=x', 'SELECT 1') AS t (a int)": "refused dblink()",
    "SELECT dblink_exec('dbname=x', 'DELETE FROM t')": "refused dblink_exec()",
    "EXPLAIN ANALYZE INSERT INTO public.tasks DEFAULT VALUES": "refused INSERT",
    "LOCK TABLE public.tasks IN ACCESS EXCLUSIVE MODE": "refused LOCK (read-only)",
    "INSERT INTO public.tasks DEFAULT VALUES": "refused INSERT (read-only)",
    "WITH gone AS (DELETE FROM public.tasks RETURNING 1) SELECT * FROM gone":
        "refused DELETE",
    "SELECT * FROM public.tasks FOR UPDATE": "refused SELECT … FOR UPDATE or SHARE",
    "DO $$ BEGIN PERFORM 1; END $$": "refused DO (read-only)",
    "SELECT pg_advisory_lock(1)": "refused pg_advisory_lock()",
    "NOTIFY somebody": "refused NOTIFY (read-only)",
    "SELECT lo_create(0)": "refused lo_create()",
    "VACUUM public.tasks": "refused VACUUM (read-only)",
    "ALTER SYSTEM SET work_mem = '1GB'": "refused ALTER SYSTEM (read-only)",
    "PREPARE TRANSACTION 'left'": "refused PREPARE (read-only)",
    "COMMIT": "refused COMMIT (read-only)",
    "SELECT 1; DELETE FROM public.tasks": "refused 2 statements in one text",
    "SELECT pg_create_physical_replication_slot('x')":
        "refused pg_create_physical_replication_slot()",
}  # fmt: skip


@pytest.fixture(scope="module")
def target(changed_copy: Production) -> Iterator[Production]:
    """A production that is, after all tests of the module, as it was before."""
    changed_copy.execute(*WRITES)
    before = state(changed_copy)
    yield changed_copy
    assert state(changed_copy) == before


def state(production: Production) -> tuple[str, str]:
    """Return all definitions, and all rows and sequence positions, as digests."""
    with connect(production.admin) as connection:
        return read_schema(connection).digest, read_content(connection).digest


@pytest.fixture
def no_id(target: Production) -> Iterator[None]:
    """During the test the server assigns no transaction id to anybody."""
    query = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
    before = target.value(query)
    yield
    assert target.value(query) == before


@pytest.fixture(scope="module")
def channel(target: Production) -> Iterator[ProductionChannel]:
    """The channel to that production."""
    made = ProductionChannel(target.reader, target.rules)
    yield made
    made.close()


@pytest.fixture
def reader(channel: ProductionChannel, no_id: None) -> Iterator[ReadOnlyConnection]:
    """The connection of one check, whose reading is clean at its end."""
    yield channel.begin("a check")
    assert str(channel.finish()) == "a check: clean"


def test_what_reads_passes(reader: ReadOnlyConnection) -> None:
    """SELECT, WITH, VALUES, TABLE, SHOW and EXPLAIN give psycopg's usual results."""
    assert reader.execute("SELECT %s::int + 1 AS n", [2]).fetchone() == (3,)
    assert reader.execute("VALUES (1), (2)").fetchall() == [(1,), (2,)]
    scopes = reader.execute("TABLE public.governance_responsibility_scope")
    assert len(scopes.fetchall()) == 6
    assert reader.execute("SHOW transaction_read_only").fetchone() == ("on",)
    assert reader.execute("EXPLAIN SELECT 1").fetchall()[0][0].startswith("Result")
    with reader.cursor(row_factory=dict_row) as cursor:
        cursor.execute("WITH a AS (SELECT 1 AS x) SELECT x, x AS y FROM a")
        assert (cursor.rowcount, cursor.fetchall()) == (1, [{"x": 1, "y": 1}])
    binary = reader.cursor(binary=True).execute("SELECT 5::int8, 'é'::text, now()")
    assert (binary.fetchone() or ())[:2] == (5, "é")
    assert list(reader.cursor().stream("SELECT 1 UNION ALL SELECT 2")) == [(1,), (2,)]
    with psycopg.ClientCursor(reader) as plain:
        assert plain.execute("SELECT %s", ["it's"]).fetchone() == ("it's",)


def test_the_transaction_is_the_channels(reader: ReadOnlyConnection) -> None:
    """It is REPEATABLE READ, with the limits that bound a check's cost."""
    names = {
        "transaction_isolation": "repeatable read",
        "statement_timeout": "5s",
        "lock_timeout": "1s",
        "idle_in_transaction_session_timeout": "1min",
        "row_security": "off",
        "application_name": "pytest-oneroof acceptance",
    }
    for name, expected in names.items():
        assert reader.execute(f"SHOW {name}").fetchone() == (expected,), name


@pytest.mark.parametrize("statement", REFUSED)
def test_what_does_more_than_read_is_refused_by_name(
    channel: ProductionChannel, no_id: None, statement: str
) -> None:
    """A statement that writes, locks, calls out or sets is refused before it goes."""
    connection = channel.begin("a check")
    with pytest.raises(StatementRefused) as caught:
        connection.execute(statement)
    assert REFUSED[statement] in str(caught.value)
    assert connection.execute("SELECT 1").fetchone() == (1,)
    reading = channel.finish()
    assert (reading.verdict, len(reading.refused)) == ("clean", 1)


def test_a_function_that_inserts_fails_on_the_server(
    channel: ProductionChannel, no_id: None
) -> None:
    """What no grammar shows is stopped by the READ ONLY transaction."""
    connection = channel.begin("a check")
    with pytest.raises(
        psycopg.errors.ReadOnlySqlTransaction, match="cannot execute INSERT"
    ):
        connection.execute("SELECT public.writes()")
    assert channel.finish().verdict == "clean"


def test_a_query_of_six_seconds_fails_after_five(
    channel: ProductionChannel, no_id: None
) -> None:
    """The statement timeout is 5 s."""
    connection = channel.begin("a check")
    started = time.monotonic()
    with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
        connection.execute("SELECT pg_sleep(6)")
    assert 4.5 < time.monotonic() - started < 5.9
    assert channel.finish().verdict == "clean"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT g FROM generate_series(1, 501) AS g",
        "SELECT id FROM public.birth_registry",
        "VALUES " + ", ".join(["(1)"] * 501),
    ],
)
def test_a_result_of_501_rows_is_an_error(
    reader: ReadOnlyConnection, query: str
) -> None:
    """A result beyond 500 rows is an error that names the limit, never cut."""
    cursor = reader.cursor()
    with pytest.raises(RowLimitExceeded) as caught:
        cursor.execute(query)
    assert str(caught.value).startswith("the result has more than 500 rows\n")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(psycopg.ProgrammingError, match="no result available"):
        cursor.fetchall()
    count = "SELECT count(*) FROM generate_series(1, 501)"
    assert reader.execute(count).fetchone() == (501,)


def test_a_result_of_500_rows_passes(reader: ReadOnlyConnection) -> None:
    """Five hundred rows are handed out whole."""
    rows = reader.execute("SELECT g FROM generate_series(1, 500) AS g").fetchall()
    assert [rows[0], rows[-1], len(rows)] == [(1,), (500,), 500]


def test_a_result_without_bounds_is_not_fetched(reader: ReadOnlyConnection) -> None:
    """Of a result of 10^12 rows only one more than allowed is asked for."""
    wide = "SELECT 1 FROM public.birth_registry, public.event_outbox, public.dot_tools"
    started = time.monotonic()
    with pytest.raises(RowLimitExceeded):
        reader.execute(wide)
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("commit()", lambda c: c.commit()),
        ("rollback()", lambda c: c.rollback()),
        ("close()", lambda c: c.close()),
        ("pipeline()", lambda c: c.pipeline()),
        ("autocommit", lambda c: c.set_autocommit(True)),
        ("executemany()", lambda c: c.cursor().executemany("SELECT %s", [[1]])),
        ("a server-side cursor ('c')", lambda c: c.cursor("c")),
    ],
)
def test_the_connection_is_not_the_checks_to_end(
    reader: ReadOnlyConnection, name: str, call: Any
) -> None:
    """What ends the transaction or reads around the limits is refused by name."""
    with pytest.raises(StatementRefused, match="is refused on the read-only channel"):
        call(reader)
    assert reader.visit.refused[-1].startswith(name)


def test_copy_is_refused(reader: ReadOnlyConnection) -> None:
    """COPY TO STDOUT, which has no bounds, is refused too."""
    with (
        pytest.raises(StatementRefused, match="refused COPY"),
        reader.cursor().copy("COPY public.tasks TO STDOUT"),
    ):
        pass


def test_savepoints_and_with_leave_the_transaction(reader: ReadOnlyConnection) -> None:
    """transaction() undoes an error, and `with connection` ends nothing."""
    with reader:
        with pytest.raises(psycopg.errors.DivisionByZero), reader.transaction():
            reader.execute("SELECT 1 / 0")
        assert reader.execute("SELECT 1").fetchone() == (1,)
    assert reader.execute("SELECT 2").fetchone() == (2,)


def test_each_check_has_a_snapshot_of_its_own(
    channel: ProductionChannel, target: Production
) -> None:
    """A check sees one snapshot to its end; the next check sees what is new."""
    query = "SELECT count(*) FROM pg_roles WHERE rolname = 'channel_new'"
    connection = channel.begin("first")
    assert connection.execute(query).fetchone() == (0,)
    before = target.value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    connection.execute("SELECT 1")
    channel.finish()
    began = channel.begin("second").execute("SELECT pg_current_snapshot()::text")
    assert (began.fetchone() or ("",))[0].split(":")[1] == before
    channel.finish()


def test_beneath_the_grammar_the_mode_cannot_be_switched(
    reader: ReadOnlyConnection,
) -> None:
    """Sent past psycopg, SET TRANSACTION READ WRITE fails on the server."""
    result = reader._pgconn.exec_(b"SAVEPOINT a; SET TRANSACTION READ WRITE")
    assert b"must be set before any query" in result.error_message or (
        b"read-write mode" in result.error_message
    )


def test_a_transaction_that_was_ended_proves_nothing(
    channel: ProductionChannel,
) -> None:
    """COMMIT sent past psycopg makes the reading unprovable; the next is clean."""
    connection = channel.begin("a check")
    connection._pgconn.exec_(b"COMMIT")
    with pytest.raises(StatementRefused, match="transaction of a check is gone"):
        connection.execute("SELECT 1")
    reading = channel.finish()
    assert reading.verdict == "unprovable"
    assert reading.reason.startswith("the READ ONLY transaction was ended")
    channel.begin("another")
    assert channel.finish().verdict == "clean"


def test_another_transaction_in_its_place_proves_nothing(
    channel: ProductionChannel,
) -> None:
    """COMMIT and BEGIN sent past psycopg are told; the role writes not even there."""
    connection = channel.begin("a check")
    connection._pgconn.exec_(b"COMMIT; BEGIN READ WRITE; SAVEPOINT oneroof_read")
    result = connection._pgconn.exec_(b"INSERT INTO public.tasks DEFAULT VALUES")
    assert b"permission denied for table tasks" in result.error_message
    reading = channel.finish()
    assert (reading.verdict, reading.reason) == (
        "unprovable",
        "the READ ONLY transaction was replaced by another",
    )


def test_a_connection_does_not_outlive_its_check(channel: ProductionChannel) -> None:
    """After its check a connection reads nothing, also while another check runs."""
    connection = channel.begin("the first check")
    channel.finish()
    channel.begin("the second check")
    with pytest.raises(StatementRefused, match="belonged to the first check"):
        connection.execute("SELECT 1")
    channel.finish()


def test_an_assigned_transaction_id_is_found(copy: Production) -> None:
    """An id that a function of the database took is told, also after an error."""
    copy.execute(*WRITES)
    channel = ProductionChannel(copy.reader, copy.rules)
    for statement in ("SELECT public.assigns()", "SELECT 1/length(public.assigns())/0"):
        connection = channel.begin("a check")
        try:
            (xid,) = connection.execute(statement).fetchone() or (None,)
        except psycopg.errors.DivisionByZero:
            xid = None
        reading = channel.finish()
        assert reading.verdict == "dirty"
        assert xid in (None, reading.transaction_id)
        assert str(reading) == (
            "a check: dirty\n  production assigned it the transaction id "
            f"{reading.transaction_id}"
        )
    with (
        pytest.raises(ServerError, match="assigned it the transaction id"),
        channel.reading("our own") as session,
    ):
        session.execute("SELECT pg_current_xact_id()")
    channel.close()


def test_a_lost_session_is_unprovable_and_made_anew(target: Production) -> None:
    """A session that the server ended by its idle timeout does not stop the run."""
    rules = replace(target.rules, idle_timeout=100)
    channel = ProductionChannel(target.reader, rules)
    connection = channel.begin("a slow check")
    time.sleep(0.4)
    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        connection.execute("SELECT 1")
    reading = channel.finish()
    assert reading.verdict == "unprovable"
    assert reading.reason.startswith("the READ ONLY transaction was lost")
    connection = channel.begin("the next")
    assert connection.execute("SELECT 1").fetchone() == (1,)
    assert channel.finish().verdict == "clean"
    channel.close()


def test_hidden_rows_are_an_error(copy: Production) -> None:
    """Row security that would hide rows fails the query: no count is too low."""
    copy.execute(
        "ALTER TABLE public.tasks ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY part ON public.tasks USING (id < 3)",
    )
    channel = ProductionChannel(copy.reader, copy.rules)
    connection = channel.begin("a check")
    with pytest.raises(
        psycopg.errors.InsufficientPrivilege, match="row-level security"
    ):
        connection.execute("SELECT count(*) FROM public.tasks")
    channel.finish()
    channel.close()


def test_a_hot_standby_is_read(standby: Production) -> None:
    """On a hot standby the channel reads, refuses and proves as on a primary."""
    channel = ProductionChannel(standby.reader, standby.rules)
    assert channel.facts.in_recovery
    connection = channel.begin("a check")
    query = "SELECT count(*) FROM public.v_object_owner_gap"
    assert connection.execute(query).fetchone() == (210,)
    with pytest.raises(psycopg.Error):
        connection.execute("SELECT 1 / 0")
    assert channel.finish().verdict == "clean"
    channel.close()


def test_an_unreachable_production_is_told_without_its_password() -> None:
    """The error names the URL redacted, and the server's words."""
    url = "postgresql://reader:s3cret@/directus?host=/nowhere"
    with pytest.raises(ServerError) as caught:
        ProductionChannel(url, Production("directus", "", "").rules)
    assert "reader:***@" in str(caught.value)
    assert "s3cret" not in str(caught.value)


MOVERS = (
    "CREATE FUNCTION public.locks() RETURNS integer LANGUAGE plpgsql"
    " AS $$ BEGIN PERFORM pg_advisory_lock(7, 9); RETURN 1; END $$",
    "CREATE FUNCTION public.sets() RETURNS integer LANGUAGE plpgsql"
    " AS $$ BEGIN PERFORM set_config('statement_timeout', '0', true); RETURN 1; END $$",
    "CREATE FUNCTION public.becomes() RETURNS integer LANGUAGE plpgsql"
    " AS $$ BEGIN SET ROLE pg_read_all_data; RETURN 1; END $$",
    "CREATE FUNCTION public.sleeps() RETURNS integer LANGUAGE plpgsql AS $$"
    " BEGIN PERFORM pg_sleep(30); RETURN 1;"
    " EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(30); RETURN 2; END $$",
    "CREATE FUNCTION public.dribbles() RETURNS SETOF integer LANGUAGE plpgsql AS $$"
    " BEGIN FOR i IN 1..400 LOOP"
    " BEGIN PERFORM pg_sleep(0.05); EXCEPTION WHEN query_canceled THEN NULL; END;"
    " RETURN NEXT i; END LOOP; END $$",
)
LEFT = {
    "SELECT public.locks()":
        "it holds the advisory lock (7, 9) of kind 2, ExclusiveLock",
    "SELECT public.sets()":
        "it moved the setting statement_timeout: '300' before, '0' after",
    "SELECT public.becomes()":
        "it moved the setting role: 'none' before, 'pg_read_all_data' after",
}  # fmt: skip


@pytest.fixture(scope="module")
def movable(cluster: Cluster, production: Production) -> Iterator[Production]:
    """A production with routines that move what a check may not."""
    with copied(cluster, "directus_movable") as made:
        made.execute(*MOVERS)
        yield made


@pytest.fixture(scope="module")
def moving(movable: Production) -> Iterator[ProductionChannel]:
    """A channel with a short timeout that tolerates these routines."""
    names = ("public.locks", "public.sleeps", "public.dribbles")
    tolerated = Tolerated(routines=names)
    made = ProductionChannel(
        movable.reader,
        replace(movable.rules, tolerated=tolerated, statement_timeout=300),
    )
    yield made
    made.close()


@pytest.mark.parametrize("statement", LEFT)
def test_what_a_routine_moves_is_dirty_by_name(
    moving: ProductionChannel, movable: Production, statement: str
) -> None:
    """A lock, a setting, a role: named at the check's end, and gone afterwards."""
    for failed in (False, True):
        connection = moving.begin("a check")
        connection.execute(statement)
        if failed and "locks" in statement:
            with pytest.raises(psycopg.errors.DivisionByZero):
                connection.execute("SELECT 1 / 0")
        reading = moving.finish()
        assert (reading.verdict, reading.reason) == ("dirty", LEFT[statement])
        moving.begin("the next")
        assert moving.finish().verdict == "clean"
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert movable.value(held) == 0


@pytest.mark.parametrize("routine", ["sleeps", "dribbles"])
def test_a_routine_that_outlasts_its_timeout_loses_its_session(
    moving: ProductionChannel, movable: Production, routine: str
) -> None:
    """Where the server's own timeout is caught, the session is ended, by name."""
    connection = moving.begin("a check")
    with pytest.raises(TimeLimitExceeded, match="after the statement timeout of 300"):
        connection.execute(f"SELECT public.{routine}()")
    reading = moving.finish()
    assert (reading.verdict, reading.reason) == ("dirty", OVERDUE)
    connection = moving.begin("the next")
    assert connection.execute("SELECT 1").fetchone() == (1,)
    assert moving.finish().verdict == "clean"
    for _ in range(50):
        busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'FETCH%'"
        if movable.value(busy) == 0:
            break
        time.sleep(0.1)
    assert movable.value(busy) == 0, "its backend goes on without its client"


@pytest.mark.parametrize("form", ["text", "binary"])
def test_a_result_is_bounded_in_bytes_while_it_comes(
    channel: ProductionChannel, no_id: None, form: str
) -> None:
    """Eight megabytes pass; of a result of 400 no more than that is ever held."""
    connection, binary = channel.begin("a check"), form == "binary"
    wide = "SELECT repeat('x', 1000000) FROM generate_series(1, %s)"
    assert len(connection.execute(wide, [8], binary=binary).fetchall()) == 8
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (
        pytest.raises(ByteLimitExceeded, match="more than 8388608 bytes"),
        connection.transaction(),
    ):
        connection.execute(wide, [400], binary=binary)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, "kilobytes"
    with pytest.raises(ByteLimitExceeded), connection.transaction():
        connection.execute("SELECT repeat('x', 9000000)", binary=binary)
    assert connection.execute("SELECT 1").fetchone() == (1,)
    assert channel.finish().verdict == "clean"


def test_rows_that_came_one_by_one_are_one_result(reader: ReadOnlyConnection) -> None:
    """Fetching, scrolling, factories and a second run of a query are psycopg's own."""
    cursor = reader.cursor()
    query = "SELECT g AS n, g::text AS t FROM generate_series(%s::int, 4) AS g"
    for first in (1, 3):
        cursor.execute(query, [first])
        assert cursor.rowcount == 5 - first
        assert cursor.fetchone() == (first, str(first))
        assert cursor.rownumber == 1
        cursor.scroll(-1)
        assert cursor.fetchmany(2) == [(n, str(n)) for n in (first, first + 1)]
    cursor.execute(query, [1])
    cursor.row_factory = dict_row
    assert cursor.fetchone() == {"n": 1, "t": "1"}
    assert [row["n"] for row in cursor] == [2, 3, 4]
    assert [column.name for column in cursor.description or ()] == ["n", "t"]
    cursor.adapters.register_loader("int4", TextLoader)
    cursor.scroll(0, mode="absolute")
    assert cursor.fetchone() == {"n": "1", "t": "1"}
    assert reader.execute(query, [5]).fetchall() == []
    assert cursor.execute("SELECT").fetchall() == [{}]


def test_no_second_session_while_a_check_runs(cluster: Cluster) -> None:
    """The shipped role has one session: with its password no other gets in."""
    with copied(cluster, "directus_alone", role="lone_reader", sessions=1) as alone:
        channel = ProductionChannel(alone.reader, alone.rules)
        connection = channel.begin("a check")
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            psycopg.connect(alone.reader)
        assert connection.execute("SELECT 1").fetchone() == (1,)
        connection._pgconn.exec_(b"COMMIT")
        assert channel.finish().verdict == "unprovable"
        channel.begin("the next, in a session anew")
        assert channel.finish().verdict == "clean"
        channel.close()
        ProductionChannel(alone.reader, alone.rules).close()
