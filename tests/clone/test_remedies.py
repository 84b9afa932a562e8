"""Remedies for errors that the closed clone causes, by whatever driver they come."""

from __future__ import annotations

import psycopg
import pytest

from pytest_oneroof.check.remedies import add_remedy, add_remedy_of_refusal, remedy_of

REFUSED = 'FATAL:  database "mine" is not currently accepting connections'


def test_a_session_refused_by_the_clone_is_noted() -> None:
    """The note stands on the error that is shown, which may wrap the driver's."""
    plain = psycopg.OperationalError(REFUSED)
    add_remedy_of_refusal(plain, "mine")
    add_remedy_of_refusal(plain, "mine")
    (note,) = plain.__notes__
    assert "nobody but its check can connect to it" in note
    assert '@pytest.mark.oneroof(isolation="database")' in note
    wrapping = ValueError("no connection")
    wrapping.__cause__ = psycopg.OperationalError(REFUSED)
    add_remedy_of_refusal(wrapping, "mine")
    assert wrapping.__notes__ == [note]


@pytest.mark.parametrize(
    "error",
    [psycopg.OperationalError(REFUSED.replace("mine", "other")), ValueError("x")],
)
def test_other_errors_are_not_noted(error: Exception) -> None:
    """What another database refuses, and what is no refusal, has no note."""
    add_remedy_of_refusal(error, "mine")
    assert not getattr(error, "__notes__", ())


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (psycopg.errors.ActiveSqlTransaction("VACUUM cannot"), "is open throughout"),
        (
            psycopg.errors.ActiveSqlTransaction("SET TRANSACTION ISOLATION LEVEL must"),
            "runs at READ COMMITTED",
        ),
        (psycopg.errors.InvalidTransactionTermination("x"), "may not end"),
        (psycopg.errors.UnsafeNewEnumValueUsage("x"), "never really committed"),
    ],
)
def test_an_error_says_why_and_what_instead(error: psycopg.Error, cause: str) -> None:
    """The note says what the check's transaction has to do with it; once."""
    add_remedy(error)
    add_remedy(error)
    (note,) = error.__notes__
    assert note == remedy_of(error.sqlstate, str(error))
    assert cause in note
    assert "isolation=" in note
