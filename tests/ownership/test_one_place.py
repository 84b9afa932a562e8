"""The statements that act on databases stand in one module, and nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_oneroof

PACKAGE = Path(pytest_oneroof.__file__).parent
WORDS = re.compile(
    r"(CREATE|ALTER|DROP|COMMENT\s+ON)\s+DATABASE\b|TEMPLATE\s*\{|pg_terminate_backend"
    r"|WITH\s*\(FORCE\)",
    re.IGNORECASE,
)
BELONGING = re.compile(
    r"OWNER\s+TO|ON\s+DATABASE\s+\{|IN\s+DATABASE\s+\{", re.IGNORECASE
)
# Texts that a person is given, that are compared with, or that name a rule: by file.
SHOWN = {
    "clone/archive.py": ("^CREATE DATABASE", "^ALTER DATABASE", "^COMMENT ON DATABASE"),
    "clone/blockers.py": ("session {}",),
    "clone/copying.py": ("SELECT pg_terminate_backend(",),
    "clone/guard.py": ("end what is yours", "use a copy of it", "re-owns it, or"),
    "commands/clone/create.py": ("template: CREATE DATABASE",),
    "postgres/ways.py": ("ALTER {} {} OWNER TO CURRENT_USER",),
    # An installed package holds the suites as well.
    "suites/test_isolation.py": ("DROP DATABASE IF EXISTS {}",),
    "ownership/proofs.py": ("if it is the production", "adopt a copy of it"),
}


def texts(file: Path) -> Iterator[str]:
    """Yield every string of a module that is no docstring; {} for what is put in."""
    tree = ast.parse(file.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            first = node.body[0]
            assert isinstance(first, ast.Expr)
            skipped.add(first.value)
        if isinstance(node, ast.JoinedStr):
            skipped |= set(node.values)
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}"
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def found(words: re.Pattern[str], *allowed: str) -> list[str]:
    """Return where the words stand outside of the allowed files and shown texts."""
    places = []
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        shown = SHOWN.get(name, ())
        places += [
            f"{name}: {text[:70]!r}"
            for text in texts(file)
            if words.search(text)
            and name not in allowed
            and not any(text.lstrip().startswith(start) for start in shown)
        ]
    return places


def test_statements_on_databases_stand_in_one_module() -> None:
    """CREATE, ALTER, DROP, COMMENT and the end of sessions are sent by `acts`."""
    names = ("statements/policy.py", "statements/guarded_rules.py")
    rules = (*names, "statements/read_only_rules.py")
    assert found(WORDS, "ownership/acts.py", *rules) == []


def test_owners_and_grants_stand_in_one_module() -> None:
    """Who owns and enters a database is changed by `belonging`, and by it alone."""
    besides = ("clone/guard.py", "controls/accepted.py", "ownership/acts.py")
    own = ("ownership/belonging.py", "postgres/roles.py")
    assert found(BELONGING, *own, *besides) == []


@pytest.mark.parametrize(
    "statement",
    [
        'sql.SQL("DROP DATABASE {}").format(name)',
        '"COMMENT ON  DATABASE x IS NULL"',
        'f"ALTER DATABASE {name} RENAME TO x"',
        '"CREATE DATABASE x TEMPLATE {}"',
        '"SELECT pg_terminate_backend(1)"',
    ],
)
def test_the_search_finds_them(tmp_path: Path, statement: str) -> None:
    """Each such statement would be found, also with values put in."""
    file = tmp_path / "sneaky.py"
    file.write_text(f'"""DROP DATABASE in words."""\nname = 1\nx = {statement}\n')
    assert [text for text in texts(file) if WORDS.search(text)]
