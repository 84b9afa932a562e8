"""Statements as they are read, field by field."""

from __future__ import annotations

import pytest

from pytest_oneroof.statements.read import (
    CACHED_CHARACTERS,
    UNPARSED,
    Statement,
    apply_savepoints,
    read,
)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("COMMIT AND CHAIN", {"verb": "commit", "chain": True}),
        ("ROLLBACK", {"verb": "rollback"}),
        ("SAVEPOINT \"A b\"", {"verb": "savepoint", "savepoint": "A b"}),
    ],
)  # fmt: skip
def test_transaction_control_is_read_whole(text: str, fields: dict[str, str]) -> None:
    """Verb, chain and name are read, and nothing else is found in it."""
    kinds = frozenset({"TransactionStmt"})
    expected = Statement(text, "TransactionStmt", kinds=kinds, **fields)  # type: ignore[arg-type]
    assert read(f"{text};") == (expected,)


def test_each_statement_keeps_its_own_text() -> None:
    """A text's statements are told apart, as they are written."""
    found = read("SELECT 1;\n BEGIN ;;DROP TABLE t")
    assert [(s.text, s.kind) for s in found] == [
        ("SELECT 1", "SelectStmt"),
        ("BEGIN", "TransactionStmt"),
        ("DROP TABLE t", "DropStmt"),
    ]
    assert [(s.body, s.language) for s in found] == [("", "")] * 3


def test_unreadable_pieces_keep_their_text() -> None:
    """Where the grammar gives up, each piece between semicolons is one statement."""
    found = read("frobnicate «a»; SAVEPOINT b")
    assert [(s.text, s.kind, s.verb) for s in found] == [
        ("frobnicate «a»", UNPARSED, None),
        ("SAVEPOINT b", "TransactionStmt", "savepoint"),
    ]


def test_text_with_an_open_quote_is_one_statement() -> None:
    """The server runs nothing of it, so that none of its words is a statement."""
    (statement,) = read(" frobnicate ü€ 'é; commit")
    assert statement == Statement("frobnicate ü€ 'é; commit", UNPARSED)


def test_words_of_a_block_are_no_brackets_outside() -> None:
    """THEN and ELSE end a statement in a block's body alone."""
    (statement,) = read("frobnicate then commit else rollback")
    assert (statement.text, statement.verb) == (
        "frobnicate then commit else rollback",
        None,
    )


def test_large_texts_do_not_fill_the_cache() -> None:
    """Only the last 16 large texts are kept, however many small ones are."""
    bound = CACHED_CHARACTERS - len("SELECT ''")
    small = [f"SELECT '{n}'" for n in range(20)]
    largest = f"SELECT '{'x' * bound}'"
    assert len(largest) == CACHED_CHARACTERS
    large = [f"SELECT '{n:02}{'y' * bound}'" for n in range(20)]
    first = [read(text) for text in (*small, largest, *large)]
    again = [read(text) for text in (*small, largest)]
    assert all(one is two for one, two in zip(first, again, strict=False))
    assert read(large[0]) is not first[-20]


def test_nul_is_read_as_a_blank() -> None:
    """A NUL ends no statement here: what stands behind it is read."""
    (statement,) = read("SELECT a\0FROM f()")
    assert statement.text == "SELECT a FROM f()"
    assert statement.functions == {"f"}


@pytest.mark.parametrize(
    ("text", "body", "language"),
    [
        ("DO 'BEGIN END'", "BEGIN END", "plpgsql"),
        ("DO LANGUAGE plperl 'x'", "x", "plperl"),
        ("CREATE FUNCTION f() RETURNS int RETURN 1", "", "sql"),
        ("CREATE FUNCTION f() RETURNS int STRICT LANGUAGE SQL AS 'SELECT 1'",
         "SELECT 1", "sql"),
        ("CREATE PROCEDURE p() AS 'x' LANGUAGE 'PLperl'", "x", "plperl"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'lib', 'f'", "lib\nf", "c"),
    ],
)  # fmt: skip
def test_body_has_the_language_it_is_read_in(
    text: str, body: str, language: str
) -> None:
    """Without LANGUAGE a block is PL/pgSQL, and a routine SQL; the language counts."""
    (statement,) = read(text)
    assert (statement.body, statement.language) == (body, language)
    assert statement.languages == {language}


def test_a_body_s_findings_are_the_statements_own() -> None:
    """What a block in a block calls, sets and speaks is told of the outermost."""
    inner = "DO LANGUAGE sql 'SELECT deep(); SET LOCAL work_mem = 1'"
    (statement,) = read(f"DO $a$ BEGIN PERFORM near(); EXECUTE $b${inner}$b$; END $a$")
    assert statement.functions == {"near", "deep"}
    assert {setting.name for setting in statement.settings} == {"work_mem"}
    assert statement.languages == {"plpgsql", "sql"}
    assert statement.verb is None


def test_statements_before_a_savepoint_are_passed_over() -> None:
    """Only savepoints count, wherever they stand in the text."""
    found = read("SELECT 1; SAVEPOINT a; SELECT 2; SAVEPOINT b; RELEASE c")
    assert apply_savepoints((), found) == ("a", "b")
