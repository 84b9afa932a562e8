"""PostgreSQL's own grammar: trees, tokens, splitting and shapes, by way of postgast.

The only module that knows postgast. Its Python `parse` and `scan` decode protobuf,
which stops at depth 100 (47 terms of `||`), so trees are taken as JSON, straight from
libpg_query. Its C code recurses without looking at the stack: a chain of operators
takes 200 bytes of stack for each byte of text (seen: 256 KB of `+1` need 50 MB).
Hence text above SMALL is read on a thread whose stack fits the text, and above
PARSE_LIMIT no tree is taken.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from ctypes import c_char_p, c_int
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import postgast
from postgast import native, pg_query_pb2

T = TypeVar("T")
Node = dict[str, Any]

SMALL = 4 * 1024
PARSE_LIMIT = 256 * 1024
SHAPE_LIMIT = 1024 * 1024
STACK_PER_BYTE = 400
LEAST_STACK = 16 * 1024 * 1024
# Of a tree's JSON: two levels for each operator of a chain.
DEPTH = 600_000


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


def parse(text: str, *, conforming: bool = True) -> tuple[Parsed, ...] | None:
    """Return the statements of `text`, or None where the grammar cannot read it.

    `conforming` is the session's standard_conforming_strings: without it a backslash
    escapes in every string.
    """
    raw = text.encode()
    if len(raw) > PARSE_LIMIT:
        return None
    document = _tree(raw, conforming=conforming)
    if document is None:
        return None
    return tuple(_parsed(raw, entry) for entry in document["stmts"])


def normalized(text: str) -> str | None:
    """Return `text` with each constant as $1, $2, … (also in C), or None.

    None where the grammar cannot read it, and above SHAPE_LIMIT.
    """
    raw = text.encode()
    return None if len(raw) > SHAPE_LIMIT else _with_stack(_normalized, raw)


def skeleton(text: str) -> str | None:
    """Return `text` with each plain constant as ', or None where it has other quotes.

    A key, no SQL: texts of one skeleton have the same tokens but for their constants.
    That holds where a string is all that stands between two single quotes, so not
    beside other quotes, backslashes, comments and parameters.
    """
    if not text.isascii() or "$" in text or '"' in text or "\\" in text:
        return None
    if "--" in text or "/*" in text:
        return None
    parts = text.split("'")
    return _NUMBER.sub("'", "'".join(parts[::2])) if len(parts) % 2 else None


def shape(found: str) -> str | None:
    """Return a normalised text with each constant as '', equal rows of them as one.

    Texts of one shape differ in their constants alone. The shape is SQL again, as a
    rule; None where a string is left in it.
    """
    if "'" in found:
        return None
    if "--" in found or "/*" in found:
        # A line's end or a bracket taken out could be what ends the comment.
        return _CONSTANT.sub(" ''", found)
    found = _CONSTANTS.sub(MARK, found)
    return _ROWS.sub(r"\1", found).replace(MARK, " ''")


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

    Where PostgreSQL's scanner gives up (an unterminated quote) there are none: the
    server's is the same, and runs nothing of such a text.
    """
    raw = text.encode()
    try:
        found = postgast.scan(text).tokens
    except postgast.PgQueryError:
        return []
    return [
        _token(raw[t.start : t.end].decode("utf-8", "replace"), t)
        for t in found
        if t.token not in _COMMENTS
    ]


_NUMBER = re.compile(r"(?<![\w.])[0-9]+(?:\.[0-9]+)?(?![\w.])", re.ASCII)
MARK = "\1"
# No part of a name: a$1 is one, and so is any character that is not ASCII.
_CONSTANT = re.compile(r"(?<![\w$\x80-\U0010ffff])\$[0-9]+")
_CONSTANTS = re.compile(
    _CONSTANT.pattern + r"(?:\s*(?:,|\|\||[-+*/%])\s*\$[0-9]+(?![\w$]))*"
)
_ROWS = re.compile(r"""(\([^()"]*(?:\([^()"]*\)[^()"]*)*\))(?:\s*,\s*\1)+""")
_TOKENS = pg_query_pb2.Token
_COMMENTS = {_TOKENS.Value("SQL_COMMENT"), _TOKENS.Value("C_COMMENT")}
_IDENTIFIERS = {_TOKENS.Value("IDENT"), _TOKENS.Value("UIDENT")}
_STRINGS = {_TOKENS.Value("SCONST"), _TOKENS.Value("USCONST")}
_DOLLARS = re.compile(r"\$[^$]*\$")
_BACKSLASHED = re.compile(r"\\(.)", re.DOTALL)
# Of libpg_query; postgast declares the call without options alone.
_NOT_CONFORMING = 32
_parse_with_options = native.lib.pg_query_parse_opts
_parse_with_options.argtypes = [c_char_p, c_int]
_parse_with_options.restype = native.PgQueryParseResult
_process_wide_lock = threading.RLock()


def _tree(raw: bytes, *, conforming: bool) -> Any:
    options = 0 if conforming else _NOT_CONFORMING

    def read(raw: bytes) -> Any:
        return json.loads(document) if (document := _json(raw, options)) else None

    with contextlib.suppress(RecursionError):
        return _with_stack(read, raw)
    # Where Python itself bounds the depth (3.12, 3.13), what is deeper has no tree.
    with contextlib.suppress(RecursionError), _deep_recursion():
        return _on_own_stack(read, raw)
    return None


def _with_stack(read: Callable[[bytes], T | None], raw: bytes) -> T | None:
    return read(raw) if len(raw) <= SMALL else _on_own_stack(read, raw)


def _on_own_stack(read: Callable[[bytes], T | None], raw: bytes) -> T | None:
    found: Future[T | None] = Future()

    def run() -> None:
        try:
            found.set_result(read(raw))
        except RecursionError as error:
            found.set_exception(error)

    with _process_wide_lock:
        before = threading.stack_size(max(LEAST_STACK, STACK_PER_BYTE * len(raw)))
        try:
            threading.Thread(target=run).start()
        except RuntimeError:
            # No thread to be had: the caller reads by tokens, more strictly.
            return None
        finally:
            threading.stack_size(before)
    return found.result()


@contextlib.contextmanager
def _deep_recursion() -> Iterator[None]:
    with _process_wide_lock:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, DEPTH))
        try:
            yield
        finally:
            sys.setrecursionlimit(before)


def _json(raw: bytes, options: int) -> str | None:
    result = _parse_with_options(raw, options)
    try:
        if result.error:
            return None
        tree: bytes = result.parse_tree
        # Names are cut at 63 bytes, which may be in the middle of a character.
        return tree.decode("utf-8", "replace")
    finally:
        native.lib.pg_query_free_parse_result(result)


def _normalized(raw: bytes) -> str | None:
    result = native.lib.pg_query_normalize(raw)
    try:
        if result.error:
            return None
        text: bytes = result.normalized_query
        return text.decode()
    finally:
        native.lib.pg_query_free_normalize_result(result)


def _parsed(raw: bytes, entry: Node) -> Parsed:
    start = entry.get("stmt_location", 0)
    length = entry.get("stmt_len")
    end = len(raw) if length is None else start + length
    ((kind, node),) = entry["stmt"].items()
    return Parsed(raw[start:end].decode("utf-8", "replace").strip(), kind, node)


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
