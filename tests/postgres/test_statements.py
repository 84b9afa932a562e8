"""What is read from a text: verbs, calls, settings, bodies, savepoints."""

from __future__ import annotations

import re
import time
from dataclasses import FrozenInstanceError

import pytest

from pytest_oneroof.statements import grammar, lexical, tree
from pytest_oneroof.statements.read import (
    UNPARSED,
    Statement,
    apply_savepoints,
    read,
    read_text,
)


def words(value: object) -> str:
    # Sets in order: xdist wants the same ids on every worker.
    text = " ".join(sorted(value)) if isinstance(value, set) else str(value)
    return "-".join(re.findall(r"\w+", text, re.ASCII))[:60] or "empty"


def one(text: str) -> Statement:
    (statement,) = read(text)
    return statement


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("BEGIN", "begin"),
        ("begin isolation level serializable, read only", "begin"),
        ("Start Transaction", "start"),
        ("COMMIT", "commit"),
        ("commit work", "commit"),
        ("END TRANSACTION", "commit"),
        ("ROLLBACK", "rollback"),
        ("ABORT", "rollback"),
        ("PREPARE TRANSACTION 'x'", "prepare"),
        ("COMMIT PREPARED 'x'", "commit_prepared"),
        ("ROLLBACK PREPARED 'x'", "rollback_prepared"),
        ("SAVEPOINT a", "savepoint"),
        ("RELEASE a", "release"),
        ("ROLLBACK TO SAVEPOINT a", "rollback_to"),
        ("PREPARE q AS SELECT 1", None),
        ("SELECT 'COMMIT'", None),
    ],
    ids=words,
)
def test_reads_the_transaction_verb(text: str, verb: str | None) -> None:
    """Each kind of transaction control has its verb, whatever its spelling."""
    assert one(text).verb == verb


def test_reads_and_chain() -> None:
    """AND CHAIN is told from a plain COMMIT."""
    assert [s.chain for s in read("COMMIT AND CHAIN; COMMIT")] == [True, False]


def test_reads_savepoint_names_as_the_server_does() -> None:
    """Unquoted names are lower-case, quoted ones as written."""
    names = [s.savepoint for s in read('SAVEPOINT Ab; SAVEPOINT "Ab"; RELEASE Ü_é')]
    assert names == ["ab", "Ab", "Ü_é"]


@pytest.mark.parametrize(
    ("text", "functions"),
    [
        ("SELECT f(g(1)), S.H(2)", {"f", "g", "s.h"}),
        ("CALL p(f())", {"p", "f"}),
        ("SELECT * FROM f() AS x", {"f"}),
        ("CREATE TABLE t (a int DEFAULT nextval('s'))", {"nextval"}),
        ('SELECT U&"\\0066"(1), "F"(2)', {"f", "F"}),
        ("COPY (SELECT f()) TO STDOUT", {"f"}),
        ("PREPARE q AS INSERT INTO t VALUES (f())", {"f"}),
        ("EXPLAIN ANALYZE SELECT f()", {"f"}),
        ("SELECT 'f()' -- f()", set()),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN g()", {"g"}),
        (
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT g(); END",
            {"g"},
        ),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT g()'", {"g"}),
        ("DO $$ BEGIN PERFORM s.f(1); x := g(2); END $$", {"s.f", "g"}),
        ("DO $$ BEGIN EXECUTE 'SELECT f()'; RAISE 'g()'; END $$", {"f"}),
        ("DO $$ BEGIN INSERT INTO f (a) VALUES (1); END $$", set()),
        (
            "DO $$ BEGIN INSERT INTO f (a) SELECT g(1) RETURNING h(2) INTO x; END $$",
            {"g", "h"},
        ),
    ],
    ids=[
        "nested",
        "procedure",
        "from",
        "default",
        "quoted",
        "copied",
        "prepared",
        "explained",
        "only-text",
        "return",
        "atomic",
        "sql-body",
        "block",
        "executed-string",
        "column-list",
        "into-a-variable",
    ],
)
def test_reads_function_calls(text: str, functions: set[str]) -> None:
    """Calls are found wherever SQL can stand, and nowhere else."""
    assert one(text).functions == functions


def test_called_functions_gives_both_spellings() -> None:
    """A qualified call is listed with and without its schema."""
    assert read_text("SELECT s.f(); SELECT g()").functions == {"s.f", "f", "g"}


