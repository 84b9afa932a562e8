"""Errors of the server that a check's open transaction causes say what to do."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

REMEDY = 'with @pytest.mark.oneroof(isolation="database") it runs'


@pytest.mark.oneroof(isolation="savepoint")
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("VACUUM", psycopg.errors.ActiveSqlTransaction),
        (
            "CREATE INDEX CONCURRENTLY ON law_catalog (id)",
            psycopg.errors.ActiveSqlTransaction,
        ),
        (
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            psycopg.errors.ActiveSqlTransaction,
        ),
        (
            "DO $$ BEGIN COMMIT; END $$",
            psycopg.errors.InvalidTransactionTermination,
        ),
        (
            "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'; CALL p()",
            psycopg.errors.InvalidTransactionTermination,
        ),
    ],
)
def test_noted(oneroof_clone: Any, text: str, error: type[psycopg.Error]) -> None:
    with pytest.raises(error) as raised:
        oneroof_clone.execute(text)
    (note,) = raised.value.__notes__
    assert REMEDY in note


def test_noted_by_other_doors(oneroof_clone: Any) -> None:
    with (
        pytest.raises(psycopg.errors.InvalidTransactionTermination) as raised,
        oneroof_clone.pipeline(),
    ):
        oneroof_clone.execute("DO $$ BEGIN COMMIT; END $$")
    assert len(raised.value.__notes__) == 1


def test_others_are_not(oneroof_clone: Any) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable) as raised:
        oneroof_clone.execute("SELECT * FROM absent")
    assert not getattr(raised.value, "__notes__", ())
