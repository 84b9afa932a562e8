"""What a parse tree shows: calls, relations, settings, and what they would leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pytest_oneroof.statements import lexical
from pytest_oneroof.statements.grammar import Node
from pytest_oneroof.statements.lexical import Findings

INTO = "into"
LOCKING = "row locks"
ANALYZE = "explain analyze"
OWN_SCHEMA = "oneroof"
OWN_SCHEMA_ITSELF = "schema oneroof"


def findings(kind: str, node: Node) -> Findings:
    """Return what the statement `node` and all inside it show; the verb is not set."""
    found = Findings()
    _walk({kind: node}, found)
    return found


def bare(name: str) -> str:
    """Return `name` without its schema."""
    return name.rpartition(".")[2]


# Below these keys, and in a SELECT, a relation is only read.
_READ_KEYS = frozenset({"fromClause", "usingClause", "sourceRelation"})
_NAME_KEYS = frozenset({"objects", "objname", "items", "defnames"})


def _walk(root: Node, found: Findings) -> None:
    # With a stack of its own: trees are as deep as the text is long.
    common: set[str] = set()
    todo: list[tuple[str, Any, bool]] = [("", root, False)]
    while todo:
        key, value, reading = todo.pop()
        if type(value) is list:
            if not reading and key in _NAME_KEYS:
                _written_names(key, value, found)
            todo.extend((key, item, reading) for item in value if type(item) is dict)
            continue
        if key.endswith("Stmt"):
            found.kinds.add(key)
            reading = key == "SelectStmt" or (
                key == "CopyStmt" and not value.get("is_from")
            )
        reading = reading or key in _READ_KEYS
        if not _MARKS.isdisjoint(value):
            _marked(key, value, found, common, reading=reading)
        if key in _HANDLERS:
            _HANDLERS[key](value, found)
        todo.extend((k, v, reading) for k, v in value.items() if type(v) in _NESTED)
    found.relations -= common


_NESTED = (dict, list)
_MARKS = frozenset(
    {
        "ctename",
        "funcname",
        "intoClause",
        "lockingClause",
        "newschema",
        "object",
        "relname",
        "schemaname",
    }
)


def _marked(
    key: str, node: Node, found: Findings, common: set[str], *, reading: bool
) -> None:
    if "ctename" in node:
        common.add(node["ctename"])
    if "funcname" in node and key != "CreateFunctionStmt":
        _call(node, found)
    if "intoClause" in node:
        found.traits.add(INTO)
    if "lockingClause" in node:
        found.traits.add(LOCKING)
    schema = node.get("schemaname")
    if "relname" in node:
        name = f"{schema}.{node['relname']}" if schema else node["relname"]
        found.relations.add(name)
        if not reading:
            found.written.add(name)
    elif not reading:
        single = node.get("object", {}).get("String", {}).get("sval")
        if OWN_SCHEMA in (schema, node.get("newschema"), single):
            found.written.add(OWN_SCHEMA_ITSELF)


def _strings(nodes: Iterable[Any]) -> list[str]:
    return [n["String"]["sval"] for n in nodes if isinstance(n, dict) and "String" in n]


def _written_names(key: str, nodes: list[Any], found: Findings) -> None:
    names = _strings(nodes)
    if OWN_SCHEMA not in names:
        return
    if key == "objects":
        found.written.add(OWN_SCHEMA_ITSELF)
    elif names[0] == OWN_SCHEMA and len(names) > 1:
        found.written.add(".".join(names))


def _literal(node: Node) -> str | None:
    value: str | None = node.get("A_Const", {}).get("sval", {}).get("sval")
    return value


def _call(node: Node, found: Findings) -> None:
    name = ".".join(_strings(node["funcname"])[-2:])
    found.functions.add(name)
    arguments = node.get("args") or [{}]
    first = arguments[0]
    function = bare(name)
    if function == "set_config":
        literal = _literal(first)
        if literal is not None:
            value = _literal(arguments[1]) if len(arguments) > 1 else None
            lexical.add_setting(literal.lower(), value, found)
    elif function == "pg_cancel_backend":
        inner = first.get("FuncCall", {}).get("funcname", ())
        if _strings(inner)[-1:] != ["pg_backend_pid"]:
            found.traits.add(lexical.FOREIGN_CANCEL)
    elif function == "pg_logical_emit_message" and not _is_true(node):
        found.traits.add(lexical.UNPROVEN_MESSAGE)


def _is_true(node: Node) -> bool:
    given = node.get("args") or [{}]
    argument = given[0]
    for candidate in given:
        if candidate.get("NamedArgExpr", {}).get("name") == "transactional":
            argument = candidate["NamedArgExpr"]["arg"]
    argument = argument.get("TypeCast", {}).get("arg", argument)
    value = argument.get("A_Const", {}).get("boolval", {}).get("boolval")
    return value is True or _literal(argument) in ("t", "true")


def _variable_set(node: Node, found: Findings) -> None:
    name = node.get("name", "")
    if node["kind"] == "VAR_SET_MULTI":
        found.settings.add(name)
    elif name:
        value = _literal((node.get("args") or [{}])[0])
        lexical.add_setting(name.lower(), value, found)


def _copy(node: Node, found: Findings) -> None:
    if node.get("filename"):
        program = node.get("is_program")
        found.traits.add(lexical.SERVER_PROGRAM if program else lexical.SERVER_FILE)


def _explain(node: Node, found: Findings) -> None:
    for option in node.get("options", []):
        if option["DefElem"]["defname"] != "analyze":
            continue
        argument = option["DefElem"].get("arg", {"String": {"sval": "on"}})
        value = argument.get("String", {}).get("sval", "").lower()
        number = argument.get("Integer", {}).get("ival", 0)
        if value in ("on", "true") or number:
            found.traits.add(ANALYZE)


def _constraints(node: Node, found: Findings) -> None:
    if node.get("deferred"):
        return
    named = [c["RangeVar"]["relname"] for c in node.get("constraints", [])]
    found.constraints.update(named or [lexical.ALL])


def _extension(node: Node, found: Findings) -> None:
    found.extensions.add(node["extname"])


def _function(node: Node, found: Findings) -> None:
    _written_names("funcname", node["funcname"], found)


_HANDLERS: dict[str, Callable[[Node, Findings], None]] = {
    "ConstraintsSetStmt": _constraints,
    "CopyStmt": _copy,
    "CreateFunctionStmt": _function,
    "CreateExtensionStmt": _extension,
    "ExplainStmt": _explain,
    "VariableSetStmt": _variable_set,
}