def test_reads_bodies_inside_bodies() -> None:
    """A block quoted in a block is read too, at any depth."""
    text = "SELECT lo_export(1, '/x')"
    for level in range(60):
        text = f"DO $q{level}$ BEGIN EXECUTE $x{level}${text}$x{level}$; END $q{level}$"
    assert "lo_export" in one(text).functions


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("SET a TO 1", {"a"}),
        ('SET LOCAL "OneRoof.Pass" = 1', {"oneroof.pass"}),
        ("RESET a", {"a"}),
        ("RESET ALL", set()),
        ("SET SESSION AUTHORIZATION x", {"session_authorization"}),
        ("SET TRANSACTION READ WRITE", {"transaction_read_only"}),
        ("SET TRANSACTION SNAPSHOT 'x'", set()),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, NOT DEFERRABLE",
            {"default_transaction_read_only", "default_transaction_deferrable"},
        ),
        ("SELECT set_config('A.b', 'x', true)", {"a.b"}),
        ("SELECT set_config(name, 'x', true) FROM pg_settings", set()),
        (
            "DO $$ BEGIN SET LOCAL a.b = 1; PERFORM set_config('c', '', true); END $$",
            {"a.b", "c"},
        ),
        ("DO $$ BEGIN UPDATE t SET a = 1; END $$", set()),
        ("ALTER ROLE x SET a = 1", set()),
    ],
    ids=words,
)
def test_reads_settings(text: str, settings: set[str]) -> None:
    """Settings are those of this session; a role's or database's are not."""
    assert {setting.name for setting in one(text).settings} == settings


@pytest.mark.parametrize(
    ("text", "value", "local"),
    [
        ("SET a = 'B c'", "B c", False),
        ("SET LOCAL a TO b", "b", True),
        ("RESET a", lexical.DEFAULT, False),
        ("SET LOCAL a TO DEFAULT", lexical.DEFAULT, True),
        ("SELECT set_config('a', 'b', true)", "b", True),
        ("SELECT set_config('a', b, is_local)", None, False),
        ("SELECT pg_catalog.set_config('a', 'b', false)", "b", False),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "serializable", True),
        ("SET TRANSACTION READ ONLY", "on", True),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "off", False),
        ("DO $$ BEGIN SET LOCAL a = 1 FROBNICATE; END $$", None, True),
    ],
    ids=words,
)
def test_reads_a_setting_s_value(text: str, value: str | None, *, local: bool) -> None:
    """A value is told where it is written, and whether it ends with the transaction."""
    (setting,) = one(text).settings
    assert (setting.value, setting.local) == (value, local)


@pytest.mark.parametrize(
    ("text", "traits"),
    [
        ("SELECT 1 INTO x", {tree.INTO}),
        ("SELECT * FROM t FOR KEY SHARE", {tree.LOCKING}),
        ("EXPLAIN (ANALYZE) SELECT 1", {tree.ANALYZE}),
        ("EXPLAIN (VERBOSE, ANALYZE on) SELECT 1", {tree.ANALYZE}),
        ("EXPLAIN (ANALYZE 1) SELECT 1", {tree.ANALYZE}),
        ("EXPLAIN (ANALYZE false) SELECT 1", set()),
        ("EXPLAIN (ANALYZE 0) SELECT 1", set()),
        ("COPY t TO '/x'", {lexical.SERVER_FILE}),
        ("COPY t FROM PROGRAM 'x'", {lexical.SERVER_PROGRAM}),
        ("COPY t TO STDOUT", set()),
        (
            "DO $$ BEGIN COPY (SELECT 'to' FROM x) TO '/x'; END $$",
            {lexical.SERVER_FILE},
        ),
        ("DO $$ BEGIN COPY t TO PROGRAM 'x'; END $$", {lexical.SERVER_PROGRAM}),
        ("DO $$ BEGIN COPY (SELECT trim(from 'x')) TO STDOUT; END $$", set()),
    ],
    ids=words,
)
def test_reads_traits(text: str, traits: set[str]) -> None:
    """What a node's name does not say is said by a trait."""
    assert one(text).traits == traits


