"""Statements as PostgreSQL's grammar reads them: what each does, calls and touches.

Pure: no connection, no decision. `policy` decides on what `read` finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

from pytest_oneroof.statements import grammar, lexical, tree
from pytest_oneroof.statements.grammar import Node, Parsed
from pytest_oneroof.statements.lexical import Findings
from pytest_oneroof.statements.tree import bare

__all__ = [
    "Statement",
    "apply_savepoints",
    "called_functions",
    "mentions_setval",
    "read",
    "sets_all_constraints",
]

UNPARSED = "Unparsed"
# Larger texts keep little company in the cache: an entry holds its text.
CACHED_CHARACTERS = 16 * 1024


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a text and all that was found anywhere in it.

    Names are as the server resolves them (unquoted ones lower-case), with a schema
    where the text gives one. What a DO block or a routine's body in SQL or PL/pgSQL
    calls and sets counts as the statement's own.
    """

    text: str
    # The grammar's node, such as "SelectStmt", or UNPARSED.
    kind: str
    # begin, start, commit (also END), rollback (also ABORT), prepare,
    # commit_prepared, rollback_prepared, savepoint, release or rollback_to.
    verb: str | None = None
    chain: bool = False
    savepoint: str | None = None
    functions: frozenset[str] = frozenset()
    relations: frozenset[str] = frozenset()
    # Relations and objects that it changes, locks, defines or drops.
    written: frozenset[str] = frozenset()
    # Settings changed by SET, RESET or set_config('name', …); lower-case, but
    # TRANSACTION, TRANSACTION SNAPSHOT and SESSION CHARACTERISTICS.
    settings: frozenset[str] = frozenset()
    # Of SET CONSTRAINTS … IMMEDIATE; lexical.ALL for all of them.
    constraints: frozenset[str] = frozenset()
    # Node names of it and of every statement inside it.
    kinds: frozenset[str] = frozenset()
    # What tree and lexical name in capitals: INTO, LOCKING, SERVER_FILE, …
    traits: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    # Of DO, CREATE FUNCTION and CREATE PROCEDURE.
    body: str = ""
    language: str = ""


def read(text: str) -> tuple[Statement, ...]:
    """Return the statements of `text`; empty for comments and white space only.

    Never raises. Text that the grammar cannot read gives statements of kind
    UNPARSED, one for each piece between semicolons, with what the tokens show.
    """
    cached = _read_small if len(text) <= CACHED_CHARACTERS else _read_large
    return cached(text)


def apply_savepoints(
    stack: tuple[str, ...], statements: Iterable[Statement]
) -> tuple[str, ...]:
    """Return the open savepoints, outermost first, after `statements`.

    A name set again hides the older one; ROLLBACK TO keeps the named one and ends
    the later ones; RELEASE ends both (manual: SAVEPOINT, ROLLBACK TO SAVEPOINT,
    RELEASE SAVEPOINT). A name that is not open changes nothing: the server raises.
    """
    for statement in statements:
        name = statement.savepoint
        if name is None:
            continue
        if statement.verb == "savepoint":
            stack = (*stack, name)
        elif name in stack:
            index = len(stack) - 1 - stack[::-1].index(name)
            stack = stack[: index + (statement.verb == "rollback_to")]
    return stack


def called_functions(statements: Iterable[Statement]) -> frozenset[str]:
    """Return the names called, each as written and without its schema."""
    names = {name for s in statements for name in s.functions}
    return frozenset(names | {bare(name) for name in names})


def mentions_setval(text: str) -> bool:
    """Return whether `text` may call setval, also by way of a string or a body.

    ALTER SEQUENCE … RESTART does not count: it is undone by a rollback.
    """
    if "setval" in text.lower():
        return True
    # U&"\0073etval" is the one spelling that the letters do not show.
    return 'u&"' in text.lower() and "setval" in called_functions(read(text))


def sets_all_constraints(
    statements: Iterable[Statement], *, tripwire: str = "tripwire"
) -> bool:
    """Return whether SET CONSTRAINTS … IMMEDIATE reaches the tripwire's constraint.

    :param tripwire: what the constraint's name begins with.
    """
    return any(
        name == lexical.ALL or bare(name).startswith(tripwire)
        for statement in statements
        for name in statement.constraints
    )


