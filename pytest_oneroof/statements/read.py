"""Statements as PostgreSQL's grammar reads them: what each does, calls and touches.

Pure: no connection, no decision. `policy` decides on what is read here. Each text is
read once: by its letters, or, where none of its constants matters, by its shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any

from pytest_oneroof.statements import bodies, grammar, lexical, tree
from pytest_oneroof.statements.grammar import Node, Parsed
from pytest_oneroof.statements.lexical import Findings, Setting
from pytest_oneroof.statements.tree import bare

__all__ = ["Statement", "Text", "apply_savepoints", "read", "read_text"]

UNPARSED = "Unparsed"
# Any custom setting: its name is computed.
ANY = "*"
# Ours, which no check may set.
OURS = "oneroof."
# Larger texts keep little company in the cache: an entry holds its text.
CACHED_CHARACTERS = 16 * 1024
REMEMBERED = 4096
# Of these no constant matters, but in the calls that say so (lexical.LITERAL).
BY_SHAPE = frozenset(
    {"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"}
)


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
    # Those of them whose arguments let them act beside the transaction.
    beside: frozenset[str] = frozenset()
    relations: frozenset[str] = frozenset()
    # Relations and objects that it changes, locks, defines or drops.
    written: frozenset[str] = frozenset()
    # Changed by SET, RESET or set_config('name', …); names are lower-case.
    settings: frozenset[Setting] = frozenset()
    # Of SET CONSTRAINTS … IMMEDIATE; lexical.ALL for all of them.
    constraints: frozenset[str] = frozenset()
    # Node names of it and of every statement inside it.
    kinds: frozenset[str] = frozenset()
    # What tree and lexical name in capitals: INTO, LOCKING, SERVER_FILE, …
    traits: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    # Temporary tables that a commit empties (False) or drops (True).
    on_commit: frozenset[tuple[str, bool]] = frozenset()
    # Of DO, CREATE FUNCTION and CREATE PROCEDURE.
    body: str = ""
    language: str = ""


@dataclass(frozen=True, eq=False)
class Text:
    """What one text says: its statements, and what they mean together.

    `by_shape` tells that it stands for all texts that differ in constants alone; then
    the statements show '' for each.
    """

    statements: tuple[Statement, ...]
    by_shape: bool = False

    @cached_property
    def controls(self) -> bool:
        """Whether it has transaction control, savepoints included."""
        return any(s.verb for s in self.statements)

    @cached_property
    def plain(self) -> bool:
        """Whether it reads and writes rows, and does nothing else."""
        return self.kinds <= BY_SHAPE

    @cached_property
    def functions(self) -> frozenset[str]:
        """The names called, each as written and without its schema."""
        names = {name for s in self.statements for name in s.functions}
        return frozenset(names | {bare(name) for name in names})

    @cached_property
    def settings(self) -> frozenset[Setting]:
        """The settings that it changes."""
        return frozenset().union(*(s.settings for s in self.statements))

    @cached_property
    def custom_settings(self) -> frozenset[str]:
        """The custom settings (a.b) that it changes; ANY where a name is computed."""
        names = {s.name for s in self.settings if "." in s.name}
        computed = any(lexical.COMPUTED_SETTING in s.traits for s in self.statements)
        if computed or any(bodies.UNKNOWN in setting.name for setting in self.settings):
            names.add(ANY)
        return frozenset(
            name
            for name in names
            if bodies.UNKNOWN not in name and not name.startswith(OURS)
        )

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of all its statements, those in bodies included."""
        return frozenset().union(*(s.kinds for s in self.statements))

    @cached_property
    def on_commit(self) -> frozenset[tuple[str, bool]]:
        """The temporary tables that it makes and that a commit empties or drops."""
        return frozenset().union(*(s.on_commit for s in self.statements))

    @cached_property
    def sets_all(self) -> bool:
        """Whether SET CONSTRAINTS … IMMEDIATE reaches the tripwire's constraint."""
        return any(
            name == lexical.ALL or bare(name).startswith("tripwire")
            for s in self.statements
            for name in s.constraints
        )


def read(text: str) -> tuple[Statement, ...]:
    """Return the statements of `text`; empty for comments and white space only.

    Never raises. Of a text that the grammar cannot read, each piece between semicolons
    is read by itself; what it cannot read then is of kind UNPARSED, with what the
    tokens show.
    """
    return read_whole(text).statements


def read_text(text: str, *, conforming: bool = True) -> Text:
    """Return what `text` says, by its shape where no constant in it matters.

    `conforming` is the session's standard_conforming_strings.
    """
    cached = _text_small if len(text) <= CACHED_CHARACTERS else _text_large
    return cached(text, conforming)


def read_whole(text: str, *, conforming: bool = True) -> Text:
    """Return what `text` says, with all of its constants."""
    cached = _whole_small if len(text) <= CACHED_CHARACTERS else _whole_large
    return cached(text, conforming)


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


