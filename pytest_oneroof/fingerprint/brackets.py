"""SQL as the server deparses it, read into nested brackets and written out again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias


@dataclass(frozen=True)
class Group:
    """What stands between a bracket and its partner."""

    opening: str
    body: Nodes

    def __hash__(self) -> int:
        return hash(self.opening)  # the body is a list; equal groups open alike

    @cached_property
    def holds_query(self) -> bool:
        """Whether a query stands in it, at any depth."""
        return _starts_query(self.body) or _hold_query(self.body)

    @cached_property
    def flat(self) -> str:
        """Its text on one line."""
        return f"{self.opening}{_flat(self.body)}{_CLOSING[self.opening]}"


Node: TypeAlias = "str | Group"
Nodes: TypeAlias = "list[Node]"

WIDTH = 88
QUERY_STARTS = frozenset({"SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE"})

_TOKEN = re.compile(
    r"""[^\W\deEbBxXuU][\w$]*
      | ::|[()\[\],;.]
      | [eE]'(?:[^'\\]|\\.|'')*'
      | (?:[bBxX]|[uU]&)?'(?:[^']|'')*'
      | [^\W\d][\w$]*
      | (?:[uU]&)?"(?:[^"]|"")+"
      | (?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?
      | :=|[-+*/<>=~!@\#%^&|`?]+
      | \$\d+
      | \S
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r'"([a-z_][a-z0-9_]*)"')
_CLOSING = {"(": ")", "[": "]"}
# Words that the server prints in lower case with a meaning of their own.
_CONSTANTS = frozenset({"true", "false"})
_OUTER_JOINS = frozenset({"LEFT", "RIGHT", "FULL", "CROSS"})
# What begins a line: in a query, in long brackets, outside of both.
_CLAUSES = frozenset(
    "SELECT FROM WHERE GROUP HAVING WINDOW UNION INTERSECT EXCEPT ORDER LIMIT OFFSET "
    "FETCH VALUES SET RETURNING".split()
)
_CONDITIONS = _OUTER_JOINS | {"JOIN", "AND", "OR", "WHEN", "ELSE", "END", "UNION"}
_NOWHERE: frozenset[str] = frozenset()
_CALLS = frozenset("COALESCE GREATEST LEAST NULLIF EXTRACT ROW SUBSTRING TRIM".split())
_TIGHT_BEFORE = frozenset({".", "::", ",", ";"})
_TIGHT_AFTER = frozenset({".", "::"})


def unquote(text: str) -> str:
    """Return `text` with plain lower-case identifiers out of their quotes.

    Which of them are printed in quotes depends on the major version's keywords.
    """
    return _QUOTED.sub(_plain, text) if '"' in text else text


def read_tree(text: str) -> Nodes:
    """Return the tokens of `text`, with what stands in brackets as groups."""
    root = Group("", [])
    stack = [root]
    for token in _TOKEN.findall(text):
        if token in _CLOSING:
            group = Group(token, [])
            stack[-1].body.append(group)
            stack.append(group)
        elif len(stack) > 1 and token == _CLOSING[stack[-1].opening]:
            stack.pop()
        else:
            stack[-1].body.append(unquote(token) if token[0] == '"' else token)
    return root.body


def lay_out(nodes: Nodes, indent: int = 0) -> str:
    """Return the text of `nodes`: clauses and long conditions on their own lines."""
    if _starts_query(nodes):
        return _laid_out(nodes, indent, _CLAUSES, list_indent=2)
    if not _hold_query(nodes):
        flat = _flat(nodes)
        if len(flat) + indent <= WIDTH:
            return flat
    return _laid_out(nodes, indent, _CONDITIONS if indent else _NOWHERE)


def _laid_out(
    nodes: Nodes, indent: int, breaks: frozenset[str], list_indent: int = 0
) -> str:
    margin = "\n" + " " * indent
    pieces: list[str] = []
    previous: Node = ""
    for node in nodes:
        if previous == ";" or (previous == "," and indent + list_indent):
            pieces.append(margin + " " * list_indent)
        elif previous and node in breaks:
            joined = node == "JOIN" and previous in _OUTER_JOINS
            pieces.append(" " if joined else margin)
        elif previous and _spaced(previous, node):
            pieces.append(" ")
        pieces.append(node if isinstance(node, str) else _laid_out_group(node, indent))
        previous = node
    return "".join(pieces)


def _laid_out_group(group: Group, indent: int) -> str:
    if not group.holds_query and len(group.flat) + indent <= WIDTH:
        return group.flat
    margin = "\n" + " " * indent
    text = lay_out(group.body, indent + 2)
    return f"{group.opening}{margin}  {text}{margin}{_CLOSING[group.opening]}"


def _starts_query(nodes: Nodes) -> bool:
    return bool(nodes) and nodes[0] in QUERY_STARTS


def _hold_query(nodes: Nodes) -> bool:
    return any(isinstance(node, Group) and node.holds_query for node in nodes)


def _flat(nodes: Nodes) -> str:
    pieces: list[str] = []
    previous: Node = ""
    for node in nodes:
        if previous and _spaced(previous, node):
            pieces.append(" ")
        pieces.append(node if isinstance(node, str) else node.flat)
        previous = node
    return "".join(pieces)


def _spaced(previous: Node, node: Node) -> bool:
    if previous in _TIGHT_AFTER:
        return False
    if isinstance(node, str):
        return node not in _TIGHT_BEFORE
    if isinstance(previous, Group):
        return node.opening == "("
    if node.opening == "[":
        return False
    return not (previous[0].islower() or previous[0] in '_"' or previous in _CALLS)


def _plain(match: re.Match[str]) -> str:
    return match[0] if match[1] in _CONSTANTS else match[1]
