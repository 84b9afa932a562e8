"""What a guarded check may send, and what is refused with which words."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

from pytest_oneroof.statements.policy import (
    Circumstances,
    Refusal,
    judge_guarded,
    rules,
)
from pytest_oneroof.statements.rules import Rule

GUARDED = [rule for rule in rules() if rule.policy == "guarded"]

# For each subject and pattern that is no function, a statement it must refuse.
REFUSED = {
    ("verb", "commit"): "COMMIT AND CHAIN",
    ("verb", "rollback"): "ABORT",
    ("verb", "begin"): "BEGIN READ WRITE",
    ("verb", "start"): "START TRANSACTION",
    ("verb", "prepare"): "PREPARE TRANSACTION 'x'",
    ("verb", "commit_prepared"): "COMMIT PREPARED 'x'",
    ("verb", "rollback_prepared"): "ROLLBACK PREPARED 'x'",
    ("verb", "release"): "RELEASE SAVEPOINT theirs",
    ("verb", "rollback_to"): "ROLLBACK TO theirs",
    ("text", "own savepoint"): "SAVEPOINT OneRoof_example",
    ("text", "unparsed savepoint"): "SAVEPOINT a FROBNICATE",
    (
        "next mode",
        "default_transaction_*",
    ): "SET default_transaction_isolation = 'serializable'",
    ("setting", "oneroof.pass*"): "SELECT set_config('oneroof.pass', 'x', true)",
    ("written", "schema oneroof"): "DROP SCHEMA oneroof CASCADE",
    ("written", "oneroof.*"): "ALTER TABLE oneroof.tripwire DISABLE TRIGGER USER",
    ("trait", "file on the server"): "COPY (SELECT 1) TO '/tmp/x'",
    ("trait", "program on the server"): "COPY t FROM PROGRAM 'cat /etc/passwd'",
    (
        "call beside",
        "pg_logical_emit_message",
    ): "SELECT pg_logical_emit_message(false, 'a', 'b')",
    ("call beside", "pg_cancel_backend"): "SELECT pg_cancel_backend(42)",
    ("statement", "AlterSystemStmt"): "ALTER SYSTEM SET work_mem = '1GB'",
    ("statement", "LoadStmt"): "LOAD 'auto_explain'",
    ("statement", "CreatedbStmt"): "CREATE DATABASE x",
    ("statement", "DropdbStmt"): "DROP DATABASE IF EXISTS x",
    ("statement", "CreateTableSpaceStmt"): "CREATE TABLESPACE x LOCATION '/x'",
    ("statement", "DropTableSpaceStmt"): "DROP TABLESPACE x",
    (
        "statement",
        "CreateSubscriptionStmt",
    ): "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
    ("statement", "AlterSubscriptionStmt"): "ALTER SUBSCRIPTION s DISABLE",
    ("statement", "DropSubscriptionStmt"): "DROP SUBSCRIPTION s",
    (
        "statement",
        "CreateForeignServerStmt",
    ): "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw",
    ("statement", "AlterForeignServerStmt"): "ALTER SERVER s OPTIONS (host 'x')",
    ("statement", "CreateUserMappingStmt"): "CREATE USER MAPPING FOR x SERVER s",
    (
        "statement",
        "AlterUserMappingStmt",
    ): "ALTER USER MAPPING FOR x SERVER s OPTIONS (user 'a')",
    ("statement", "CreateForeignTableStmt"): "CREATE FOREIGN TABLE t (a int) SERVER s",
    (
        "statement",
        "ImportForeignSchemaStmt",
    ): "IMPORT FOREIGN SCHEMA a FROM SERVER s INTO b",
    ("statement", "CreateFdwStmt"): "CREATE FOREIGN DATA WRAPPER f",
    ("statement", "AlterFdwStmt"): "ALTER FOREIGN DATA WRAPPER f NO HANDLER",
    ("statement", "CreatePLangStmt"): "CREATE LANGUAGE x HANDLER y",
    ("language", "*"): "DO LANGUAGE plpython3u 'x'",
}


def example(rule: Rule) -> str:
    name = rule.pattern.replace("*", "x")
    if rule.subject in ("function", "any function"):
        return f"SELECT {name}(1)"
    if rule.subject == "extension":
        return f"CREATE EXTENSION IF NOT EXISTS {name}"
    return REFUSED[rule.subject, rule.pattern]


def guarded_refusal(text: str, **where: Any) -> Refusal | None:
    return judge_guarded(text, Circumstances(**where)).refusal


def words(value: object) -> str:
    if isinstance(value, Rule):
        value = f"{value.subject} {value.pattern}"
    return "-".join(re.findall(r"\w+", str(value), re.ASCII))[:60] or "empty"


@pytest.mark.parametrize("rule", GUARDED, ids=words)
@pytest.mark.parametrize(
    "frame",
    [
        "{}",
        "{};",
        "SELECT ';'; {}; SELECT 2",
        "/* ; */ -- ;\n  {} -- ;",
        "CREATE TEMP TABLE x (a text DEFAULT 'a;b')\n;\n{}\n;",
    ],
    ids=["alone", "ended", "in-the-middle", "among-comments", "last"],
)
def test_every_rule_refuses_wherever_it_stands(rule: Rule, frame: str) -> None:
    """Each rule refuses its example, alone and in a text of several statements."""
    refusal = guarded_refusal(frame.format(example(rule)), plays_commits=True)
    assert refusal is not None
    assert refusal.rule == rule


@pytest.mark.parametrize("rule", GUARDED, ids=words)
def test_every_rule_says_what_and_why_and_what_instead(rule: Rule) -> None:
    """The first line is short, plain and without a period; there is a remedy."""
    refusal = guarded_refusal(example(rule), plays_commits=True)
    assert refusal is not None
    assert re.fullmatch(r"refused [^\n]{10,92}[^.\n{}]", refusal.message)
    assert rule.reason in refusal.message
    assert rule.remedy == refusal.remedy != ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "select 1; commit and chain",
            "refused COMMIT: it would make the check's changes permanent",
        ),
        (
            "ROLLBACK TO x",
            "refused ROLLBACK TO of a savepoint the check did not open: "
            "it may belong to the proof",
        ),
        (
            "SET LOCAL oneroof.pass = 'x'",
            "refused SET oneroof.pass: it disarms the proof of this check",
        ),
        (
            "COPY t TO PROGRAM 'x'",
            "refused COPY to or from a program on the server: "
            "a rollback does not undo it and nothing shows it",
        ),
        (
            "SELECT pg_catalog.pg_reload_conf()",
            "refused pg_reload_conf(): it acts on the server, beside the clone",
        ),
        (
            "TRUNCATE oneroof.tripwire",
            "refused a change of oneroof.tripwire: it holds the proof of every check",
        ),
        (
            "CREATE USER MAPPING FOR a SERVER b",
            "refused CREATE USER MAPPING: "
            "it opens a path out of the clone that no rollback covers",
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x'",
            "refused code in language c: it can act outside of the database, unseen",
        ),
        (
            "CREATE EXTENSION dblink",
            "refused CREATE EXTENSION dblink: "
            "its routines act outside of this transaction",
        ),
    ],
    ids=words,
)
def test_messages(text: str, message: str) -> None:
    """The message names the command, function or object as found, and the reason."""
    refusal = guarded_refusal(text)
    assert refusal is not None
    assert refusal.message == message


@pytest.mark.parametrize(
    "text",
    [
        "EXPLAIN ANALYZE SELECT lo_export(1, '/x')",
        "EXPLAIN (ANALYZE) INSERT INTO t SELECT pg_switch_wal()::text",
        "PREPARE q AS SELECT lo_export($1, $2)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT dblink_exec('x', 'y')",
        "CREATE TABLE t AS SELECT pg_promote()",
        "CREATE MATERIALIZED VIEW v AS SELECT pg_reload_conf()",
        "COPY (SELECT lo_export(1, '/x')) TO STDOUT",
        "CREATE RULE r AS ON INSERT TO t DO ALSO SELECT pg_reload_conf()",
        "WITH a AS (INSERT INTO t SELECT pg_stat_reset()::text RETURNING 1) TABLE a",
        "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM public.dblink('x', 'y') AS d (a))",
        "CALL lo_export(1, '/x')",
        "DO $$ BEGIN PERFORM lo_export(1, '/x'); END $$",
        "DO $$ BEGIN IF true THEN COPY t TO '/x'; END IF; END $$",
        "DO $$ BEGIN EXECUTE 'ALTER SYSTEM SET a = 1'; END $$",
        "DO $$ BEGIN EXECUTE format('COPY %I TO PROGRAM %L', 't', 'x'); END $$",
        "DO $$ BEGIN EXECUTE $x$SELECT dblink_exec('a', 'b')$x$; END $$",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT lo_import(''/x'')'",
        "CREATE FUNCTION f() RETURNS int RETURN lo_import('/x')",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN pg_catalog.lo_import('/x'); END $$",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql "
        "SET oneroof.pass = 'x' AS 'BEGIN END'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'int4pl'",
        "CREATE PROCEDURE p() LANGUAGE plperlu AS ''",
        "SELECT U&\"\\006Co_export\"(1, '/x')",
        'SELECT "pg_catalog"."lo_export"(1, \'/x\')',
        "SELECT pg_logical_emit_message(a, 'x', 'y') FROM t",
        "SELECT pg_logical_emit_message(content => 'c', prefix => 'p', "
        "transactional => false)",
        "DO $$ BEGIN PERFORM pg_logical_emit_message(flag, 'a', 'b'); END $$",
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity",
        "DO $$ BEGIN PERFORM pg_cancel_backend(pid) FROM t; END $$",
        "DO $$ DECLARE load int; BEGIN load := 1; LOAD 'auto_explain'; END $$",
        "DO $$ BEGIN CASE WHEN a THEN NULL; ELSE COPY t TO PROGRAM 'x'; END CASE; "
        "END $$",
        "DO $$ BEGIN NULL; EXCEPTION WHEN others THEN ALTER SYSTEM SET a = 1; END $$",
        "DO $$ BEGIN EXECUTE 'COPY t TO PROG' || 'RAM ' || quote_literal(x); END $$",
        "DO $$ BEGIN EXECUTE format('%s TO %L', 'COPY t', f); END $$",
        "DO $$ BEGIN EXECUTE format('ALTER %2$s SET a = %1$L', x, 'SYSTEM'); END $$",
        "DO $$ BEGIN EXECUTE concat('ALTER SYS', 'TEM SET a = 1') USING b; END $$",
        "DO $$ BEGIN EXECUTE ('LOAD ''x''')::text; END $$",
        "DO $$ BEGIN FOR r IN EXECUTE 'SELECT lo_export(1, ''/x'')' LOOP END LOOP; "
        "END $$",
        "DO $$ DECLARE a int := lo_export(1, '/x'); BEGIN END $$",
        "DO $$ DECLARE c CURSOR FOR SELECT lo_export(1, '/x'); BEGIN END $$",
        "DO $$ BEGIN RETURN QUERY SELECT lo_export(1, '/x') INTO STRICT a; END $$",
        "FROBNICATE; DO $$ BEGIN PERFORM lo_export(1, '/x'); END $$",
        "SELECT query, lo_export(1, '/x') FROM t; DROP SCHEMA mine, oneroof",
        "COMMENT ON COLUMN oneroof.tripwire.nonce IS 'x'",
        "DROP TRIGGER a ON oneroof.tripwire",
        "ALTER SCHEMA oneroof RENAME TO x",
    ],
    ids=words,
)
def test_refuses_what_is_inside(text: str) -> None:
    """A refused thing stays refused inside another statement, body or string."""
    assert guarded_refusal(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-- COMMIT;",
        "/* ; COMMIT; /* ROLLBACK; */ ; END */ SELECT 1",
        "SELECT 'COMMIT'; SELECT '; COMMIT; '",
        "SELECT $$; COMMIT; $$, $x$ ; ROLLBACK $x$",
        r"SELECT E'\'; COMMIT; --'",
        r"SELECT 'C:\'; SELECT ' COMMIT'",
        'SELECT 1 AS "commit", "ROLLBACK" FROM "; COMMIT"',
        "SELECT 'lo_export(1, ''/x'')' AS \"dblink('x')\"",
        "SELECT commit, rollback, work FROM begin_end AS savepoint",
        "SELECT mine.pg_reload_conf(), my_lo_export(1), lo_exported(2)",
        "INSERT INTO oneroof (a) VALUES (1)",
        "CREATE TABLE oneroof_things (commit int)",
        "SELECT * FROM oneroof.tripwire",
        "SAVEPOINT a; ROLLBACK TO a; ROLLBACK TO SAVEPOINT A; RELEASE a",
        "SET CONSTRAINTS ALL IMMEDIATE",
        "SET LOCAL ROLE x; RESET ROLE; SET search_path = a, b; RESET ALL",
        "SET standard_conforming_strings = off; RESET standard_conforming_strings",
        "SET TRANSACTION READ ONLY; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET SESSION AUTHORIZATION DEFAULT; RESET SESSION AUTHORIZATION",
        "UPDATE pg_settings SET setting = '1' WHERE name = 'extra_float_digits'",
        "SET LOCAL oneroof.target_database = 'x'",
        "SELECT set_config('oneroof.stage_gov_emit', '0', true)",
        "SELECT set_config('app.user', '7', true), set_config(a, b, true) FROM t",
        "COPY t FROM STDIN; COPY t TO STDOUT; COPY (SELECT '/x') TO STDOUT",
        "LISTEN a; NOTIFY a, 'COMMIT'; UNLISTEN *; SELECT pg_notify('a', 'b')",
        "PREPARE q AS SELECT 1; EXECUTE q; DEALLOCATE q",
        "SELECT pg_advisory_lock(1), nextval('s'), setval('s', 1), pg_sleep(0)",
        "SELECT lo_create(0), lo_get(1), lo_put(1, 0, '\\x00')",
        "SELECT pg_read_file('x'), pg_ls_dir('y')",
        "SELECT pg_cancel_backend(pg_backend_pid())",
        "DO $$ BEGIN PERFORM pg_cancel_backend(pg_backend_pid()); END $$",
        "SELECT pg_logical_emit_message(true, 'a', 'b')",
        "SELECT pg_logical_emit_message(transactional => true, prefix => 'a', "
        "content => 'b')",
        "SELECT pg_logical_emit_message('t'::boolean, 'a', 'b')",
        "DO $$ BEGIN PERFORM pg_logical_emit_message(true, 'a', 'b'); END $$",
        "CREATE ROLE x; ALTER ROLE x SET default_transaction_read_only = on",
        "ALTER DATABASE d SET work_mem = '1MB'; COMMENT ON DATABASE d IS 'x'",
        "CREATE EXTENSION hstore; CREATE PUBLICATION p FOR ALL TABLES",
        "DISCARD TEMP; DISCARD PLANS; ANALYZE; LOCK t; CHECKPOINT",
        "ALTER TABLE t DISABLE TRIGGER USER; TRUNCATE t RESTART IDENTITY CASCADE",
        "DROP SERVER s CASCADE; DROP FOREIGN TABLE t; DROP EXTENSION dblink",
        "ALTER SEQUENCE s RESTART; CREATE EVENT TRIGGER e ON sql_drop "
        "EXECUTE FUNCTION f()",
        "DO $$ BEGIN RAISE NOTICE 'COMMIT; dblink(x) lo_export(1)'; END $$",
        "DO $$ DECLARE commit int; BEGIN BEGIN NULL; EXCEPTION WHEN others THEN "
        "NULL; END; FOR i IN 1..2 LOOP COMMIT; END LOOP; END $$",
        "DO $$ BEGIN EXECUTE 'COMMENT ON TABLE t IS ' || quote_literal('a'); END $$",
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO log (a) VALUES (format('%s', NEW)); RETURN NEW; END $$",
        "EXPLAIN ANALYZE DELETE FROM t; MERGE INTO a USING b ON true "
        "WHEN MATCHED THEN DELETE",
        "DO $$ DECLARE load int[]; copy text DEFAULT trim(from 'x'); BEGIN load := 1; "
        "load[1] := 2; copy = 'x'; load.x := 3; IF load THEN NULL; END IF; END $$",
        "DO $$ BEGIN x := CASE WHEN copy THEN load ELSE rollback END; "
        "FOR commit IN 1..2 LOOP PERFORM commit; END LOOP; RETURN; END $$",
        "DO $$ BEGIN EXECUTE 'INSERT INTO log VALUES ($1)' USING 'ALTER SYSTEM'; "
        "EXECUTE 'SELECT ' || quote_literal('LOAD x') INTO x; END $$",
        "DO $$ BEGIN EXECUTE format('SELECT %L', 'COPY t TO x'); END $$",
        "DO $$ BEGIN EXECUTE cmd; EXECUTE cmd || ' TO PROGRAM x'; END $$",
        "DO $$ BEGIN GRANT EXECUTE ON FUNCTION f() TO x; "
        "INSERT INTO lo_export (a) VALUES (1) RETURNING a INTO b; END $$",
        "CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f('lo_export(1)')",
        "COMMENT ON COLUMN oneroof.a IS 'a table of that name'; DROP TABLE oneroof",
        "SELECT mine.pg_cancel_backend(1), mine.pg_logical_emit_message(false, 'a')",
        "WITH lo_export (a) AS (SELECT 1) SELECT a FROM lo_export",
        "sel 1",
        "FROBNICATE t; SELECT 1; SAVEPOINT a; ROLLBACK TO a",
        "SELECT 'it; COMMIT",
        "SELECT ünïcödé, \"Größe\", '日本' FROM таблица",
        "SELECT " + "||".join(["'commit'"] * 3_000),
    ],
    ids=words,
)
def test_lets_ordinary_statements_pass(text: str) -> None:
    """What a rollback undoes, what is put back, and mere words are not refused."""
    assert guarded_refusal(text) is None


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("frobnicate t; COMMIT", "commit"),
        ("frobnicate t; end; select 1", "commit"),
        ("frobnicate dblink_exec('a', 'b')", "dblink_exec"),
        ("COPY t TO '/x' FROBNICATE", "file on the server"),
        ("frobnicate; CREATE EXTENSION dblink FROB", "dblink"),
        ("frobnicate; SET oneroof.pass = 'x' frob", "oneroof.pass*"),
        ("SELECT lo_export(1, '/x')" + "+1" * 300_000, "lo_export"),
        ("SELECT 1;" * 60_000 + "COMMIT; SELECT 2", "commit"),
    ],
    ids=[
        "commit-behind-unknown-syntax",
        "end-between",
        "call",
        "copy",
        "extension",
        "setting",
        "huge-statement",
        "huge-text",
    ],
)
def test_reads_tokens_where_there_is_no_tree(text: str, rule: str) -> None:
    """Unparsed and oversize text is refused for what its tokens show."""
    refusal = guarded_refusal(text)
    assert refusal is not None
    assert refusal.rule.pattern == rule


def test_savepoints_opened_before_may_be_used() -> None:
    """Names from before count as the check's own, others do not."""
    assert guarded_refusal("ROLLBACK TO a", open_savepoints=frozenset("ab")) is None
    assert guarded_refusal("RELEASE B", open_savepoints=frozenset("ab")) is None
    assert guarded_refusal('RELEASE "B"', open_savepoints=frozenset("ab")) is not None
    assert guarded_refusal("RELEASE a; SAVEPOINT a") is not None


