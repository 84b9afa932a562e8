"""What a schema fingerprint tells of each kind of change, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof.fingerprint.compare import compare, read_schema

Connection = psycopg.Connection[Any]

MODEL = Path(__file__).with_name("fingerprint_gov.sql")

# statement; kind, identity and change of the one difference; lines of its diff
CHANGES = {
    "view": (
        "CREATE OR REPLACE VIEW gov.live AS SELECT id, state FROM gov.thing"
        " WHERE state IN ('draft', 'retired') AND level > 0",
        ("view", "gov.live", "changed"),
        [
            "    -WHERE (((state)::text = ANY (ARRAY['draft'::text, 'active'::text]))",
            "    +WHERE (((state)::text = ANY (ARRAY['draft'::text, 'retired'::text]))",
        ],
    ),
    "column": (
        "ALTER TABLE gov.owner ADD note text NOT NULL DEFAULT 'none'",
        ("table", "gov.owner", "changed"),
        ["    +  note text NOT NULL DEFAULT 'none'::text"],
    ),
    "default": (
        "ALTER TABLE gov.thing ALTER state SET DEFAULT 'active'",
        ("table", "gov.thing", "changed"),
        [
            "    -  state character varying(20) DEFAULT 'draft'::character varying",
            "    +  state character varying(20) DEFAULT 'active'::character varying",
        ],
    ),
    "not null": (
        "ALTER TABLE gov.thing ALTER level SET NOT NULL",
        ("table", "gov.thing", "changed"),
        ["    -  level integer", "    +  level integer NOT NULL"],
    ),
    "storage option": (
        "ALTER TABLE gov.thing SET (fillfactor = 70)",
        ("table", "gov.thing", "changed"),
        ["    +WITH fillfactor=70"],
    ),
    "row security": (
        "ALTER TABLE gov.owner FORCE ROW LEVEL SECURITY",
        ("table", "gov.owner", "changed"),
        ["    +ROW LEVEL SECURITY FORCED"],
    ),
    "trigger disabled": (
        "ALTER TABLE gov.thing DISABLE TRIGGER touch",
        ("trigger", "gov.thing.touch", "changed"),
        [") EXECUTE FUNCTION gov.touch() -- DISABLED"],
    ),
    "foreign key not enforced": (
        "ALTER TABLE gov.thing DISABLE TRIGGER ALL;"
        "ALTER TABLE gov.thing ENABLE TRIGGER USER",
        ("constraint", "gov.thing.thing_owner_fkey", "changed"),
        ["-- 2 of its triggers not enabled"],
    ),
    "constraint not valid": (
        "ALTER TABLE gov.thing ADD CONSTRAINT few CHECK (level < 9) NOT VALID",
        ("constraint", "gov.thing.few", "added"),
        ["    +CHECK ((level < 9)) NOT VALID"],
    ),
    "index dropped": (
        "DROP INDEX gov.ix_live",
        ("index", "gov.ix_live", "removed"),
        ["    -CREATE INDEX ix_live ON gov.thing USING btree(lower(owner)) WHERE"],
    ),
    "function body": (
        "CREATE OR REPLACE FUNCTION gov.twice(n int DEFAULT 1) RETURNS int"
        " LANGUAGE sql AS 'SELECT n * 3'",
        ("function", "gov.twice(integer)", "changed"),
        ["    -AS SELECT n * 2", "    +AS SELECT n * 3"],
    ),
    "function blank": (
        "CREATE OR REPLACE FUNCTION gov.twice(n int DEFAULT 1) RETURNS int"
        " LANGUAGE sql AS 'SELECT n * 2 '",
        ("function", "gov.twice(integer)", "changed"),
        ["    +AS SELECT n * 2·"],
    ),
    "function powers": (
        "ALTER FUNCTION gov.twice SECURITY DEFINER SET search_path = gov",
        ("function", "gov.twice(integer)", "changed"),
        [
            "    +LANGUAGE sql VOLATILE SECURITY DEFINER COST 100",
            "    +SET search_path=gov",
        ],
    ),
    "function argument": (
        "CREATE OR REPLACE FUNCTION gov.twice(n int DEFAULT 2) RETURNS int"
        " LANGUAGE sql AS 'SELECT n * 2'",
        ("function", "gov.twice(integer)", "changed"),
        ["    -FUNCTION(n integer DEFAULT 1)", "    +FUNCTION(n integer DEFAULT 2)"],
    ),
    "enum": (
        "ALTER TYPE gov.mood ADD VALUE 'glad' BEFORE 'ok'",
        ("type", "gov.mood", "changed"),
        ["    +  'glad'"],
    ),
    "domain": (
        "ALTER DOMAIN gov.code SET NOT NULL",
        ("type", "gov.code", "changed"),
        ["    +DOMAIN AS character varying(9) NOT NULL"],
    ),
    "sequence": (
        "ALTER SEQUENCE gov.counter INCREMENT 5",
        ("sequence", "gov.counter", "changed"),
        ["INCREMENT 5"],
    ),
    "policy": (
        "ALTER POLICY see ON gov.owner USING (code <> 'y')",
        ("policy", "gov.owner.see", "changed"),
        ["    -USING (code <> 'x'::text)", "    +USING (code <> 'y'::text)"],
    ),
    "rule": (
        "CREATE RULE quiet AS ON DELETE TO gov.thing DO INSTEAD NOTHING",
        ("rule", "gov.thing.quiet", "added"),
        ["    +CREATE RULE quiet AS ON DELETE TO gov.thing DO INSTEAD NOTHING;"],
    ),
    "grant": (
        "GRANT SELECT, INSERT ON gov.thing TO PUBLIC",
        ("grants", "table gov.thing", "added"),
        ["    +GRANT INSERT, SELECT TO PUBLIC"],
    ),
    "column grant": (
        "GRANT UPDATE (state) ON gov.thing TO PUBLIC",
        ("grants", "column gov.thing.state", "added"),
        ["    +GRANT UPDATE TO PUBLIC"],
    ),
    "revoked default": (
        "REVOKE EXECUTE ON FUNCTION gov.twice FROM PUBLIC",
        ("grants", "function gov.twice(integer)", "added"),
        ["    +REVOKE ALL FROM PUBLIC"],
    ),
    "owner's own right": (
        "REVOKE DELETE ON gov.thing FROM CURRENT_USER",
        ("grants", "table gov.thing", "added"),
        ["    +REVOKE DELETE FROM owner"],
    ),
    "default grant": (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA gov GRANT SELECT ON TABLES TO PUBLIC",
        ("default_grants", "postgres tables in gov", "added"),
        ["    +GRANT SELECT TO PUBLIC"],
    ),
    "comment": (
        "COMMENT ON TABLE gov.thing IS 'what is not owned'",
        ("comment", "table gov.thing", "changed"),
        ["    +what is not owned"],
    ),
    "event trigger": (
        "CREATE FUNCTION gov.told() RETURNS event_trigger"
        " LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER told ON sql_drop EXECUTE FUNCTION gov.told()",
        ("event_trigger", "told", "added"),
        ["    +ON sql_drop EXECUTE FUNCTION gov.told()"],
    ),
    "statistics object": (
        "CREATE STATISTICS gov.both ON state, level FROM gov.thing",
        ("statistics", "gov.both", "added"),
        ["    +CREATE STATISTICS gov.both ON state, level FROM gov.thing"],
    ),
}


@pytest.fixture
def database(fresh_database: str) -> Iterator[Connection]:
    """Yield an autocommit connection to a throw-away database with the model."""
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(MODEL.read_text())
        yield connection


@pytest.mark.parametrize(
    ("statement", "expected", "shown"), CHANGES.values(), ids=CHANGES
)
def test_tells_what_changed(
    database: Connection,
    statement: str,
    expected: tuple[str, str, str],
    shown: list[str],
) -> None:
    """Each change gives one difference that names the object and shows the lines."""
    before = read_schema(database)
    database.execute(statement)
    after = read_schema(database)
    found = {(d.kind, d.identity, d.change): d for d in compare(before, after)}
    assert expected in found
    assert [key for key in found if key != expected and key[1] != "gov.told()"] == []
    assert before.digest != after.digest
    for line in shown:
        assert line in str(found[expected])
