"""The interface to postgast: trees at any depth, tokens, splitting."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from pytest_oneroof.statements import grammar, tree


def chain(terms: int) -> str:
    return "SELECT " + "||".join(["'x'"] * terms)


def shape(text: str) -> str | None:
    normalized = grammar.normalized(text)
    return None if normalized is None else grammar.shape(normalized)


@pytest.mark.parametrize("terms", [1, 47, 400, 3_000, 30_000])
def test_parses_operator_chains_of_any_length(terms: int) -> None:
    """A chain of 30,000 concatenations is one SELECT, as a chain of one is."""
    parsed = grammar.parse(chain(terms))
    assert parsed is not None
    assert [p.kind for p in parsed] == ["SelectStmt"]
    assert parsed[0].text == chain(terms)


def test_parses_subselects_200_deep() -> None:
    """200 nested subselects are read, far beyond protobuf's depth of 100."""
    text = "SELECT * FROM (" * 200 + "SELECT 1" + ") AS x" * 200
    parsed = grammar.parse(text)
    assert parsed is not None
    assert [p.kind for p in parsed] == ["SelectStmt"]


def test_longest_parsed_chain_does_not_end_the_process() -> None:
    """A chain as long as PARSE_LIMIT allows fits the stack that is given to it."""
    code = (
        "from pytest_oneroof.statements import grammar\n"
        "text = 'SELECT 1' + '+1' * (grammar.PARSE_LIMIT // 2 - 4)\n"
        "assert len(text) == grammar.PARSE_LIMIT\n"
        "parsed = grammar.parse(text)\n"
        "assert parsed is None or parsed[0].kind == 'SelectStmt'\n"
        "text = 'SELECT a' + '+a' * (grammar.SHAPE_LIMIT // 2 - 4)\n"
        "assert len(text) == grammar.SHAPE_LIMIT\n"
        "assert grammar.normalized(text) == text\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_restores_the_stack_size_of_new_threads() -> None:
    """Parsing long text leaves the process-wide stack size as it was."""
    before = threading.stack_size(512 * 1024)
    try:
        assert grammar.parse(chain(5_000)) is not None
        assert threading.stack_size() == 512 * 1024
    finally:
        threading.stack_size(before)


def test_reads_long_text_by_tokens_where_no_thread_can_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a thread, long text counts as text that cannot be parsed."""

    def refuse(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert grammar.parse(chain(5_000)) is None
    assert grammar.parse(chain(5)) is not None


def test_slices_statements_by_bytes() -> None:
    """Text before a statement may hold characters of several bytes."""
    parsed = grammar.parse("SELECT 'äöü€😀' ; /* ü */ COMMIT ;SELECT 2 -- ü")
    assert parsed is not None
    assert [p.text for p in parsed] == [
        "SELECT 'äöü€😀'",
        "COMMIT",
        "SELECT 2 -- ü",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Select "Ab""c"', [("name", "select"), ("name", 'Ab"c')]),
        ("'it''s' $q$a 'b'$q$", [("string", "it's"), ("string", "a 'b'")]),
        (r"E'a\'b'", [("string", "a'b")]),
        ("/* a /* b */ c */ x -- y", [("name", "x")]),
        ("a.b(", [("name", "a"), ("symbol", "."), ("name", "b"), ("symbol", "(")]),
    ],
    ids=["names", "strings", "escapes", "comments", "symbols"],
)
def test_scans_names_strings_and_symbols(
    text: str, expected: list[tuple[str, str]]
) -> None:
    """Tokens carry values: unquoted names in lower case, strings without quotes."""
    assert [(t.kind, t.text) for t in grammar.scan(text)] == expected


@pytest.mark.parametrize("text", ["select 'it; COMMIT", "$a$ x", "/* y", 'z "'])
def test_scans_nothing_of_what_the_server_cannot_scan(text: str) -> None:
    """Text with a quote or comment left open is no text that the server runs."""
    assert grammar.scan(text) == []


@pytest.mark.parametrize("text", ["é b ü 'c'; d", "x é 𝄞 'y' €"])
def test_places_tokens_by_bytes(text: str) -> None:
    """Positions count bytes, in text that the scanner gives up on too."""
    raw = text.encode()
    for token in grammar.scan(text):
        shown = raw[token.start : token.end].decode().lower()
        assert shown in (token.text, f"'{token.text}'")


def test_splits_text_of_any_size_and_grammar() -> None:
    """The splitter needs no valid statement, only valid tokens."""
    assert grammar.split("sel 1; SELECT ';' FROM FROM; COMMIT") == [
        " SELECT ';' FROM FROM",
        " COMMIT",
    ]
    assert grammar.split("SELECT 'open; COMMIT") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 'a', 1.5, -1, true, NULL, E'\\'' FROM t", "SELECT '' FROM t"),
        ("UPDATE t SET a = $1, b$1 = 2 WHERE c = 'x'",
         "UPDATE t SET a = '', b$1 = '' WHERE c = ''"),
        ("SELECT a FROM t WHERE b IN (1, 2, $3)", "SELECT a FROM t WHERE b IN ( '')"),
        ("INSERT INTO t VALUES (1, f(2), DEFAULT), (3, f('4'), DEFAULT)",
         "INSERT INTO t VALUES ( '', f( ''), DEFAULT)"),
        ('INSERT INTO "t" VALUES (1, now()), (now(), 1)',
         'INSERT INTO "t" VALUES ( \'\', now()), (now(), \'\')'),
        ("SELECT 1 + 2 || 'x'", "SELECT ''"),
        ("SELECT DATE '2020-01-01', interval '1' year",
         "SELECT DATE '', interval '' year"),
        ("SELECT «$1, ü$1", "SELECT «$1, ü$1"),
    ],
)  # fmt: skip
def test_a_shape_is_the_text_without_constants(text: str, expected: str) -> None:
    """Each constant is '', a row that differs in these alone stands once."""
    found = shape(text)
    assert found is not None
    assert " ".join(found.split()) == " ".join(expected.split())
    assert grammar.parse(found) is not None


@pytest.mark.parametrize(
    "text", ["sel", "SELECT U&'x' UESCAPE '!'", "COMMENT ON TABLE t IS 'x'", "$$"]
)
def test_what_has_no_shape(text: str) -> None:
    """Without a parse, or with a string left in it, a text is read by its letters."""
    assert shape(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "SELECT (1 /* /* (*/), (*/), lo_export(1, '/x')",
        "SELECT (1 /* /* (*/), (*/), lo_export(1, '/x') -- */ )",
        "SELECT (1) -- (1)\n, (1), lo_export(1, '/x')",
        "SELECT 1 AS \"(1), (1)\", lo_export(1, '/x'), '\"'",
        "SELECT (1), (1), lo_export(1, '/x')",
    ],
)
def test_a_shape_hides_no_call(text: str) -> None:
    """Equal rows in comments and names take nothing away from what follows."""
    found = shape(text)
    assert found is not None
    parsed = grammar.parse(found)
    assert parsed is not None
    assert "lo_export" in tree.findings(parsed[0].kind, parsed[0].node).functions


@pytest.mark.parametrize("conforming", [True, False])
def test_reads_backslashes_as_the_server_does(*, conforming: bool) -> None:
    """Without standard_conforming_strings a backslash escapes the quote after it."""
    parsed = grammar.parse(r"SELECT 'a\'; COMMIT; --'", conforming=conforming)
    assert parsed is not None
    assert [p.kind for p in parsed][1:] == ["TransactionStmt"] * conforming


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("UPDATE t17 SET a = 'x', b = 3.5 WHERE c = -1",
         "UPDATE t17 SET a = ', b = ' WHERE c = -'"),
        ("SELECT 'it''s'", "SELECT ''"),
        ("SELECT 1.x, a.1, 1e5, x1", "SELECT 1.x, a.1, 1e5, x1"),
        ("SELECT $1", None),
        ('SELECT "a"', None),
        ("SELECT $$a$$", None),
        ("SELECT 1 -- 'x", None),
        ("SELECT /* ' */ 1", None),
        (r"SELECT E'\''", None),
        ("SELECT «1", None),
    ],
)  # fmt: skip
def test_a_skeleton_is_a_key_of_plain_texts(text: str, key: str | None) -> None:
    """Only where quotes are plain are constants left out of the key."""
    assert grammar.skeleton(text) == key