def test_reads_statements_inside_statements() -> None:
    """A writing CTE, also of an explained or declared query, shows in the kinds."""
    text = "WITH a AS (DELETE FROM t RETURNING 1) SELECT * FROM a JOIN b ON true"
    assert one(text).kinds == {"SelectStmt", "DeleteStmt"}
    assert one(f"EXPLAIN {text}").kinds == {"ExplainStmt", "SelectStmt", "DeleteStmt"}
    assert one(text).relations == {"t", "b"}
    assert one(text).written == {"t"}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("INSERT INTO a SELECT * FROM s.b", {"a"}),
        ("UPDATE a SET x = 1 FROM b WHERE b.y IN (SELECT 1 FROM c)", {"a"}),
        ("MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", {"a"}),
        ("TRUNCATE a, s.b", {"a", "s.b"}),
        ("COPY a TO STDOUT", set()),
        ("COPY a FROM STDIN", {"a"}),
        ("SELECT * FROM oneroof.a", set()),
        ("ALTER TABLE oneroof.a DISABLE TRIGGER ALL", {"oneroof.a"}),
        ("DROP TRIGGER t ON oneroof.a", {"oneroof.a.t"}),
        ("DROP FUNCTION oneroof.f(int)", {"oneroof.f"}),
        ("CREATE FUNCTION oneroof.f() RETURNS int RETURN 1", {"oneroof.f"}),
        ("DROP SCHEMA a, oneroof", {tree.OWN_SCHEMA_ITSELF}),
        ("ALTER TABLE a SET SCHEMA oneroof", {"a", tree.OWN_SCHEMA_ITSELF}),
        ("GRANT ALL ON SCHEMA oneroof TO x", {tree.OWN_SCHEMA_ITSELF}),
        ("ALTER SCHEMA oneroof OWNER TO x", {tree.OWN_SCHEMA_ITSELF}),
        ("UPDATE oneroof SET a = oneroof.x", {"oneroof"}),
        ("UPDATE a SET b = oneroof.f()", {"a"}),
        ("DROP TABLE oneroof", set()),
    ],
    ids=words,
)
def test_reads_what_is_changed(text: str, written: set[str]) -> None:
    """Changed relations are told from read ones; of objects only our schema's count."""
    assert one(text).written == written


def test_reads_body_and_language() -> None:
    """DO and CREATE FUNCTION show their body; DO is PL/pgSQL unless it says else."""
    assert (one("DO 'x'").body, one("DO 'x'").language) == ("x", "plpgsql")
    function = one("CREATE FUNCTION f() RETURNS int LANGUAGE C AS 'a', 'b'")
    assert (function.body, function.language) == ("a\nb", "c")
    assert one("SELECT 1").language == ""


def test_reads_unparsed_text_by_its_tokens() -> None:
    """Text of another grammar is cut at semicolons, and each piece is looked at."""
    found = read("FROBNICATE t ON s.f('; COMMIT'); Commit; SET LOCAL a.b = 1 FROB")
    assert [s.kind for s in found] == [UNPARSED, "TransactionStmt", UNPARSED]
    assert [s.text for s in found] == [
        "FROBNICATE t ON s.f('; COMMIT')",
        "Commit",
        "SET LOCAL a.b = 1 FROB",
    ]
    assert [s.verb for s in found] == [None, "commit", None]
    assert found[0].functions == {"s.f"}
    assert found[2].settings == {("a.b", None, True)}


def test_reads_an_atomic_body_whole_beside_unknown_syntax() -> None:
    """The END of a BEGIN ATOMIC body is no COMMIT where another piece is unknown."""
    found = read(
        "FROBNICATE t; CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT g(); END"
    )
    assert [s.kind for s in found] == [UNPARSED, "CreateFunctionStmt"]
    assert [s.functions for s in found] == [set(), {"g"}]


def test_reads_text_above_the_limit_piece_by_piece() -> None:
    """A large text is split, and its small statements are still parsed."""
    rows = ",".join(["(1, '; COMMIT')"] * 200)
    insert = f"INSERT INTO t VALUES {rows};\n"
    text = insert * 200 + "COMMIT; SELECT 1"
    assert len(text) > 2 * grammar.PARSE_LIMIT
    found = read(text)
    assert [s.kind for s in found[:200]] == ["InsertStmt"] * 200
    assert [s.verb for s in found[200:]] == ["commit", None]


