"""What a read-only check may send, and what is refused with which words."""

from __future__ import annotations

import re

import pytest

from pytest_oneroof.statements.policy import read_only_refusal, rules
from pytest_oneroof.statements.rules import Rule

READ_ONLY = [rule for rule in rules() if rule.policy == "read-only"]

REFUSED = {
    ("text", "empty"): "-- nothing",
    ("text", "several"): "SELECT 1; SELECT 2",
    ("text", "unparsed"): "SELECT FROM FROM",
    ("statement", "TransactionStmt"): "COMMIT",
    ("statement", "VariableSetStmt"): "SET statement_timeout = 0",
    ("statement", "ConstraintsSetStmt"): "SET CONSTRAINTS ALL IMMEDIATE",
    ("statement", "DiscardStmt"): "DISCARD ALL",
    ("statement", "InsertStmt"): "WITH a AS (INSERT INTO t DEFAULT VALUES "
    "RETURNING 1) SELECT * FROM a",
    ("statement", "UpdateStmt"): "EXPLAIN ANALYZE UPDATE t SET a = 1",
    ("statement", "DeleteStmt"): "EXPLAIN DELETE FROM t",
    ("statement", "MergeStmt"): "MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE",
    ("statement", "TruncateStmt"): "TRUNCATE t",
    ("statement", "CreateTableAsStmt"): "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
    ("statement", "LockStmt"): "LOCK TABLE t IN ACCESS SHARE MODE",
    ("statement", "CopyStmt"): "COPY t TO STDOUT",
    ("statement", "DoStmt"): "DO 'BEGIN END'",
    ("statement", "CallStmt"): "CALL p()",
    ("statement", "LoadStmt"): "LOAD 'x'",
    ("statement", "PrepareStmt"): "PREPARE q AS SELECT 1",
    ("statement", "ExecuteStmt"): "EXPLAIN ANALYZE EXECUTE q",
    ("statement", "DeallocateStmt"): "DEALLOCATE ALL",
    ("statement", "DeclareCursorStmt"): "DECLARE c CURSOR FOR SELECT 1",
    ("statement", "FetchStmt"): "FETCH c",
    ("statement", "ClosePortalStmt"): "CLOSE c",
    ("statement", "ListenStmt"): "LISTEN a",
    ("statement", "NotifyStmt"): "NOTIFY a",
    ("statement", "UnlistenStmt"): "UNLISTEN *",
    ("statement", "*"): "REFRESH MATERIALIZED VIEW v",
    ("trait", "into"): "EXPLAIN ANALYZE SELECT 1 INTO t",
    ("trait", "row locks"): "SELECT 1 FROM (SELECT * FROM t FOR SHARE) AS x",
}


def example(rule: Rule) -> str:
    if rule.subject == "any function":
        name = rule.pattern.replace("*", "x")
        return f"SELECT * FROM t WHERE a = (SELECT {name}(1))"
    return REFUSED[rule.subject, rule.pattern]


def words(value: object) -> str:
    if isinstance(value, Rule):
        value = f"{value.subject} {value.pattern}"
    return "-".join(re.findall(r"\w+", str(value), re.ASCII))[:60] or "empty"


