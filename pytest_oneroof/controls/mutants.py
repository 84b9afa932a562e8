"""Texts with one thing turned: predicates, literals, branches, figures. Pure.

Read by PostgreSQL's own scanner, so that a word inside a string is no operator. What
comes out need not be valid: whoever uses a mutant lets the server read it first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pytest_oneroof.statements import grammar
from pytest_oneroof.statements.grammar import Token

Path = tuple[Any, ...]
OTHER = "_other"
# Each comparison is turned around, and moved by what is equal.
COMPARISONS = {
    "=": ("<>",),
    "<>": ("=",),
    "!=": ("=",),
    "<": (">=", "<="),
    ">": ("<=", ">="),
    "<=": (">", "<"),
    ">=": ("<", ">"),
}
NAMES = {
    "=": "equal",
    "<>": "unequal",
    "!=": "unequal",
    "<": "below",
    ">": "above",
    "<=": "at-most",
    ">=": "at-least",
}
WORDS = {"and": "OR", "or": "AND", "true": "false", "false": "true", "left": ""}
# What these raise is a text for people, which nothing is decided by.
SPOKEN = frozenset({"raise", "using"})
WRITES = frozenset({"insert", "update", "delete", "perform"})


class Mutant(NamedTuple):
    """A text with one thing turned; `label` says where and what, shortly."""

    label: str
    text: str


def mutants_of(text: str, *, block: bool = False) -> Iterator[Mutant]:
    """Yield the mutants of an SQL text; of a PL/pgSQL body with `block`."""
    tokens = grammar.scan(text)
    for index, token in enumerate(tokens):
        for what, new in _turned(tokens, index, block=block):
            start, end = token.start, token.end
            yield Mutant(f"{start}-{what}", f"{text[:start]}{new}{text[end:]}")
    if block:
        yield from _branches(text, tokens)


def _turned(
    tokens: Sequence[Token], index: int, *, block: bool
) -> Iterator[tuple[str, str]]:
    """Yield what a token may be turned into, each with a name for it."""
    token = tokens[index]
    before = tokens[index - 1].text if index else ""
    after = tokens[index + 1].text if index + 1 < len(tokens) else ""
    if token.kind == "symbol" and token.text in COMPARISONS:
        for number, new in enumerate(COMPARISONS[token.text]):
            what = "moved" if number else "turned"
            yield f"{NAMES[token.text]}-{what}", new
    elif token.kind == "symbol" and token.text.isdigit():
        yield f"{token.text}-one-more", str(int(token.text) + 1)
    elif token.kind == "string" and not _is_spoken(tokens, index):
        yield "other", _quoted(token.text + OTHER)
    elif token.kind == "name":
        yield from _word_turned(token.text, before, after, block=block)


def _word_turned(
    word: str, before: str, after: str, *, block: bool
) -> Iterator[tuple[str, str]]:
    if word in WORDS:
        yield f"{word}-turned", WORDS[word]
    elif word == "is" and after == "null":
        yield "null-turned", "IS NOT"
    elif word == "not" and before == "is":
        yield "null-turned", ""
    elif word == "not" and after not in ("null", "found"):
        yield "not-dropped", ""
    elif word == "exists" and before != "not":
        yield "exists-turned", "NOT EXISTS"
    elif block and word == "exception" and before == "raise":
        yield "not-raised", "NOTICE"


def _branches(text: str, tokens: Sequence[Token]) -> Iterator[Mutant]:
    """Yield a body with one branch always or never taken, or one statement skipped."""
    opened = None
    for index, token in enumerate(tokens):
        if token.text in ("if", "elsif") and token.kind == "name":
            opened = token if tokens[index - 1].text != "end" else None
        elif token.text == "then" and opened is not None:
            for what, condition in (("never", " false "), ("always", " true ")):
                new = f"{text[: opened.end]}{condition}{text[token.start :]}"
                yield Mutant(f"{opened.start}-{what}", new)
            opened = None
        elif token.text in WRITES and _begins(tokens, index):
            end = _statement_end(tokens, index)
            new = f"{text[: token.start]}NULL{text[end:]}"
            yield Mutant(f"{token.start}-{token.text}-skipped", new)


def _begins(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a statement of a body begins at a token."""
    before = tokens[index - 1].text if index else ""
    return before in (";", "begin", "then", "else", "loop")


def _statement_end(tokens: Sequence[Token], index: int) -> int:
    for token in tokens[index:]:
        if token.text == ";" and token.kind == "symbol":
            return token.start
    return tokens[-1].end


def _is_spoken(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a string stands in what is raised: a message, not a decision."""
    for token in reversed(tokens[:index]):
        if token.kind == "symbol" and token.text == ";":
            return False
        if token.kind == "name" and token.text in SPOKEN:
            return True
    return False


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def figures_of(text: str, paths: Iterable[Path]) -> Iterator[Mutant]:
    """Yield a JSON text with one value of it another, for each path to a value."""
    for path in sorted(paths, key=lambda path: [str(part) for part in path]):
        if path[0] != "about":
            label = ".".join(str(part) for part in path)
            yield Mutant(label, json.dumps(_replaced(json.loads(text), path)))


def _replaced(data: Any, path: Path) -> Any:
    """Return the data with another value at a path."""
    inner = data
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = another(inner[path[-1]])
    return data


def another(value: Any) -> Any:
    """Return another value of the same kind; of none a text."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value or ''}{OTHER}"
