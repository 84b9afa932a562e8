"""What can be told from tokens alone, where there is no parse tree.

That is what PL/pgSQL has besides SQL, text that this grammar cannot read (a newer or
an older server may), and statements too large to parse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_oneroof.statements.grammar import Token

SERVER_FILE = "file on the server"
SERVER_PROGRAM = "program on the server"
# What it does depends on a constant in it.
LITERAL = "literal"
# set_config() of a name that is not written there, or a text that is given whole.
COMPUTED_SETTING = "computed setting"
ALL = "ALL"
# As the value of a setting: by RESET, or TO DEFAULT.
DEFAULT = "DEFAULT"

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
}
_BRACKETS = frozenset({"begin", "then", "else", "loop"})
# "insert into f (a)", "create table f (a int)", "with f (a) as": no call of f.
_NO_CALL_AFTER = frozenset(
    {
        *("into", "table", "references", "function", "procedure", "exists"),
        *("with", "recursive", "only"),
    }
)


class Setting(NamedTuple):
    """A setting that is changed: its value, DEFAULT, or None where it is computed."""

    name: str
    value: str | None = None
    local: bool = False


@dataclass(slots=True)
class Findings:
    """What reading a statement collects; sets are filled in place.

    `beside` are calls whose arguments let them act beside the transaction; `on_commit`
    are temporary tables that a commit empties (False) or drops (True).
    """

    verb: str | None = None
    functions: set[str] = field(default_factory=set)
    beside: set[str] = field(default_factory=set)
    relations: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    settings: set[Setting] = field(default_factory=set)
    constraints: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    traits: set[str] = field(default_factory=set)
    extensions: set[str] = field(default_factory=set)
    languages: set[str] = field(default_factory=set)
    on_commit: set[tuple[str, bool]] = field(default_factory=set)


def own(name: str) -> str:
    """Return the name of a call that may be of PostgreSQL's own function, or ''."""
    schema, _, function = name.rpartition(".")
    return function if schema in ("", "pg_catalog") else ""


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
    """Return what the tokens of one statement show."""
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


def executed(piece: Sequence[Token]) -> Sequence[Token]:
    """Return the expression that a statement of a block executes; () for none.

    It ends where PL/pgSQL ends it: before INTO and USING outside of brackets.
    """
    depth = start = 0
    for index, token in enumerate(piece):
        if token.kind == "symbol":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        elif token[:2] == ("name", "execute") and not start:
            start, depth = index + 1, 0
        elif start and depth == 0 and token[:2] in _EXECUTED_UNTIL:
            return piece[start:index]
    return piece[start:] if start else ()


_EXECUTED_UNTIL = (("name", "into"), ("name", "using"))


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
        return
    local = rest[:1] == ["local"]
    if local or rest[:1] == ["session"]:
        rest = rest[1:]
    name = "".join(rest[: 3 if rest[1:2] == ["."] else 1]).lower()
    found.settings.add(Setting(name, None, local))


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
        _read_arguments(called, piece[index + 1 : index + 4], found)


def _read_arguments(called: str, first: Sequence[Token], found: Findings) -> None:
    name, texts = own(called), [t.text for t in first]
    if name == "pg_logical_emit_message":
        named = texts[:1] == ["transactional"] and texts[2:] == ["true"]
        if texts[:1] != ["true"] and not named:
            found.beside.add(called)
    elif name == "pg_cancel_backend":
        if texts[:1] != ["pg_backend_pid"]:
            found.beside.add(called)
    elif name == "set_config" and first and first[0].kind == "string":
        found.settings.add(Setting(texts[0].lower(), texts[-1]))
    elif name == "set_config":
        found.traits.add(COMPUTED_SETTING)
