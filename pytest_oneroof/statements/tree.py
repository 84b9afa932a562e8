"""What a parse tree shows: calls, relations, settings, and what they would leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pytest_oneroof.statements import lexical
from pytest_oneroof.statements.grammar import Node
from pytest_oneroof.statements.lexical import DEFAULT, Findings, Setting

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
# Nothing below these is a call, a relation or a statement.
_LEAVES = frozenset({"A_Const", "ColumnRef", "ParamRef", "String", "typeName", "names"})


def _walk(root: Node, found: Findings) -> None:
    # With a stack of its own: trees are as deep as the text is long.
    common: set[str] = set()
    todo: list[tuple[str, Any, bool]] = [("", root, False)]
    while todo:
        key, value, reading = todo.pop()
        if type(value) is list:
            todo += [(key, item, reading) for item in value if type(item) is dict]
            continue
        if key[-4:] == "Stmt" and key[0].isupper():
            found.kinds.add(key)
            reading = key == "SelectStmt" or (
                key == "CopyStmt" and not value.get("is_from")
            )
        reading = reading or key in _READ_KEYS
        if not _MARKS.isdisjoint(value):
            _marked(key, value, found, common, reading=reading)
        if key in _HANDLERS:
            _HANDLERS[key](value, found)
        todo += [
            (k, v, reading)
            for k, v in value.items()
            if type(v) in _NESTED and k not in _LEAVES
        ]
    found.relations -= common


_NESTED = (dict, list)
_MARKS = frozenset(
    {
        "ctename",
        "defnames",
        "funcname",
        "intoClause",
        "lockingClause",
        "newschema",
        "object",
        "objects",
        "objname",
        "onCommit",
        "oncommit",
        "relname",
        "schemaname",
        "subname",
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
        return
    if OWN_SCHEMA in (schema, node.get("newschema"), _renamed_schema(node)):
        found.written.add(OWN_SCHEMA_ITSELF)
    found.written.update(_own_objects(key, node))
    if _COMMITTED.intersection((node.get("oncommit"), node.get("onCommit"))):
        _on_commit(node, found)


def _renamed_schema(node: Node) -> Any:
    return node.get("renameType") == "OBJECT_SCHEMA" and node.get("subname")


# What has no schema of its own: the first of two names is its table's.
_OF_A_TABLE = frozenset(
    {
        "OBJECT_COLUMN",
        "OBJECT_POLICY",
        "OBJECT_RULE",
        "OBJECT_TABCONSTRAINT",
        "OBJECT_TRIGGER",
    }
)


def _own_objects(key: str, node: Node) -> Iterator[str]:
    """Yield those objects that a statement names which are in our schema."""
    kind = node.get("removeType") or node.get("objtype") or node.get("objectType")
    for names in _object_names(key, node):
        if names == [OWN_SCHEMA] and kind == "OBJECT_SCHEMA":
            yield OWN_SCHEMA_ITSELF
        if names[:1] == [OWN_SCHEMA] and len(names) > 1 + (kind in _OF_A_TABLE):
            yield ".".join(names)


def _object_names(key: str, node: Node) -> Iterator[list[str]]:
    if key == "CreateFunctionStmt":
        yield _strings(node["funcname"])
    for name in ("objname", "defnames"):
        yield _strings(node.get(name, ()))
    for item in (*node.get("objects", ()), node.get("object", {})):
        for part in item.values():
            inner = part.get("items") or part.get("names")
            yield _strings(inner) if inner else [part.get("sval", "")]


def _strings(nodes: Iterable[Any]) -> list[str]:
    return [n["String"]["sval"] for n in nodes if isinstance(n, dict) and "String" in n]


_COMMITTED = frozenset({"ONCOMMIT_DROP", "ONCOMMIT_DELETE_ROWS"})


def _on_commit(node: Node, found: Findings) -> None:
    table = (node.get("relation") or node["rel"])["relname"]
    action = node.get("oncommit") or node.get("onCommit")
    found.on_commit.add((table, action == "ONCOMMIT_DROP"))


def literal(node: Node) -> str | None:
    """Return the string that a node is, or None."""
    value: str | None = node.get("A_Const", {}).get("sval", {}).get("sval")
    return value


def called(node: Node) -> str:
    """Return the name that a call has, with a schema where one is written."""
    return ".".join(_strings(node["funcname"])[-2:])


def _call(node: Node, found: Findings) -> None:
    name = called(node)
    found.functions.add(name)
    arguments = [*(node.get("args") or ()), {}, {}, {}]
    function = lexical.own(name)
    if function == "set_config":
        found.traits.add(lexical.LITERAL)
        setting = literal(arguments[0])
        if setting is not None:
            value = literal(arguments[1])
            local = _is_true(arguments[2])
            found.settings.add(Setting(setting.lower(), value, local))
        else:
            found.traits.add(lexical.COMPUTED_SETTING)
    elif function == "pg_cancel_backend":
        inner = arguments[0].get("FuncCall", {}).get("funcname", ())
        if _strings(inner)[-1:] != ["pg_backend_pid"]:
            found.beside.add(name)
    elif function == "pg_logical_emit_message":
        found.traits.add(lexical.LITERAL)
        if not _is_true(_argument(arguments, 0, "transactional")):
            found.beside.add(name)


def _argument(arguments: list[Node], place: int, name: str) -> Node:
    for argument in arguments:
        named = argument.get("NamedArgExpr", {})
        if named.get("name") == name:
            found: Node = named["arg"]
            return found
    return arguments[place]


def _is_true(node: Node) -> bool:
    node = node.get("TypeCast", {}).get("arg", node)
    value = node.get("A_Const", {}).get("boolval", {}).get("boolval")
    return value is True or literal(node) in ("t", "true", "on", "yes", "1")


def _variable_set(node: Node, found: Findings) -> None:
    name, arguments = node.get("name", ""), node.get("args") or [{}]
    if node["kind"] == "VAR_SET_MULTI":
        found.settings.update(_of_transaction(name, arguments))
    elif name:
        value = DEFAULT if node["kind"] != "VAR_SET_VALUE" else literal(arguments[0])
        local = node.get("is_local", False)
        found.settings.add(Setting(name.lower(), value, local))


def _of_transaction(name: str, arguments: list[Node]) -> Iterator[Setting]:
    prefix = "default_" if name == "SESSION CHARACTERISTICS" else ""
    for argument in arguments:
        if "DefElem" in argument:
            mode = argument["DefElem"]
            value = literal(mode["arg"]) or _on_or_off(mode["arg"])
            yield Setting(prefix + mode["defname"], value, local=not prefix)


def _on_or_off(node: Node) -> str:
    return "on" if node.get("A_Const", {}).get("ival", {}).get("ival") else "off"


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


_HANDLERS: dict[str, Callable[[Node, Findings], None]] = {
    "ConstraintsSetStmt": _constraints,
    "CopyStmt": _copy,
    "CreateExtensionStmt": _extension,
    "ExplainStmt": _explain,
    "VariableSetStmt": _variable_set,
}