def test_keeps_atomic_bodies_whole_in_large_text() -> None:
    """In a large text the END of a BEGIN ATOMIC body is not taken for a COMMIT."""
    function = (
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC "
        "SELECT 1; SELECT CASE WHEN true THEN 1 END; END;\n"
    )
    text = function * (grammar.PARSE_LIMIT // len(function) + 2) + "SELECT 1"
    found = read(text)
    assert {s.kind for s in found} == {"CreateFunctionStmt", "SelectStmt"}
    assert {s.verb for s in found} == {None}


def test_reads_a_single_huge_statement_by_its_tokens() -> None:
    """One statement above the limit is not parsed, but its calls are found."""
    text = "SELECT nextval('s')" + "+1" * grammar.PARSE_LIMIT
    assert [(s.kind, s.verb) for s in read(text)] == [(UNPARSED, None)]
    assert "nextval" in read(text)[0].functions


@pytest.mark.parametrize(
    "text",
    ["", " \n\t", "-- x", "/* a /* b */ c */ -- d", ";;", " ; /* x */ ; "],
    ids=["empty", "space", "line", "nested", "semicolons", "mixed"],
)
def test_reads_nothing_from_comments(text: str) -> None:
    """Comments, white space and bare semicolons are no statement."""
    assert read(text) == ()


def test_reads_on_behind_nul_and_through_surrogates() -> None:
    """A NUL hides nothing, and text that cannot be encoded raises nothing."""
    assert [s.verb for s in read("SELECT 1\0; COMMIT")] == [None, "commit"]
    assert [s.verb for s in read("SELECT '\ud800'; COMMIT")] == [None, "commit"]


def test_statements_are_frozen_and_cached() -> None:
    """The same text gives the same object, which nobody can change."""
    (first,) = read("SELECT 'cached'")
    assert read("SELECT 'cached'")[0] is first
    with pytest.raises(FrozenInstanceError):
        first.verb = "commit"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("stack", "text", "expected"),
    [
        ("", "SAVEPOINT a; SAVEPOINT b", "ab"),
        ("abc", "ROLLBACK TO b", "ab"),
        ("abc", "RELEASE b", "a"),
        ("aba", "RELEASE a", "ab"),
        ("abab", "ROLLBACK TO a", "aba"),
        ("ab", "ROLLBACK TO b; ROLLBACK TO b", "ab"),
        ("ab", "RELEASE c; ROLLBACK TO c", "ab"),
        ("ab", "SAVEPOINT a; RELEASE b", "a"),
        ("ab", "SELECT 1; sel; COMMIT", "ab"),
    ],
    ids=[
        "opens",
        "rollback-keeps-the-named",
        "release-ends-the-named",
        "release-of-a-shadowing-name",
        "rollback-to-the-newest",
        "rollback-twice",
        "unknown-name",
        "release-beneath",
        "others",
    ],
)
def test_applies_savepoints_as_the_server_does(
    stack: str, text: str, expected: str
) -> None:
    """The stack follows SAVEPOINT, ROLLBACK TO and RELEASE, shadowing included."""
    assert apply_savepoints(tuple(stack), read(text)) == tuple(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SET CONSTRAINTS ALL IMMEDIATE", True),
        ("SELECT 1; set constraints all immediate; SELECT 2", True),
        ("SET CONSTRAINTS s.tripwire_raises, x IMMEDIATE", True),
        ("DO $$ BEGIN SET CONSTRAINTS ALL IMMEDIATE; END $$", True),
        ("DO $$ BEGIN SET CONSTRAINTS a, b IMMEDIATE; END $$", False),
        ("SET CONSTRAINTS ALL DEFERRED", False),
        ("SET CONSTRAINTS mine IMMEDIATE", False),
        ("SELECT 'SET CONSTRAINTS ALL IMMEDIATE'", False),
    ],
    ids=words,
)
def test_sets_all_constraints(text: str, *, expected: bool) -> None:
    """Only what reaches the tripwire's own constraint counts."""
    assert read_text(text).sets_all is expected


def test_prints_what_reading_costs() -> None:
    """Reading a known text costs a lookup, not a parse; the figures are printed."""
    texts = [f"INSERT INTO t (a, b) VALUES ({n}, 'x') RETURNING a" for n in range(500)]
    spent = []
    for _ in range(2):
        start = time.perf_counter()
        found = [read(text) for text in texts]
        spent.append((time.perf_counter() - start) / len(texts) * 1e6)
    print(f"read: {spent[0]:.1f} µs per new statement, {spent[1]:.2f} µs cached")
    assert all(statement.kind == "InsertStmt" for (statement,) in found)
