"""Errors: their texts, what they carry, and that workers can send them."""

from __future__ import annotations

import pickle

import pytest

import pytest_oneroof
from pytest_oneroof import errors as e
from pytest_oneroof.ownership.rules import Reason

REASONS = (
    Reason("name", "it is named 'erp'", "names tell", "rename it\nor drop it"),
    Reason("marker", "no marker", "markers tell", "adopt it"),
)
ALL = [
    e.OneroofError("a"),
    e.SettingsError("b"),
    e.CloneError("c"),
    e.ServerError("d"),
    e.ScriptError("f"),
    e.ResidueError("g"),
    e.GuardRefused("erp", REASONS),
    e.StatementRefused("h", statement="COMMIT", remedy="do not"),
]
by_name = pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)


def test_every_error_of_the_module_is_tried_here() -> None:
    """Each error class of the package has its example above."""
    kinds = {kind for kind in vars(e).values() if isinstance(kind, type)}
    errors = {kind for kind in kinds if issubclass(kind, Exception)}
    assert {type(error) for error in ALL} == errors


@by_name
def test_is_an_oneroof_error_of_the_package(error: Exception) -> None:
    """One except clause catches all; tracebacks name the package, not a module."""
    assert isinstance(error, e.OneroofError)
    assert type(error).__module__ == "pytest_oneroof"


@by_name
def test_is_the_same_after_being_sent(error: Exception) -> None:
    """xdist's workers send errors: nothing of them is lost."""
    sent = pickle.loads(pickle.dumps(error))
    assert type(sent) is type(error)
    assert str(sent) == str(error)
    assert vars(sent) == vars(error)


@by_name
def test_first_line_follows_the_house_style(error: Exception) -> None:
    """It begins in lower case and has no final period."""
    head = str(error).splitlines()[0]
    assert head[0].islower()
    assert not head.endswith(".")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (e.SettingsError, ValueError),
        (e.ScriptError, ValueError),
        (e.CloneError, RuntimeError),
        (e.ServerError, RuntimeError),
        (e.ResidueError, AssertionError),
    ],
)
def test_is_also_what_python_would_raise(
    kind: type[Exception], builtin: type[Exception]
) -> None:
    """Code that knows only built-in errors can handle ours."""
    assert issubclass(kind, builtin)


def test_guard_refusal_numbers_every_reason() -> None:
    """The text is the whole refusal; the reasons are there as objects too."""
    error = e.GuardRefused("erp", REASONS)
    assert str(error).splitlines() == [
        "guard refused 'erp': 2 reasons",
        "  1. [name] it is named 'erp'",
        "     why: names tell",
        "     fix: rename it",
        "          or drop it",
        "  2. [marker] no marker",
        "     why: markers tell",
        "     fix: adopt it",
        "nothing was written to it",
    ]
    assert (error.database, error.reasons) == ("erp", REASONS)
    assert str(e.GuardRefused("erp", REASONS[:1])).startswith(
        "guard refused 'erp': 1 reason\n"
    )


def test_refused_statement_is_shown_short() -> None:
    """The statement stands on one line of at most 200 characters."""
    long = "SELECT\n" + "x, " * 200
    error = e.StatementRefused("refused it", statement=long, remedy="wait")
    message, statement, remedy = str(error).splitlines()
    assert message == "refused it"
    assert statement.startswith("  statement: SELECT x, x,")
    assert statement.endswith("…")
    assert len(statement) == len("  statement: ") + 200
    assert remedy == "  instead: wait"
    assert (error.message, error.statement, error.remedy) == (
        "refused it",
        long,
        "wait",
    )
    assert str(e.StatementRefused("refused it")) == "refused it"


def test_errors_are_public() -> None:
    """Every error can be imported from the package itself."""
    for error in ALL:
        name = type(error).__name__
        assert getattr(pytest_oneroof, name) is type(error)
        assert name in pytest_oneroof.__all__
