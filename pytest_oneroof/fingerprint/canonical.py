"""Deparsed SQL brought to one canonical text, whatever restored or printed it.

PostgreSQL keeps expressions as trees and prints them anew. The text of one tree
depends on the major version, and printing, parsing and printing again is not always
the identity: a dump piped into psql comes back with other text and the same meaning.
Only what is known to be equal is made equal here (docs/fingerprint.md); everything
else stays as the server printed it.
"""

from __future__ import annotations

from functools import lru_cache

from pytest_oneroof.fingerprint.arrays import cast
from pytest_oneroof.fingerprint.brackets import (
    QUERY_STARTS,
    Group,
    Node,
    Nodes,
    lay_out,
    read_tree,
)

_TIME_WORDS = frozenset({"with", "without", "time", "zone"})
_LATER_WORDS = {
    "character": frozenset({"varying"}),
    "bit": frozenset({"varying"}),
    "double": frozenset({"precision"}),
    "timestamp": _TIME_WORDS,
    "time": _TIME_WORDS,
    "interval": frozenset("year month day hour minute second to".split()),
}
_NO_CONDITION = QUERY_STARTS | {",", "BETWEEN", "FROM", "ON", "WHERE"}
_SET_OPERATIONS = frozenset({"UNION", "INTERSECT", "EXCEPT"})
_AFTER_FROM = frozenset(
    "WHERE GROUP HAVING WINDOW ORDER LIMIT OFFSET FETCH FOR ;".split()
)
_BEFORE_OTHER_NAMES = frozenset({"::", ".", "COLLATE"})


@lru_cache(maxsize=16384)
def canonical(text: str, *, query: bool = False) -> str:
    """Return the canonical text of an expression or definition, laid out in lines.

    :param query: the text is a view's: its outermost SELECT loses the qualifiers
        that servers before 16 print although it reads from a single relation.
    """
    nodes = _rewritten(read_tree(text))
    return lay_out(_without_qualifiers(nodes) if query else nodes)


def _rewritten(nodes: Nodes) -> Nodes:
    out: Nodes = []
    position = 0
    while position < len(nodes):
        node = nodes[position]
        if node == "::" and out and position + 1 < len(nodes):
            base, array, position = _read_type(nodes, position + 1)
            cast(out, base, array=array)
            continue
        if isinstance(node, Group):
            node = Group(node.opening, _flattened(_rewritten(node.body)))
        out.append(node)
        position += 1
    return out


def _read_type(nodes: Nodes, start: int) -> tuple[Nodes, bool, int]:
    """Return the type name at `start`, whether it is an array, and where it ends."""
    base, position = [nodes[start]], start + 1
    while nodes[position : position + 1] == ["."]:
        base += nodes[position : position + 2]
        position += 2
    words = _LATER_WORDS.get(str(base[0]), frozenset())
    while position < len(nodes) and _continues_type(nodes[position], words):
        base.append(nodes[position])
        position += 1
    array = False
    while position < len(nodes) and nodes[position] == Group("[", []):
        array, position = True, position + 1
    return base, array, position


def _continues_type(node: Node, words: frozenset[str]) -> bool:
    return node in words if isinstance(node, str) else node.opening == "("


def _connective(node: Node) -> str | None:
    """Return AND or OR when the group is a plain list of conditions joined by it."""
    if isinstance(node, str) or node.opening != "(":
        return None
    return _joining_word(node.body)


def _joining_word(nodes: Nodes) -> str | None:
    words = {node for node in nodes if isinstance(node, str)}
    joining = words & {"AND", "OR"}
    return joining.pop() if len(joining) == 1 and not words & _NO_CONDITION else None


def _flattened(nodes: Nodes) -> Nodes:
    """Return `a AND (b AND c)` as `a AND b AND c`; the same for OR."""
    word = _joining_word(nodes)
    if word is None:
        return nodes
    out: Nodes = []
    for index, node in enumerate(nodes):
        alone = all(n == word for n in (*nodes[:index][-1:], *nodes[index + 1 :][:1]))
        if alone and isinstance(node, Group) and _connective(node) == word:
            out += node.body
        else:
            out.append(node)
    return out


def _without_qualifiers(nodes: Nodes) -> Nodes:
    if "FROM" not in nodes or any(node in _SET_OPERATIONS for node in nodes):
        return nodes
    start = nodes.index("FROM")
    end = start + 1
    while end < len(nodes) and nodes[end] not in _AFTER_FROM:
        end += 1
    alias = _only_alias(nodes[start + 1 : end])
    if alias is None:
        return nodes
    head, tail = nodes[:start], nodes[end:]
    return [*_stripped(head, alias), *nodes[start:end], *_stripped(tail, alias)]


def _only_alias(item: Nodes) -> str | None:
    """Return the name of the one relation in a FROM list, none if there are more."""
    if "TABLESAMPLE" in item:
        item = item[: item.index("TABLESAMPLE")]
    names = [node for node in item if isinstance(node, str)]
    joined = any(
        isinstance(node, Group) and "JOIN" in node.body and not _is_query(node)
        for node in item
    )
    several = joined or "," in names or "JOIN" in names
    return names[-1] if names and not several else None


def _is_query(group: Group) -> bool:
    return bool(group.body) and group.body[0] in QUERY_STARTS


def _stripped(nodes: Nodes, alias: str) -> Nodes:
    out: Nodes = []
    position = 0
    while position < len(nodes):
        node = nodes[position]
        if node == alias and _is_column(nodes, position):
            position += 2
            continue
        if isinstance(node, Group) and not _is_query(node):
            node = Group(node.opening, _stripped(node.body, alias))
        out.append(node)
        position += 1
    return out


def _is_column(nodes: Nodes, position: int) -> bool:
    if position and nodes[position - 1] in _BEFORE_OTHER_NAMES:
        return False
    dot, name, after = (*nodes[position + 1 : position + 4], "", "", "")[:3]
    called = isinstance(after, Group) and after.opening == "("
    return dot == "." and isinstance(name, str) and name != "*" and not called
