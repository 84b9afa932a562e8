"""The SQL in a routine's body: its statements, and the texts that it executes.

PL/pgSQL reads its SQL up to a semicolon or a word of its own (THEN, LOOP, …), and so
is it read here: each piece that is an SQL statement by PostgreSQL's grammar is judged
as that statement, the rest (assignments, conditions, RETURN) by its calls alone. What
a variable is called, or what is said in a string, is no statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_oneroof.statements import grammar, lexical, tree
from pytest_oneroof.statements.grammar import Node, Parsed, Token
from pytest_oneroof.statements.lexical import Findings

# What stands for a part that is computed when the routine runs.
UNKNOWN = "oneroof_unknown"


def parts(body: str) -> Iterator[Parsed | Findings | str]:
    """Yield what a body in PL/pgSQL consists of; a str is a text that it executes."""
    raw = body.encode()
    for piece in lexical.pieces(grammar.scan(body), block=True):
        parsed = None if piece[0].text == "execute" else _statement(raw, piece)
        if parsed:
            yield from parsed
            continue
        if text := executed_text(raw, piece):
            yield text
        yield _not_sql(piece)


def executed_text(body: bytes, piece: Sequence[Token]) -> str:
    """Return the text that a piece of a body executes, as far as it is written there.

    '' where it executes none; UNKNOWN stands for what is computed when it runs.
    """
    expression = lexical.executed(piece)
    if not expression:
        return ""
    text = body[expression[0].start : expression[-1].end].decode()
    parsed = grammar.parse(f"SELECT {text}")
    if not parsed or parsed[0].kind != "SelectStmt":
        return ""
    (target, *_) = parsed[0].node.get("targetList", [{}])
    return _folded(target.get("ResTarget", {}).get("val", {}))


def _statement(raw: bytes, piece: Sequence[Token]) -> tuple[Parsed, ...] | None:
    first, last = piece[0], piece[-1]
    if first.text == "perform":
        return grammar.parse(f"SELECT {raw[first.end : last.end].decode()}")
    return grammar.parse(raw[first.start : last.end].decode())


def _not_sql(piece: Sequence[Token]) -> Findings:
    found = lexical.read_piece(piece)
    # By one word it may be a variable's assignment, and COPY is told by its file.
    found.kinds.discard("CopyStmt")
    return found


def _folded(node: Node) -> str:
    written = tree.literal(node)
    if written is not None:
        return written
    if "TypeCast" in node:
        return _folded(node["TypeCast"]["arg"])
    if "A_Expr" in node:
        operator = node["A_Expr"]
        if operator["name"] == [{"String": {"sval": "||"}}] and "lexpr" in operator:
            return _folded(operator["lexpr"]) + _folded(operator["rexpr"])
    if "FuncCall" in node:
        return _made_by(node["FuncCall"])
    return UNKNOWN


def _made_by(call: Node) -> str:
    name, arguments = lexical.own(tree.called(call)), call.get("args", [])
    if name in _QUOTED:
        return _QUOTED[name]
    if name == "concat":
        return "".join(_folded(argument) for argument in arguments)
    if name == "format" and arguments:
        return _formatted(_folded(arguments[0]), arguments[1:])
    return UNKNOWN


_QUOTED = {
    "quote_ident": f'"{UNKNOWN}"',
    "quote_literal": f"'{UNKNOWN}'",
    "quote_nullable": f"'{UNKNOWN}'",
}
# Manual, 9.4.1: %[position][flags][width]type.
_FORMAT = re.compile(r"%(?:(\d+)\$)?-?(?:\d+|\*(?:\d+\$)?)?([sIL%])")


def _formatted(template: str, arguments: list[Node]) -> str:
    given = iter(arguments)

    def part(found: re.Match[str]) -> str:
        position, kind = found.groups()
        if kind == "%":
            return "%"
        node = arguments[int(position) - 1 :][:1] if position else [next(given, {})]
        written = _folded(node[0]) if node else UNKNOWN
        if kind == "s":
            return written
        return f'"{written}"' if kind == "I" else f"'{UNKNOWN}'"

    return _FORMAT.sub(part, template)
