"""The content fingerprint on a real server: which contents differ and which do not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.pq import TransactionStatus

from pytest_oneroof import errors as e
from pytest_oneroof.fingerprint.compare import (
    CONTENT_FORMULA,
    Content,
    ContentFingerprint,
    compare_content,
    read_content,
)

Connection = psycopg.Connection[Any]

# Type, a value, and another that is equal to it for its operator, or nearly.
ALMOST_EQUAL = {
    "numeric scale": ("numeric", "1.0", "1.00"),
    "negative zero": ("float8", "0", "-0"),
    "float digits": ("float8", "0.1", "0.10000000000000002"),
    "interval": ("interval", "1 day", "24:00:00"),
    "timetz": ("timetz", "12:00+00", "13:00+01"),
    "json key order": ("json", '{"a": 1, "b": 2}', '{"b": 2, "a": 1}'),
    "jsonb scale": ("jsonb", "1.0", "1.00"),
    "xml": ("xml", "<a/>", "<a></a>"),
    "bit": ("bit varying", "10", "100"),
    "money": ("money", "1.00", "1.01"),
    "point": ("point", "(0,0)", "(0,1)"),
    "bigint folded": ("bigint", "1", "4294967296"),
    "bigint sign": ("bigint", "-1", "4294967295"),
    "null and empty": ("text", "", None),
    "null and its name": ("text", "NULL", None),
    "blanks": ("bpchar", "a", "a  "),
    "numeric array": ("numeric[]", "{1.0}", "{1.00}"),
    "empty array": ("text[]", "{}", "{NULL}"),
    "range": ("numrange", "[1.0,2)", "[1.00,2)"),
    "bytea": ("bytea", "\\x00", "\\x0000"),
    "tsvector": ("tsvector", "'a':1", "'a':2"),
    "composite": ("pair", "(1.0,x)", "(1.00,x)"),
    "domain": ("amount", "1.0", "1.00"),
    "collated": ("text COLLATE loose", "a", "A"),
}


@pytest.fixture
def database(fresh_database: str) -> Iterator[Connection]:
    """Yield an autocommit connection to an empty throw-away database."""
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def role(database: Connection) -> Iterator[str]:
    """Yield a new role without any right; it goes afterwards."""
    name = f"fp_{secrets.token_hex(4)}"
    identifier = sql.Identifier(name)
    database.execute(sql.SQL("CREATE ROLE {}").format(identifier))
    yield name
    database.execute("RESET ROLE")
    database.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(identifier))
    database.execute(sql.SQL("DROP ROLE {}").format(identifier))


@pytest.mark.parametrize(
    ("kind", "one", "other"), ALMOST_EQUAL.values(), ids=ALMOST_EQUAL
)
def test_tells_values_apart_that_are_almost_equal(
    database: Connection, kind: str, one: str, other: str | None
) -> None:
    """What is equal to an operator or a hash, and not in its bytes, differs."""
    database.execute(
        "CREATE TYPE pair AS (n numeric, t text); CREATE DOMAIN amount AS numeric"
    )
    _create_table(database, kind, one)
    before = read_content(database)
    database.execute("TRUNCATE one")
    _insert(database, kind, one)
    assert compare_content(before, read_content(database)) == ()
    database.execute("TRUNCATE one")
    _insert(database, kind, other)
    (difference,) = compare_content(before, read_content(database))
    assert (difference.kind, difference.identity) == ("table", "public.one")
    assert "1 rows, digest" in str(difference)


def test_is_blind_to_physical_order(database: Connection) -> None:
    """The same rows written in another order, with gaps, are the same content."""
    database.execute("CREATE TABLE t (n int, v text)")
    fill = "INSERT INTO t SELECT g, 'v' || g FROM generate_series({}) AS g"
    database.execute(fill.format("1, 99"))
    before = read_content(database)
    database.execute("DELETE FROM t WHERE n < 50")
    database.execute(fill.format("49, 1, -1"))
    assert compare_content(before, read_content(database)) == ()


@pytest.mark.parametrize("number", range(8))
def test_detects_values_swapped_between_rows(database: Connection, number: int) -> None:
    """Two rows that exchange one column are other content.

    The sum of hash_record_extended misses more than half of these exchanges: that
    hash is linear in its columns.
    """
    database.execute("CREATE TABLE t (n int PRIMARY KEY, v text)")
    database.execute("INSERT INTO t VALUES (%s, 'x'), (%s, 'y')", (number, number + 1))
    before = read_content(database)
    database.execute("UPDATE t SET v = CASE v WHEN 'x' THEN 'y' ELSE 'x' END")
    (difference,) = compare_content(before, read_content(database))
    assert difference.identity == "public.t"


def test_detects_a_row_moved_to_another_table(database: Connection) -> None:
    """A row that leaves one table for another changes both."""
    database.execute("CREATE TABLE a (n int); CREATE TABLE b (n int)")
    database.execute("INSERT INTO a VALUES (1)")
    before = read_content(database)
    database.execute("WITH m AS (DELETE FROM a RETURNING n) INSERT INTO b TABLE m")
    after = read_content(database)
    found = [difference.identity for difference in compare_content(before, after)]
    assert found == ["public.a", "public.b"]
    assert before.digest != after.digest


def test_hashes_the_row_where_a_column_is_called_like_it(database: Connection) -> None:
    """A table with a column called t is read whole, not by that column."""
    database.execute("CREATE TABLE t (t int, v int); INSERT INTO t VALUES (1, 1)")
    before = read_content(database)
    database.execute("UPDATE t SET v = 2")
    assert [d.identity for d in compare_content(before, read_content(database))] == [
        "public.t"
    ]


def test_counts_equal_rows(database: Connection) -> None:
    """A doubled row, and a pair of doubled rows, are seen."""
    database.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1), (1)")
    one = read_content(database).items["table public.t"]
    database.execute("INSERT INTO t VALUES (1), (1)")
    two = read_content(database).items["table public.t"]
    assert (one.rows, two.rows) == (2, 4)
    assert one.digest != two.digest


def test_is_blind_to_what_a_rollback_leaves(database: Connection) -> None:
    """A rolled-back CREATE INDEX, ANALYZE or INSERT changes no content."""
    database.execute("CREATE TABLE t AS SELECT g AS n FROM generate_series(1, 9) g")
    before = read_content(database)
    for statement in ("CREATE INDEX ON t (n)", "ANALYZE t", "INSERT INTO t VALUES (0)"):
        with database.transaction(force_rollback=True):
            database.execute(statement)
    assert compare_content(before, read_content(database)) == ()


def test_tells_the_positions_of_sequences(database: Connection) -> None:
    """A drawn value, and setval to the same value but not called, are seen."""
    database.execute("CREATE SEQUENCE s")
    seen = [read_content(database).items["sequence public.s"].digest]
    for call in ("nextval('s')", "setval('s', 1, false)", "setval('s', 7)"):
        database.execute(f"SELECT {call}")
        seen.append(read_content(database).items["sequence public.s"].digest)
    assert seen == ["at 1, not called", "at 1", "at 1, not called", "at 7"]


def test_reads_every_kind_of_relation_once(database: Connection) -> None:
    """Leaves of partitions, heirs, unlogged tables and materialised views come once."""
    database.execute(
        "CREATE TABLE p (k int) PARTITION BY LIST (k);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
        "CREATE TABLE base (n int); CREATE TABLE heir () INHERITS (base);"
        "CREATE UNLOGGED TABLE u (n int); CREATE TABLE nothing ();"
        "INSERT INTO p VALUES (1); INSERT INTO heir VALUES (1);"
        "CREATE MATERIALIZED VIEW m AS TABLE base;"
        "CREATE MATERIALIZED VIEW later AS TABLE base WITH NO DATA;"
        "CREATE VIEW v AS TABLE base; CREATE TEMP TABLE gone (n int);"
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        "CREATE FOREIGN TABLE far (n int) SERVER s; CREATE SCHEMA oneroof;"
        "CREATE TABLE oneroof.tripwire (n int)"
    )
    content = read_content(database)
    assert {key: item.rows for key, item in content.items.items()} == {
        "materialized_view public.later": None,
        "materialized_view public.m": 1,
        "table public.base": 0,
        "table public.heir": 1,
        "table public.nothing": 0,
        "table public.p1": 1,
        "table public.u": 0,
    }
    assert str(content.items["materialized_view public.later"]) == "not populated"
    assert content.left_out == ("schema oneroof", "foreign_table public.far")
    assert content.unreadable == ()


def test_reads_only_the_tables_named(database: Connection) -> None:
    """Tables are named by oid or by name; a partitioned one stands for its leaves."""
    database.execute(
        "CREATE TABLE p (k int) PARTITION BY LIST (k);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
        'CREATE TABLE "Odd %s {} name" (t int, "t.*" text); CREATE TABLE other (n int);'
        "CREATE SEQUENCE s"
    )
    (oid,) = database.execute("""SELECT '"Odd %s {} name"'::regclass::oid""").fetchall()
    content = read_content(database, ["public.p", *oid, "public.absent", 1])
    assert {key: str(item) for key, item in content.items.items()} == {
        "table 1": "unreadable: no such relation",
        "table public.Odd %s {} name": "0 rows, digest 0",
        "table public.absent": "unreadable: no such relation",
        "table public.p1": "0 rows, digest 0",
    }


def test_reports_what_it_may_not_read(database: Connection, role: str) -> None:
    """A role with SELECT reads; what it may not read is named, never skipped."""
    database.execute(
        sql.SQL(
            "CREATE TABLE open (n int); CREATE TABLE closed (n int);"
            "CREATE TABLE filtered (n int); CREATE SEQUENCE s; CREATE SCHEMA shut;"
            "CREATE TABLE shut.t (n int);"
            "ALTER TABLE filtered ENABLE ROW LEVEL SECURITY;"
            "GRANT SELECT ON open, filtered, shut.t TO {0}; SET ROLE {0}"
        ).format(sql.Identifier(role))
    )
    with database.transaction():
        database.execute("SET TRANSACTION READ ONLY")
        content = read_content(database)
    assert {key: str(item) for key, item in content.items.items()} == {
        "sequence public.s": "unreadable: no SELECT right",
        "table public.closed": "unreadable: no SELECT right",
        "table public.filtered": "unreadable: row security hides rows",
        "table public.open": "0 rows, digest 0",
        "table shut.t": "unreadable: no USAGE right on schema shut",
    }
    assert set(content.unreadable) == content.items.keys() - {"table public.open"}


def test_reads_large_objects(database: Connection, role: str) -> None:
    """Their bytes are content; without the right to read them they are unreadable."""
    key = "large_objects pg_largeobject"
    assert key not in read_content(database).items
    database.execute("SELECT lo_from_bytea(4711, 'one')")
    before = read_content(database)
    database.execute("SELECT lo_put(4711, 0, 'two')")
    (difference,) = compare_content(before, read_content(database))
    assert difference.kind == "large_objects"
    database.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    assert read_content(database).unreadable == (key,)


def test_is_blind_to_settings_and_puts_them_back(database: Connection) -> None:
    """Formats of the session neither matter nor change; no transaction stays open."""
    database.execute(
        "CREATE TABLE t (a timestamptz, b interval, c float8, d bytea, e regclass);"
        "INSERT INTO t VALUES ('2026-01-01', '1 day 2 h', 1.1 / 3, '\\x01', 't')"
    )
    before = read_content(database)
    database.execute(
        "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET search_path = ''; "
        "SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 0;"
        "SET bytea_output = 'escape'"
    )
    assert compare_content(before, read_content(database)) == ()
    assert database.execute("SHOW bytea_output").fetchone() == ("escape",)
    assert database.info.transaction_status == TransactionStatus.IDLE


def test_names_the_table_that_cannot_be_read(
    database: Connection, fresh_database: str
) -> None:
    """A read that the server refuses fails with the table and the server's words."""
    database.execute("CREATE TABLE held (n int)")
    database.execute("SET lock_timeout = '50ms'")
    with psycopg.connect(fresh_database) as other:
        other.execute("LOCK TABLE held")
        with pytest.raises(e.OneroofError) as raised:
            read_content(database)
    assert str(raised.value).startswith(
        "cannot read the content of table public.held: canceling statement due to lock"
    )
    assert database.info.transaction_status == TransactionStatus.IDLE


def test_digest_covers_unreadable_items() -> None:
    """A content that could not be read has another digest than an empty one."""
    one = ContentFingerprint({"table a": Content(0, "0")})
    other = ContentFingerprint({"table a": Content(None, "", "no SELECT right")})
    assert one.formula == CONTENT_FORMULA == "oneroof-content/1"
    assert one.digest != other.digest
    (difference,) = compare_content(one, other)
    assert difference.after == "unreadable: no SELECT right"


def _insert(connection: Connection, kind: str, value: str | None) -> None:
    plain = kind.removesuffix(" COLLATE loose")
    connection.execute(
        sql.SQL("INSERT INTO one VALUES (1, {}::{})").format(
            sql.Literal(value),
            sql.SQL(plain),
        )
    )


def _create_table(connection: Connection, kind: str, value: str) -> None:
    try:
        if "COLLATE" in kind:
            connection.execute(
                "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2',"
                " deterministic = false)"
            )
        connection.execute(f"CREATE TABLE one (n int, v {kind})")
        _insert(connection, kind, value)
    except psycopg.errors.FeatureNotSupported as error:
        pytest.skip(f"this build of PostgreSQL lacks it: {error}")
