"""PostgreSQL's own grammar: parse trees, tokens and splitting, by way of postgast.

The only module that knows postgast. Its Python `parse` and `scan` decode protobuf,
which stops at depth 100 (47 terms of `||`), so trees are taken as JSON, straight from
libpg_query. The C code that writes this JSON recurses without looking at the stack:
long operator chains end the process (seen between 60,000 and 90,000 terms on 8 MB).
Hence text above SMALL is parsed on a thread with a stack that fits, and above
PARSE_LIMIT nothing is parsed at all.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import postgast
from postgast import native, pg_query_pb2

# A level of nesting takes two bytes of text or more ("+1") and up to 140 bytes of
# stack: SMALL needs half a megabyte, PARSE_LIMIT 18 MB.
SMALL = 8 * 1024
PARSE_LIMIT = 256 * 1024
STACK = 64 * 1024 * 1024

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parsed:
    """One statement of a text: its slice, its node's name and the node."""

    text: str
    kind: str
    node: Node


class Token(NamedTuple):
    """A name (lower-case unless quoted), a string (its value) or a symbol."""

    kind: Literal["name", "string", "symbol"]
    text: str
    start: int
    end: int


def parse(text: str) -> tuple[Parsed, ...] | None:
    """Return the statements of `text`, or None where the grammar cannot read it."""
    raw = text.encode()
    if len(raw) > PARSE_LIMIT:
        return None
    document = _json(raw) if len(raw) <= SMALL else _json_on_own_stack(raw)
    if document is None:
        return None
    return tuple(_parsed(raw, entry) for entry in decode(document)["stmts"])


def split(text: str) -> list[str] | None:
    """Return the pieces of `text` between semicolons, or None if it has no tokens.

    Uses the scanner, so that text of any size and any grammar can be split. It knows
    no bodies: the statements of a BEGIN ATOMIC body come out one by one. Pieces
    without any keyword, which no statement is, are left out.
    """
    try:
        pieces: list[str] = postgast.split(text, method="scanner")
    except postgast.PgQueryError:
        return None
    return pieces


def scan(text: str) -> list[Token]:
    """Return the tokens of `text` without comments; byte positions.

    Where PostgreSQL's scanner gives up (an unterminated quote), every word counts
    as a name, inside quotes too: such text cannot run, so the strict reading is free.
    """
    raw = text.encode()
    try:
        found = postgast.scan(text).tokens
    except postgast.PgQueryError:
        return list(_words(text))
    return [
        _token(raw[t.start : t.end].decode("utf-8", "replace"), t)
        for t in found
        if t.token not in _COMMENTS
    ]


def decode(document: str) -> Any:
    """Return what the JSON `document` holds, at any depth of nesting."""
    try:
        return json.loads(document)
    except RecursionError:
        return decode_flat(document)


def decode_flat(document: str) -> Any:
    """Decode JSON as libpg_query writes it without recursion, less its locations."""
    holder: Any = []
    inside = [holder]
    key = ""
    for match in _JSON.finditer(_LOCATION.sub("", document)):
        text, colon, bracket, scalar = match.groups()
        if colon:
            key = text
            continue
        if bracket and bracket in "}]":
            inside.pop()
            holder = inside[-1]
            continue
        if bracket:
            value: Any = {} if bracket == "{" else []
        elif scalar or "\\" in text:
            value = json.loads(match[0])
        else:
            value = text
        if type(holder) is dict:
            holder[key] = value
        else:
            holder.append(value)
        if bracket:
            holder = value
            inside.append(value)
    return inside[0][0]


# A quote inside a JSON string is escaped, so neither pattern can match there.
_LOCATION = re.compile(r'"location":-?[0-9]+')
_JSON = re.compile(r'"((?:[^"\\]|\\.)*)"(:?)|([{}\[\]])|([^\s{}\[\],:"]+)', re.DOTALL)
_WORDS = re.compile(r"([^\W\d][\w$]*)|[^\w\s]")
_TOKENS = pg_query_pb2.Token
_COMMENTS = {_TOKENS.Value("SQL_COMMENT"), _TOKENS.Value("C_COMMENT")}
_IDENTIFIERS = {_TOKENS.Value("IDENT"), _TOKENS.Value("UIDENT")}
_STRINGS = {_TOKENS.Value("SCONST"), _TOKENS.Value("USCONST")}
_DOLLARS = re.compile(r"\$[^$]*\$")
_BACKSLASHED = re.compile(r"\\(.)", re.DOTALL)
_stack_size_lock = threading.Lock()


def _json(raw: bytes) -> str | None:
    result = native.lib.pg_query_parse(raw)
    try:
        if result.error:
            return None
        tree: bytes = result.parse_tree
        # Names are cut at 63 bytes, which may be in the middle of a character.
        return tree.decode("utf-8", "replace")
    finally:
        native.lib.pg_query_free_parse_result(result)


def _json_on_own_stack(raw: bytes) -> str | None:
    found: list[str | None] = []
    worker = threading.Thread(target=lambda: found.append(_json(raw)))
    with _stack_size_lock:
        before = threading.stack_size(STACK)
        try:
            worker.start()
        except RuntimeError:
            # No thread to be had: the caller reads by tokens, more strictly.
            return None
        finally:
            threading.stack_size(before)
    worker.join()
    return found[0]


def _parsed(raw: bytes, entry: Node) -> Parsed:
    start = entry.get("stmt_location", 0)
    length = entry.get("stmt_len")
    end = len(raw) if length is None else start + length
    ((kind, node),) = entry["stmt"].items()
    return Parsed(raw[start:end].decode("utf-8", "replace").strip(), kind, node)


def _words(text: str) -> Iterator[Token]:
    read = end = 0
    for word in _WORDS.finditer(text):
        start = end + len(text[read : word.start()].encode())
        end = start + len(word[0].encode())
        read = word.end()
        yield Token("name" if word[1] else "symbol", word[0].lower(), start, end)


def _token(text: str, found: Any) -> Token:
    start, end = found.start, found.end
    if found.token in _STRINGS:
        return Token("string", _string_value(text), start, end)
    if found.token in _IDENTIFIERS or found.keyword_kind:
        return Token("name", _name(text), start, end)
    return Token("symbol", text, start, end)


def _name(text: str) -> str:
    _, quote, quoted = text.partition('"')
    return quoted[:-1].replace('""', '"') if quote else text.lower()


def _string_value(text: str) -> str:
    tag = _DOLLARS.match(text)
    if tag:
        return text[tag.end() : -tag.end()]
    prefix, _, quoted = text.partition("'")
    value = quoted[:-1].replace("''", "'")
    return _BACKSLASHED.sub(r"\1", value) if prefix in ("e", "E") else value