def _read(text: str) -> tuple[Statement, ...]:
    # The server's protocol ends a text at NUL; reading on is the strict choice.
    # A lone surrogate cannot be encoded, hence never be sent.
    clean = text.replace("\0", " ").encode(errors="replace").decode()
    pieces: Iterable[str] = [clean]
    if len(clean) > grammar.PARSE_LIMIT:
        pieces = _whole(grammar.split(clean) or [clean])
    return tuple(_with_bodies(s) for piece in pieces for s in _read_piece(piece))


_read_small = lru_cache(maxsize=4096)(_read)
_read_large = lru_cache(maxsize=16)(_read)
_ATOMIC = re.compile(r"\bbegin\s+atomic\b", re.IGNORECASE)
_END = re.compile(r"\s*end\b", re.IGNORECASE)


def _whole(pieces: list[str]) -> Iterator[str]:
    # The splitter cuts BEGIN ATOMIC bodies: hold their pieces until END.
    held: list[str] = []
    for piece in pieces:
        held.append(piece)
        if _ATOMIC.search(held[0]) and not _END.match(piece):
            continue
        yield ";".join(held)
        held = []
    yield from held


def _read_piece(text: str) -> Iterator[Statement]:
    parsed = grammar.parse(text)
    if parsed is not None:
        yield from map(_from_tree, parsed)
        return
    raw = text.encode()
    for piece in lexical.pieces(grammar.scan(text), block=False):
        excerpt = raw[piece[0].start : piece[-1].end].decode()
        found = lexical.read_piece(piece)
        yield Statement(excerpt, UNPARSED, verb=found.verb, **_frozen(found))


def _from_tree(parsed: Parsed) -> Statement:
    kind, node = parsed.kind, parsed.node
    found = _frozen(tree.findings(kind, node))
    if kind == "TransactionStmt":
        return Statement(
            parsed.text,
            kind,
            verb=node["kind"].removeprefix("TRANS_STMT_").lower(),
            chain=node.get("chain", False),
            savepoint=node.get("savepoint_name"),
            **found,
        )
    body, language = _body(kind, node)
    return Statement(parsed.text, kind, body=body, language=language, **found)


def _body(kind: str, node: Node) -> tuple[str, str]:
    if kind not in ("DoStmt", "CreateFunctionStmt"):
        return "", ""
    options = node.get("args" if kind == "DoStmt" else "options", [])
    given = {o["DefElem"]["defname"]: o["DefElem"].get("arg") for o in options}
    default = "plpgsql" if kind == "DoStmt" else "sql"
    language = given.get("language", {}).get("String", {}).get("sval", default)
    parts = given.get("as", {})
    items = parts["List"]["items"] if "List" in parts else [parts]
    texts = [item.get("String", {}).get("sval", "") for item in items]
    return "\n".join(texts), language.lower()


def _with_bodies(statement: Statement) -> Statement:
    if not statement.language:
        return statement
    found = Findings()
    _merge(found, statement)
    # A list, not recursion: blocks can be quoted in blocks to any depth.
    todo = [statement]
    while todo:
        outer = todo.pop()
        found.languages.add(outer.language)
        for inner in _inside(outer):
            _merge(found, inner)
            if isinstance(inner, Statement) and inner.language:
                todo.append(inner)
    return replace(statement, **_frozen(found))


def _inside(outer: Statement) -> Iterator[Statement | Findings]:
    if outer.language == "sql":
        yield from _read_piece(outer.body)
    elif outer.language == "plpgsql":
        for piece in lexical.pieces(grammar.scan(outer.body), block=True):
            yield lexical.read_piece(piece)
            for text in lexical.executed_strings(piece):
                yield from _read_piece(text)


_SETS = tuple(f.name for f in fields(Findings) if f.name != "verb")


def _frozen(found: Findings) -> dict[str, Any]:
    return {name: frozenset(getattr(found, name)) for name in _SETS}


def _merge(found: Findings, inner: Findings | Statement) -> None:
    # Not the verb: END may close a block, and COMMIT in a routine is for the server
    # to judge, which refuses it in a transaction that is already open (2D000).
    for name in _SETS:
        getattr(found, name).update(getattr(inner, name))