def test_shows_the_statement_without_its_password() -> None:
    """The refused statement alone is shown, and no password in it."""
    texts = [
        "CREATE USER MAPPING FOR a SERVER b OPTIONS (password 'it''s secret')",
        "SELECT dblink_connect('host=h password=secret user=u')",
        "SELECT dblink_connect('postgresql://u:secret@h/d')",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password = secret' PUBLICATION p",
    ]
    for text in texts:
        refusal = guarded_refusal(f"SELECT 1; {text}; SELECT 2")
        assert refusal is not None
        assert "secret" not in refusal.statement
        assert "***" in refusal.statement
        assert refusal.statement.split()[:2] == text.split()[:2] or "(" in text
        assert "SELECT 2" not in refusal.statement


def test_a_refusal_makes_its_error() -> None:
    """The error carries message, statement and remedy, and survives pickling."""
    refusal = guarded_refusal("SELECT 1; END")
    assert refusal is not None
    error = pickle.loads(pickle.dumps(refusal.error()))
    assert (error.message, error.statement, error.remedy) == (
        refusal.message,
        "END",
        refusal.remedy,
    )


FUNCTIONS = """
    dblink dblink_connect dblink_connect_u dblink_exec dblink_open dblink_send_query
    http_delete http_get http_post lo_export lo_import pg_backup_start pg_backup_stop
    pg_copy_logical_replication_slot pg_copy_physical_replication_slot
    pg_create_logical_replication_slot pg_create_physical_replication_slot
    pg_create_restore_point pg_drop_replication_slot pg_file_rename pg_file_unlink
    pg_file_write pg_log_standby_snapshot pg_logical_emit_message
    pg_logical_slot_get_binary_changes pg_logical_slot_get_changes pg_promote
    pg_reload_conf pg_replication_origin_advance pg_replication_slot_advance
    pg_rotate_logfile pg_start_backup pg_stat_reset pg_stat_reset_shared
    pg_stat_reset_single_table_counters pg_stat_statements_reset pg_stop_backup
    pg_switch_wal pg_sync_replication_slots pg_terminate_backend pg_wal_replay_pause
""".split()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_refuses_functions_that_no_rollback_undoes(name: str) -> None:
    """Functions that act beside the transaction are refused, also from FROM."""
    refusal = guarded_refusal(f"SELECT * FROM {name.title()}(a, b) AS x")
    assert refusal is not None
    assert name in refusal.message


def test_every_example_has_its_rule() -> None:
    """No rule that is shown here has gone from the tables."""
    assert set(REFUSED) <= {(rule.subject, rule.pattern) for rule in GUARDED}
