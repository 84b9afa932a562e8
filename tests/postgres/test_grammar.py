"""The interface to postgast: trees at any depth, tokens, splitting."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest

from pytest_oneroof.statements import grammar


def chain(terms: int) -> str:
    return "SELECT " + "||".join(["'x'"] * terms)


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
        "sizes = []\n"
        "grammar.decode = lambda text: sizes.append(len(text)) or {'stmts': []}\n"
        "text = 'SELECT 1' + '+1' * (grammar.PARSE_LIMIT // 2 - 4)\n"
        "assert len(text) == grammar.PARSE_LIMIT\n"
        "assert grammar.parse(text) == ()\n"
        "assert sizes[0] > 10_000_000\n"
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


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 'a', 1.5, -1, true, NULL, E'\\n\\t\\\\\"', '\"location\":7,'",
        'SELECT \'{"stmt": [1, {"a": "]}"}]}\', "Ünï""cödé" FROM "\\x"',
        "INSERT INTO t VALUES (1, 'x'), (2, DEFAULT); SELECT; COMMIT AND CHAIN",
        "",
    ],
    ids=["literals", "json-in-strings", "several", "empty"],
)
def test_decodes_without_recursion_as_json_does(text: str) -> None:
    """The decoder for deep trees agrees with json.loads, but for locations."""
    document = grammar._json(text.encode())
    assert document is not None

    def without_location(value: dict[str, object]) -> dict[str, object]:
        value.pop("location", None)
        return value

    expected = json.loads(document, object_hook=without_location)
    assert grammar.decode_flat(document) == expected


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


def test_scans_broken_text_word_by_word() -> None:
    """Where a quote is left open, the words inside count as names."""
    found = [(t.kind, t.text) for t in grammar.scan("select 'it; COMMIT")]
    assert ("name", "commit") in found
    assert ("symbol", ";") in found


@pytest.mark.parametrize("text", ["é b ü 'c'; d", "é 'ü b; €𝄞 d", "x é'"])
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
