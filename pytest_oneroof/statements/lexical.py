"""What can be told from tokens alone, where there is no parse tree.

That is the body of a PL/pgSQL block, text that this grammar cannot read (a newer or
an older server may), and statements too large to parse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pytest_oneroof.statements.grammar import Token

UNPROVEN_MESSAGE = "message outside the transaction"
FOREIGN_CANCEL = "cancels another session"
SERVER_FILE = "file on the server"
SERVER_PROGRAM = "program on the server"
OTHER_STRINGS = "other string literals"
ALL = "ALL"

# The longest match wins.
VERBS = {
    ("begin",): "begin",
    ("start", "transaction"): "start",
    ("commit",): "commit",
    ("end",): "commit",
    ("rollback",): "rollback",
    ("abort",): "rollback",
    ("prepare", "transaction"): "prepare",
    ("commit", "prepared"): "commit_prepared",
    ("rollback", "prepared"): "rollback_prepared",
    ("savepoint",): "savepoint",
    ("release",): "release",
}
KINDS = {
    ("alter", "foreign", "data", "wrapper"): "AlterFdwStmt",
    ("alter", "server"): "AlterForeignServerStmt",
    ("alter", "subscription"): "AlterSubscriptionStmt",
    ("alter", "system"): "AlterSystemStmt",
    ("alter", "user", "mapping"): "AlterUserMappingStmt",
    ("copy",): "CopyStmt",
    ("create", "database"): "CreatedbStmt",
    ("create", "extension"): "CreateExtensionStmt",
    ("create", "foreign", "data", "wrapper"): "CreateFdwStmt",
    ("create", "foreign", "table"): "CreateForeignTableStmt",
    ("create", "language"): "CreatePLangStmt",
    ("create", "server"): "CreateForeignServerStmt",
    ("create", "subscription"): "CreateSubscriptionStmt",
    ("create", "tablespace"): "CreateTableSpaceStmt",
    ("create", "user", "mapping"): "CreateUserMappingStmt",
    ("drop", "database"): "DropdbStmt",
    ("drop", "subscription"): "DropSubscriptionStmt",
    ("drop", "tablespace"): "DropTableSpaceStmt",
    ("import", "foreign", "schema"): "ImportForeignSchemaStmt",
    ("load",): "LoadStmt",
}
_BRACKETS = frozenset({"begin", "then", "else", "loop"})
# "insert into f (a)", "create table f (a int)": no call of f.
_NO_CALL_AFTER = frozenset(
    {"into", "table", "references", "function", "procedure", "exists"}
)


@dataclass(slots=True)
class Findings:
    """What reading a statement collects; sets are filled in place."""

    verb: str | None = None
    functions: set[str] = field(default_factory=set)
    relations: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    settings: set[str] = field(default_factory=set)
    constraints: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    traits: set[str] = field(default_factory=set)
    extensions: set[str] = field(default_factory=set)
    languages: set[str] = field(default_factory=set)


def add_setting(name: str, value: object, found: Findings) -> None:
    """Note that the setting `name` is changed, and whether that changes the lexer.

    Dumps begin with SET standard_conforming_strings = on, which changes nothing.
    """
    found.settings.add(name)
    on = str(value).lower() in ("on", "true")
    if name == "standard_conforming_strings" and not on:
        found.traits.add(OTHER_STRINGS)


def pieces(tokens: Sequence[Token], *, block: bool) -> Iterator[list[Token]]:
    """Yield the tokens between semicolons and, in a block, its brackets."""
    piece: list[Token] = []
    for token in tokens:
        bracket = block and token.kind == "name" and token.text in _BRACKETS
        if bracket or token[:2] == ("symbol", ";"):
            if piece:
                yield piece
            piece = []
        else:
            piece.append(token)
    if piece:
        yield piece


def read_piece(piece: Sequence[Token]) -> Findings:
    """Return what the tokens of one statement show.

    In a block a verb may be a bracket (END), so that it says nothing there.
    """
    found = Findings(verb=_lead(piece, VERBS))
    kind = _lead(piece, KINDS)
    if kind:
        found.kinds.add(kind)
    if kind == "CopyStmt":
        _read_copy(piece, found)
    if kind == "CreateExtensionStmt":
        found.extensions.update(t.text for t in piece[2:] if t.kind == "name")
    _read_setting(piece, found)
    _read_calls(piece, found)
    return found


def executed_strings(piece: Sequence[Token]) -> list[str]:
    """Return the literals that follow EXECUTE in a statement of a block."""
    for index, token in enumerate(piece):
        if token[:2] == ("name", "execute"):
            return [t.text for t in piece[index:] if t.kind == "string"]
    return []


def _lead(piece: Sequence[Token], table: dict[tuple[str, ...], str]) -> str | None:
    words = tuple(t.text if t.kind == "name" else "" for t in piece[:4])
    for length in range(len(words), 0, -1):
        if words[:length] in table:
            return table[words[:length]]
    return None


def _read_copy(piece: Sequence[Token], found: Findings) -> None:
    depth = 0
    for index, token in enumerate(piece):
        if token.kind == "symbol":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth or token[:2] not in (("name", "to"), ("name", "from")):
            continue
        where = piece[index + 1 : index + 2]
        if where and where[0].kind == "string":
            found.traits.add(SERVER_FILE)
        elif where and where[0].text == "program":
            found.traits.add(SERVER_PROGRAM)


def _read_setting(piece: Sequence[Token], found: Findings) -> None:
    words = [t.text for t in piece]
    if not words or words[0] not in ("set", "reset") or piece[0].kind != "name":
        return
    rest = words[1:]
    if rest[:1] == ["constraints"]:
        if rest[-1] == "immediate":
            names = [t.text for t in piece[2:-1] if t.kind == "name"]
            found.constraints.update(ALL if n == "all" else n for n in names)
    elif rest[:1] == ["transaction"]:
        found.settings.add("TRANSACTION")
    elif rest[:2] == ["session", "characteristics"]:
        found.settings.add("SESSION CHARACTERISTICS")
    elif rest[:2] == ["session", "authorization"]:
        found.settings.add("session_authorization")
    else:
        if rest[:1] in (["local"], ["session"]):
            rest = rest[1:]
        add_setting(
            "".join(rest[: 3 if rest[1:2] == ["."] else 1]).lower(), words[-1], found
        )


def _read_calls(piece: Sequence[Token], found: Findings) -> None:
    for index, token in enumerate(piece[1:], 1):
        name = piece[index - 1]
        if token[:2] != ("symbol", "(") or name.kind != "name":
            continue
        before = piece[max(index - 4, 0) : index - 1]
        called = name.text
        if [t.text for t in before[-1:]] == ["."] and before[-2:-1]:
            called = f"{before[-2].text}.{called}"
            before = before[:-2]
        if before and before[-1].text in _NO_CALL_AFTER:
            continue
        found.functions.add(called)
        _read_arguments(name.text, piece[index + 1 : index + 4], found)


def _read_arguments(name: str, first: Sequence[Token], found: Findings) -> None:
    texts = [t.text for t in first]
    if name == "pg_logical_emit_message":
        named = texts[:1] == ["transactional"] and texts[2:] == ["true"]
        if texts[:1] != ["true"] and not named:
            found.traits.add(UNPROVEN_MESSAGE)
    elif name == "pg_cancel_backend":
        if texts[:1] != ["pg_backend_pid"]:
            found.traits.add(FOREIGN_CANCEL)
    elif name == "set_config" and first and first[0].kind == "string":
        add_setting(texts[0].lower(), texts[-1], found)
