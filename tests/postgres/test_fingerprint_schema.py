"""The schema fingerprint on a real server: what moves it and what does not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.pq import TransactionStatus

from pytest_oneroof.fingerprint.compare import (
    SCHEMA_FORMULA,
    SchemaFingerprint,
    Scope,
    compare,
    read_schema,
    render,
)
from pytest_oneroof.fingerprint.session import steady_session

Connection = psycopg.Connection[Any]

MODEL = Path(__file__).with_name("fingerprint_gov.sql")


@pytest.fixture
def database(fresh_database: str) -> Iterator[Connection]:
    """Yield an autocommit connection to a throw-away database with the model."""
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(MODEL.read_text())
        yield connection


@pytest.fixture
def role(database: Connection) -> Iterator[str]:
    """Yield a new role without any right; it and what it owns go afterwards."""
    name = f"fp_{secrets.token_hex(4)}"
    identifier = sql.Identifier(name)
    database.execute(sql.SQL("CREATE ROLE {}").format(identifier))
    yield name
    database.execute("RESET ROLE")
    database.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(identifier))
    database.execute(sql.SQL("DROP ROLE {}").format(identifier))


def test_is_equal_when_nothing_changed(database: Connection) -> None:
    """Two readings of one schema are equal, down to the digest."""
    one, two = read_schema(database), read_schema(database)
    assert one.digest == two.digest
    assert compare(one, two) == ()
    assert one.formula == SCHEMA_FORMULA == "oneroof-schema/1"


def test_is_blind_to_the_drift_of_array_literals(database: Connection) -> None:
    """Definitions that came back through their own text, as by a dump, are equal."""
    before, printed = read_schema(database), _printed(database)
    _restore_definitions(database)
    assert _printed(database) != printed
    assert render(compare(before, read_schema(database))) == "no difference"


def test_is_blind_to_a_new_owner(database: Connection, role: str) -> None:
    """Giving every object to another role, grants included, changes nothing."""
    database.execute("GRANT SELECT ON gov.thing TO PUBLIC")
    database.execute("REVOKE DELETE ON gov.owner FROM CURRENT_USER")
    database.execute("GRANT EXECUTE ON FUNCTION gov.twice TO CURRENT_USER")
    before = read_schema(database)
    for what in (
        *("SCHEMA gov", "TABLE gov.owner", "TABLE gov.thing", "VIEW gov.live"),
        *("FUNCTION gov.touch", "FUNCTION gov.twice", "SEQUENCE gov.counter"),
        *("TYPE gov.mood", "DOMAIN gov.code"),
    ):
        database.execute(
            sql.SQL("ALTER {} OWNER TO {}").format(sql.SQL(what), sql.Identifier(role))
        )
    after = read_schema(database)
    assert render(compare(before, after)) == "no difference"
    assert after.objects["grants table gov.owner"] == "REVOKE DELETE FROM owner"


def test_names_roles_as_told(database: Connection, role: str) -> None:
    """A role in grants and policies gets the given name, or its grants go."""
    database.execute(
        sql.SQL(
            "GRANT SELECT ON gov.thing TO {0}; ALTER POLICY see ON gov.owner TO {0}"
        ).format(sql.Identifier(role))
    )
    key = "grants table gov.thing"
    assert read_schema(database).objects[key] == f"GRANT SELECT TO {role}"
    named = read_schema(database, scope=Scope(roles={role: "reader"}))
    assert named.objects[key] == "GRANT SELECT TO reader"
    assert "TO reader" in named.objects["policy gov.owner.see"]
    without = read_schema(database, scope=Scope(roles={role: None})).objects
    assert key not in without
    assert "PERMISSIVE FOR ALL TO roles left out" in without["policy gov.owner.see"]


def test_is_blind_to_settings_and_puts_them_back(database: Connection) -> None:
    """The session's search_path, formats and quoting neither matter nor change."""
    database.execute(
        "ALTER TABLE gov.thing ADD at timestamptz DEFAULT '2026-01-01 UTC'"
    )
    before = read_schema(database)
    database.execute(
        "SET search_path = gov; SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German';"
        "SET quote_all_identifiers = on; SET IntervalStyle = 'iso_8601'"
    )
    assert render(compare(before, read_schema(database))) == "no difference"
    shown = [
        database.execute(sql.SQL("SHOW {}").format(sql.SQL(name))).fetchone()
        for name in ("search_path", "TimeZone", "DateStyle", "quote_all_identifiers")
    ]
    assert shown == [("gov",), ("Asia/Tokyo",), ("German, DMY",), ("on",)]
    assert database.info.transaction_status == TransactionStatus.IDLE


