"""Arrays in deparsed SQL: one spelling for literals, constructors and their casts.

A cast of a whole constructor and casts of its elements are one thing to PostgreSQL:
parsing pushes `(ARRAY[a, b])::text[]` down to the elements (manual, 4.2.12), so a
dump and restore turns the one into the other.
"""

from __future__ import annotations

import re

from pytest_oneroof.fingerprint.brackets import Group, Node, Nodes

_STRINGS = (["text"], ["character", "varying"])
_INTEGERS = frozenset({"smallint", "bigint", "oid"})
_FRACTIONS = frozenset({"numeric", "real", "double"})
_ELEMENT = re.compile(
    r"""\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"{},\\][^"{},\\]*))\s*""",
    re.DOTALL,
)


def cast(out: Nodes, base: Nodes, *, array: bool) -> None:
    """Append a cast to type `base`, or to an array of it, to what `out` ends with."""
    if array:
        if out[-1] == "'{}'":
            out[-1:] = ["ARRAY", Group("[", [])]
        elements = _pop_elements(out, base)
        if elements:
            out += _constructor([_element(element, base) for element in elements])
        else:
            out += ["::", *base, Group("[", [])]
        return
    given = out.pop()
    out.append(_operand(given, base))
    if not _is_string(given) or _is_string(out[-1]):
        out += ["::", *base]


def _pop_elements(out: Nodes, base: Nodes) -> list[Nodes]:
    last = out[-1]
    if isinstance(last, str):
        elements, width = _literal_elements(last, base), 1
    elif last.opening == "[" and out[-2:-1] == ["ARRAY"]:
        elements, width = _split(last.body), 2
    elif _is_constructor(last.body):
        elements, width = _constructed(last.body), 1
    else:
        return []
    if elements:
        del out[-width:]
    return elements


def _is_constructor(nodes: Nodes) -> bool:
    return len(nodes) == 2 and nodes[0] == "ARRAY" and isinstance(nodes[1], Group)


def _constructed(nodes: Nodes) -> list[Nodes]:
    group = nodes[1]
    return _split(group.body) if isinstance(group, Group) else []


def _constructor(elements: list[Nodes]) -> Nodes:
    body: Nodes = []
    for element in elements:
        body += [",", *element] if body else element
    return ["ARRAY", Group("[", body)]


def _element(element: Nodes, base: Nodes) -> Nodes:
    if _is_constructor(element):
        return _constructor([_element(inner, base) for inner in _constructed(element)])
    if element[1:] == ["::", *base]:
        return element
    bare = len(element) == 1 and (element[0] == "NULL" or _is_string(element[0]))
    out: Nodes = list(element) if bare else [Group("(", element)]
    cast(out, base, array=False)
    return out


def _operand(operand: Node, base: Nodes) -> Node:
    """Return the operand of a cast to `base` in the simplest spelling of its value."""
    if isinstance(operand, str):
        return _simplest(operand, base) if _is_string(operand) else operand
    if operand.opening != "(" or not operand.body or not _is_constant(operand.body[0]):
        return operand
    value, inner = str(operand.body[0]), operand.body[1:]
    if base in _STRINGS and inner[:1] == ["::"] and inner[1:] in _STRINGS:
        return value
    whole = base[0] in _INTEGERS and value.isdigit()
    if not inner and _is_number(value) and (whole or base[0] in _FRACTIONS):
        return f"'{value}'"
    return operand


def _simplest(literal: str, base: Nodes) -> str:
    value = literal[1:-1]
    if base == ["integer"] and re.fullmatch(r"\d{1,10}", value):
        return value
    if base == ["numeric"] and re.fullmatch(r"\d+\.\d+", value):
        return value
    if base == ["boolean"]:
        return {"t": "true", "f": "false"}.get(value, literal)
    return literal


def _is_constant(node: Node) -> bool:
    return node == "NULL" or _is_number(node) or _is_string(node)


def _is_number(node: Node) -> bool:
    return isinstance(node, str) and node[0].isdigit()


def _is_string(node: Node) -> bool:
    return isinstance(node, str) and node[-1] == "'" and node[0] in "'eE"


def _split(nodes: Nodes) -> list[Nodes]:
    parts: list[Nodes] = [[]]
    for node in nodes:
        if node == ",":
            parts.append([])
        else:
            parts[-1].append(node)
    return parts if nodes else []


def _literal_elements(token: str, base: Nodes) -> list[Nodes]:
    if not _is_string(token) or base == ["box"]:  # box alone separates by semicolon
        return []
    value = token[token.index("'") + 1 : -1].replace("''", "'")
    if token[0] != "'":
        value = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
    elements, end = _read_braces(value, 0)
    return elements if end == len(value) else []


def _read_braces(value: str, start: int) -> tuple[list[Nodes], int]:
    """Return the elements of the braces at `start` and where they end, or none."""
    elements: list[Nodes] = []
    position = start
    while value[position : position + 1] == ("," if elements else "{"):
        position += 1
        inner, after = _read_braces(value, position)
        match = None if inner else _ELEMENT.match(value, position)
        if inner:
            elements.append(_constructor(inner))
            position = after
        elif match:
            elements.append([_literal(match)])
            position = match.end()
        else:
            return [], start
    closed = elements and value[position : position + 1] == "}"
    return (elements, position + 1) if closed else ([], start)


def _literal(match: re.Match[str]) -> str:
    quoted, bare = match["quoted"], (match["bare"] or "").rstrip()
    if quoted is None and bare.upper() == "NULL":
        return "NULL"
    value = bare if quoted is None else re.sub(r"(?s)\\(.)", r"\1", quoted)
    value = value.replace("'", "''")
    if "\\" in value:
        return "E'" + value.replace("\\", "\\\\") + "'"
    return f"'{value}'"
