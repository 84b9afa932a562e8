"""`-m readonly`: whether a run asks for it, and the refusal of one without a target.

Imports nothing heavy: it is asked in every run that has a marker expression.
"""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

MARKER = "readonly"
OURS = frozenset(
    {
        "oneroof_clone",
        "oneroof_clone_async",
        "oneroof_database",
        "oneroof_production",
        "oneroof_target",
    }
)
NO_TARGET = (
    "-m readonly needs a target, which it never chooses by itself: the production, "
    "--oneroof-production-url URL, or for a rehearsal the clone, --oneroof-clone"
)
BOTH_TARGETS = (
    "-m readonly has two targets, --oneroof-production-url and --oneroof-clone: an "
    "acceptance reads production, a rehearsal the clone; give one of them"
)

# A marker with arguments, as in oneroof(isolation="rollback"); and the words. Compiled
# when they are asked for: most runs have no marker expression.
_CALL = r"[^\s()]+\(\s*\w+\s*=[^)]*\)"
_WORD = r"[^\s()]+"
_OPERATORS = ("and", "or", "not")


def selects_readonly(expression: str | None) -> bool:
    """Tell whether a marker expression selects what is marked readonly, as such.

    That is: a test with this one marker is selected, a test without any is not.
    False for an expression that pytest will refuse.
    """
    if not expression or MARKER not in expression:
        return False
    try:
        with_it = _selects(expression, marked=True)
        return with_it and not _selects(expression, marked=False)
    except (SyntaxError, ValueError):
        return False


class WithoutTarget:
    """Refuses a run of `-m readonly` that would need a target and has none.

    Another project's own readonly tests, which use nothing of ours, are left alone.
    An xdist worker cannot refuse by itself: it runs nothing and tells the controller.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.refused = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """Raise UsageError when nothing is left to run, or something of ours."""
        ours = [i for i in items if not OURS.isdisjoint(getattr(i, "fixturenames", ()))]
        if not ours and (items or session.testsfailed):
            return
        output: dict[str, Any] | None = getattr(self.config, "workeroutput", None)
        if output is None:
            raise pytest.UsageError(NO_TARGET)
        output["oneroof_without_target"] = True
        items.clear()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker found."""
        output = getattr(node, "workeroutput", None) or {}
        self.refused = self.refused or output.get("oneroof_without_target", False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End an xdist controller as a usage error too."""
        if self.refused:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell on an xdist controller what a serial run tells by its error."""
        if self.refused:
            terminalreporter.write_line(f"ERROR: {NO_TARGET}", red=True)


def _selects(expression: str, *, marked: bool) -> bool:
    def value(match: re.Match[str]) -> str:
        word = match.group()
        return word if word in _OPERATORS else str(marked and word == MARKER)

    plain = re.sub(_WORD, value, re.sub(_CALL, "False", expression))
    return _evaluate(ast.parse(plain.strip(), mode="eval").body)


def _evaluate(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.UnaryOp):
        return not _evaluate(node.operand)
    if isinstance(node, ast.BoolOp):
        values = (_evaluate(value) for value in node.values)
        return all(values) if isinstance(node.op, ast.And) else any(values)
    raise ValueError(f"no marker expression: {ast.dump(node)}")