def test_reads_in_a_read_only_transaction_as_a_powerless_role(
    database: Connection, role: str
) -> None:
    """A role without rights, in a READ ONLY transaction, sees the same schema."""
    expected = read_schema(database)
    database.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    with database.transaction():
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        database.execute("SET LOCAL search_path = gov")
        found = read_schema(database)
        assert database.info.transaction_status == TransactionStatus.INTRANS
        assert database.execute("SHOW search_path").fetchone() == ("gov",)
        assigned = database.execute(
            "SELECT pg_current_xact_id_if_assigned()"
        ).fetchone()
        assert assigned == (None,)
    assert render(compare(expected, found)) == "no difference"


def test_reads_an_idle_connection_with_one_read_only_snapshot(
    database: Connection,
) -> None:
    """On an idle connection all statements share a snapshot, and none can write."""
    with steady_session(database) as cursor:
        cursor.execute(
            "SELECT current_setting('transaction_isolation'),"
            " current_setting('transaction_read_only')"
        )
        assert cursor.fetchone() == ("repeatable read", "on")
    assert database.execute("SHOW transaction_read_only").fetchone() == ("off",)


def test_sees_the_changes_of_its_own_transaction(database: Connection) -> None:
    """What an open transaction changed is told, and gone after its rollback."""
    before = read_schema(database)
    with database.transaction(force_rollback=True):
        database.execute("DROP VIEW gov.live")
        inside = read_schema(database)
    (difference,) = compare(before, inside)
    assert (difference.kind, difference.change) == ("view", "removed")
    assert compare(before, read_schema(database)) == ()


def test_is_blind_to_what_a_rollback_leaves(database: Connection) -> None:
    """Statistics of a rolled-back CREATE INDEX or ANALYZE are no part of it."""
    statistics = (
        "SELECT relhasindex, reltuples, relpages FROM pg_class"
        " WHERE oid = 'gov.plain'::regclass"
    )
    database.execute(
        "CREATE TABLE gov.plain AS SELECT g AS n FROM generate_series(1, 9) g"
    )
    before, was = read_schema(database), database.execute(statistics).fetchone()
    for statement in ("CREATE INDEX ON gov.plain (n)", "ANALYZE gov.plain"):
        with database.transaction(force_rollback=True):
            database.execute(statement)
    assert database.execute(statistics).fetchone() != was
    assert render(compare(before, read_schema(database))) == "no difference"


def test_leaves_our_schema_out_and_says_so(database: Connection) -> None:
    """Schema oneroof is named as left out; nothing in it is an object."""
    before = read_schema(database)
    assert before.left_out == ()
    database.execute("CREATE SCHEMA oneroof; CREATE TABLE oneroof.tripwire (n int)")
    after = read_schema(database)
    assert compare(before, after) == ()
    assert after.left_out == ("schema oneroof",)


def test_leaves_temporary_objects_out(database: Connection) -> None:
    """What only this session sees is no part of the schema."""
    before = read_schema(database)
    database.execute("CREATE TEMP TABLE t (n int); CREATE TEMP SEQUENCE s")
    assert compare(before, read_schema(database)) == ()


def test_covers_what_the_scope_names(database: Connection) -> None:
    """A scope holds relations with all they bear, and the types that they use."""
    database.execute("CREATE TABLE public.other (n int)")
    scope = Scope(relations=("gov.thi*",), routines=(), database=False)
    objects = read_schema(database, scope=scope).objects
    assert sorted(objects) == [
        "comment table gov.thing",
        "constraint gov.thing.known_state",
        "constraint gov.thing.sane_level",
        "constraint gov.thing.thing_owner_fkey",
        "constraint gov.thing.thing_pkey",
        "function gov.touch()",
        "index gov.ix_live",
        "index gov.thing_pkey",
        "sequence gov.thing_id_seq",
        "table gov.thing",
        "trigger gov.thing.touch",
    ]
    named = read_schema(database, scope=Scope(relations=("owner", "oth?r"))).objects
    assert {"table gov.owner", "table public.other", "type gov.mood"} <= named.keys()
    assert "table gov.thing" not in named
    only = read_schema(database, scope=Scope(schemas=("public",))).objects
    assert [key for key in only if "gov" in key] == []