def _text(text: str, conforming: bool) -> Text:  # noqa: FBT001 - a cache's key
    if not conforming:
        return read_whole(text, conforming=False)
    skeleton = grammar.skeleton(text)
    known = _skeletons.get(skeleton) if skeleton else None
    if known is not None:
        return known
    normalized = grammar.normalized(_sendable(text))
    found = _of_normalized(normalized) if normalized is not None else None
    if found is None:
        return read_whole(text)
    if skeleton:
        _remember(skeleton, found)
    return found


_skeletons: dict[str, Text] = {}


def _remember(skeleton: str, found: Text) -> None:
    if len(_skeletons) >= REMEMBERED:
        _skeletons.clear()
    if len(skeleton) <= CACHED_CHARACTERS:
        _skeletons[skeleton] = found


def _whole(text: str, conforming: bool) -> Text:  # noqa: FBT001 - a cache's key
    read = _read_pieces(_sendable(text), conforming=conforming)
    return Text(tuple(_with_bodies(statement) for statement in read))


def _of_normalized(found: str) -> Text | None:
    if len(found) <= CACHED_CHARACTERS:
        return _of_small(found)
    shape = grammar.shape(found)
    return None if shape is None else _of_shape(shape)


@lru_cache(maxsize=REMEMBERED)
def _of_small(found: str) -> Text | None:
    shape = grammar.shape(found)
    return None if shape is None else _of_shape(shape)


@lru_cache(maxsize=REMEMBERED)
def _of_shape(shape: str) -> Text | None:
    """Return what all texts of a shape say; None where their constants matter."""
    parsed = grammar.parse(shape)
    if not parsed or not {statement.kind for statement in parsed} <= BY_SHAPE:
        return None
    read = tuple(map(_from_tree, parsed))
    if any(lexical.LITERAL in statement.traits for statement in read):
        return None
    return Text(read, by_shape=True)


_text_small = lru_cache(maxsize=REMEMBERED)(_text)
_text_large = lru_cache(maxsize=16)(_text)
_whole_small = lru_cache(maxsize=1024)(_whole)
_whole_large = lru_cache(maxsize=16)(_whole)
_ATOMIC = re.compile(r"\bbegin\s+atomic\b", re.IGNORECASE)
_END = re.compile(r"\s*end\b", re.IGNORECASE)


def _sendable(text: str) -> str:
    # The server's protocol ends a text at NUL; reading on is the strict choice.
    # A lone surrogate cannot be encoded, hence never be sent.
    if "\0" in text:
        text = text.replace("\0", " ")
    return text if text.isascii() else text.encode(errors="replace").decode()


def _read_pieces(text: str, *, conforming: bool) -> Iterator[Statement]:
    parsed = grammar.parse(text, conforming=conforming)
    if parsed is not None:
        yield from map(_from_tree, parsed)
        return
    for piece in _with_ends(_pieces(text) or [text.strip()]):
        parsed = grammar.parse(piece, conforming=conforming)
        yield from [_by_tokens(piece)] if parsed is None else map(_from_tree, parsed)


def _pieces(text: str) -> list[str]:
    if len(text) > grammar.PARSE_LIMIT:
        return grammar.split(text) or []
    raw = text.encode()
    pieces = lexical.pieces(grammar.scan(text), block=False)
    return [raw[piece[0].start : piece[-1].end].decode() for piece in pieces]


def _with_ends(pieces: list[str]) -> Iterator[str]:
    # The splitter cuts BEGIN ATOMIC bodies: hold their pieces until END.
    held: list[str] = []
    for piece in pieces:
        held.append(piece)
        if _ATOMIC.search(held[0]) and not _END.match(piece):
            continue
        yield ";".join(held)
        held = []
    yield from held


def _by_tokens(text: str) -> Statement:
    found = lexical.read_piece(grammar.scan(text))
    return Statement(text, UNPARSED, verb=found.verb, **_frozen(found))


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
        yield from _read_pieces(outer.body, conforming=True)
    elif outer.language == "plpgsql":
        for part in bodies.parts(outer.body):
            if isinstance(part, Findings):
                yield part
            elif isinstance(part, Parsed):
                yield _from_tree(part)
            else:
                if part.lstrip().startswith(bodies.UNKNOWN):
                    # A text that it is given: it may be any statement, SET too.
                    yield Findings(traits={lexical.COMPUTED_SETTING})
                yield from _read_pieces(part, conforming=True)


_SETS = tuple(f.name for f in fields(Findings) if f.name != "verb")


def _frozen(found: Findings) -> dict[str, Any]:
    return {name: frozenset(getattr(found, name)) for name in _SETS}


def _merge(found: Findings, inner: Findings | Statement) -> None:
    # Not the verb: END may close a block, and COMMIT in a routine is for the server
    # to judge, which refuses it in a transaction that is already open (2D000).
    for name in _SETS:
        getattr(found, name).update(getattr(inner, name))