@pytest.mark.parametrize("rule", READ_ONLY, ids=words)
def test_every_rule_refuses(rule: Rule) -> None:
    """Each rule refuses its example, with a short line, a reason and a remedy."""
    refusal = read_only_refusal(example(rule))
    assert refusal is not None
    assert refusal.rule == rule
    assert re.fullmatch(r"refused [^\n]{10,100}[^.\n{}]", refusal.message)
    assert " (read-only): " in refusal.message
    assert rule.remedy == refusal.remedy != ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "SELECT 1; DELETE FROM t; SELECT 2",
            "refused 3 statements in one text (read-only): one at a time is read",
        ),
        (
            "EXPLAIN ANALYZE INSERT INTO t VALUES (1)",
            "refused INSERT (read-only): it writes",
        ),
        (
            "LOCK t IN ACCESS EXCLUSIVE MODE",
            "refused LOCK (read-only): it hinders other sessions",
        ),
        (
            "SET TRANSACTION READ WRITE",
            "refused SET (read-only): the session's settings are the channel's",
        ),
        (
            "ROLLBACK TO SAVEPOINT a",
            "refused ROLLBACK TO (read-only): "
            "the transaction and its mode are the channel's",
        ),
        (
            "CREATE INDEX ON t (a)",
            "refused CREATE INDEX (read-only): "
            "only SELECT, VALUES, TABLE, SHOW and EXPLAIN run there",
        ),
        (
            "SELECT pg_catalog.nextval('s')",
            "refused nextval() (read-only): it moves a sequence",
        ),
        (
            "SELECT ext.dblink_exec('a', 'b')",
            "refused dblink_exec() (read-only): "
            "it works in another session or on another host",
        ),
        (
            "SELECT FOR UPDATE frobnicate",
            "refused text that cannot be parsed (read-only): what it does is unknown",
        ),
        (" ; ", "refused text without a statement (read-only): it checks nothing"),
    ],
    ids=words,
)
def test_messages(text: str, message: str) -> None:
    """The message names what was found as the check's author wrote it."""
    refusal = read_only_refusal(text)
    assert refusal is not None
    assert refusal.message == message


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "select 'COMMIT; DELETE FROM t', $$nextval('s')$$ -- ; DROP TABLE t",
        "SELECT count(*) FROM a JOIN b USING (c) WHERE d IN (SELECT e FROM f);",
        "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 2 FROM a) TABLE a",
        "VALUES (1), (2)",
        "TABLE t",
        "(SELECT 1) EXCEPT ALL (SELECT 2) ORDER BY 1 LIMIT 1",
        "SHOW ALL",
        "SHOW transaction_read_only",
        "EXPLAIN SELECT * FROM t",
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM t",
        "SELECT pg_sleep(0), now(), lower('A'), currval('s'), current_setting('a')",
        "SELECT pg_current_xact_id_if_assigned(), pg_is_in_recovery()",
        "SELECT * FROM pg_replication_slots, pg_locks, pg_stat_activity, pg_settings",
        'SELECT "delete", "Insert into" FROM "nextval(1)" AS "LOCK"',
        "SELECT xmlelement(name a), json_object('a': 1), extract(year FROM now())",
        "/* a /* b */ c */ SELECT E'\\'; DELETE FROM t; --'",
        "SELECT " + "||".join(["'x'"] * 30_000),
    ],
    ids=words,
)
def test_lets_reading_pass(text: str) -> None:
    """Reading statements run, whatever words their literals and names hold."""
    assert read_only_refusal(text) is None


FUNCTIONS = """
    crosstab cursor_to_xml database_to_xml dblink dblink_exec lo_create lo_export lo_get
    nextval pg_advisory_lock pg_advisory_unlock_all pg_advisory_xact_lock_shared
    pg_backup_start pg_cancel_backend pg_create_logical_replication_slot
    pg_create_restore_point pg_current_xact_id pg_drop_replication_slot
    pg_export_snapshot pg_logical_emit_message pg_logical_slot_peek_changes
    pg_ls_dir pg_notify pg_promote pg_read_binary_file pg_read_file pg_reload_conf
    pg_replication_slot_advance pg_rotate_logfile pg_stat_reset pg_stat_statements_reset
    pg_switch_wal pg_terminate_backend pg_try_advisory_lock pg_wal_replay_resume
    query_to_xml query_to_xml_and_xmlschema schema_to_xml set_config setval
    table_to_xml ts_stat txid_current
""".split()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_refuses_functions_that_read_only_does_not_stop(name: str) -> None:
    """Functions with an effect outside of the transaction are refused by name."""
    refusal = read_only_refusal(f"EXPLAIN SELECT 1 FROM t ORDER BY {name.upper()}(a)")
    assert refusal is not None
    assert refusal.message.startswith(f"refused {name}() (read-only): ")


def test_every_example_has_its_rule() -> None:
    """No rule that is shown here has gone from the tables."""
    assert set(REFUSED) <= {(rule.subject, rule.pattern) for rule in READ_ONLY}


def test_names_the_outer_statement_first() -> None:
    """Of several reasons the outermost statement is told."""
    refusal = read_only_refusal("PREPARE q AS DELETE FROM t WHERE a = nextval('s')")
    assert refusal is not None
    assert refusal.message == (
        "refused PREPARE (read-only): it hides the statement that runs from the grammar"
    )


def test_refuses_a_select_too_large_to_read() -> None:
    """What is too large for the grammar is refused, though it may only read."""
    refusal = read_only_refusal("SELECT 1" + "+1" * 200_000)
    assert refusal is not None
    assert refusal.rule.pattern == "unparsed"