def test_summarises_an_extension(database: Connection) -> None:
    """An extension is one object, with its version; its members are none."""
    objects = read_schema(database).objects
    assert objects["extension plpgsql"] == "VERSION 1.0 SCHEMA pg_catalog"
    assert [key for key in objects if "plpgsql" in key] == ["extension plpgsql"]


def test_never_reads_secrets_out(database: Connection) -> None:
    """Options of foreign servers that look like secrets are masked."""
    database.execute(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w"
        " OPTIONS (host 'h', password 'geheim')"
    )
    objects = read_schema(database).objects
    assert objects["server far"] == "WRAPPER w host=h, password=***"
    assert "geheim" not in "".join(objects.values())


def test_tells_partitions_and_foreign_keys_to_them_once(database: Connection) -> None:
    """A foreign key to a partitioned table is one object, whatever its partitions."""
    database.execute(
        "CREATE TABLE gov.part (k int PRIMARY KEY) PARTITION BY RANGE (k);"
        "CREATE TABLE gov.part_1 PARTITION OF gov.part FOR VALUES FROM (0) TO (9);"
        "CREATE TABLE gov.refers (k int REFERENCES gov.part)"
    )
    objects = read_schema(database).objects
    assert "PARTITION BY RANGE (k)" in objects["table gov.part"]
    assert objects["table gov.part_1"].endswith(
        "PARTITION OF gov.part\nFOR VALUES FROM (0) TO (9)"
    )
    assert [key for key in objects if key.startswith("constraint gov.refers.")] == [
        "constraint gov.refers.refers_k_fkey"
    ]


def test_keeps_objects_apart_that_share_a_name(database: Connection) -> None:
    """Overloads, and a type and a table of one name, are objects of their own."""
    database.execute(
        "CREATE FUNCTION gov.twice(n text) RETURNS text LANGUAGE sql AS 'SELECT n';"
        'CREATE TABLE gov."Odd table" ("Select" int, "json" text)'
    )
    objects = read_schema(database).objects
    assert {"function gov.twice(integer)", "function gov.twice(text)"} <= objects.keys()
    assert objects["table gov.Odd table"] == "TABLE\n  Select integer\n  json text"


def test_digest_covers_the_formula() -> None:
    """Equal objects under another formula have another digest."""
    objects = {"table a": "TABLE"}
    one = SchemaFingerprint(objects)
    assert one.digest != SchemaFingerprint(objects, formula="oneroof-schema/0").digest
    assert one.digest == SchemaFingerprint(dict(objects), database="elsewhere").digest
    assert one.digest != SchemaFingerprint({"table aT": "ABLE"}).digest


def _printed(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT conname::text AS name, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'gov'::regnamespace AND contype = 'c'"
        " UNION ALL SELECT 'live', pg_get_viewdef('gov.live'::regclass)"
        " UNION ALL SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE NOT tgisinternal"
        " UNION ALL SELECT 'ix_live', pg_get_indexdef('gov.ix_live'::regclass)"
        " ORDER BY name"
    ).fetchall()


def _restore_definitions(connection: Connection) -> None:
    """Make each object anew from the text that the server prints of it."""
    texts = dict(_printed(connection))
    remake = {
        "known_state": "ALTER TABLE gov.thing DROP CONSTRAINT known_state,"
        f" ADD CONSTRAINT known_state {texts['known_state']}",
        "sane_level": "ALTER TABLE gov.thing DROP CONSTRAINT sane_level,"
        f" ADD CONSTRAINT sane_level {texts['sane_level']}",
        "code_check": "ALTER DOMAIN gov.code DROP CONSTRAINT code_check;"
        f"ALTER DOMAIN gov.code ADD CONSTRAINT code_check {texts['code_check']}",
        "live": f"CREATE OR REPLACE VIEW gov.live AS {texts['live']}",
        "touch": f"DROP TRIGGER touch ON gov.thing; {texts['touch']}",
        "ix_live": f"DROP INDEX gov.ix_live; {texts['ix_live']}",
    }
    assert remake.keys() == texts.keys()
    for statement in remake.values():
        connection.execute(statement)
