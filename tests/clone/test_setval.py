"""Which routines may call setval, by themselves or through others."""

from __future__ import annotations

import pytest

from pytest_oneroof.check.setval import (
    NONE,
    Routine,
    SetvalRoutines,
    reaching_setval,
    read_routines,
)
from pytest_oneroof.postgres.connect import connect

ROUTINES = [
    Routine("plain", "SELECT 1", depended_on=True),
    Routine("direct", "SELECT pg_catalog.SETVAL('s', 1, false)", depended_on=False),
    Routine("Caller", 'PERFORM public."direct"()', depended_on=False),
    Routine("far", "PERFORM caller()", depended_on=False),
    Routine("alike", "SELECT set_value, mysetvalue FROM directory", depended_on=True),
]


def test_finds_routines_through_others() -> None:
    """A routine counts that names setval, or names one that counts."""
    found = reaching_setval(ROUTINES)
    assert found.names == {"direct", "caller", "far"}
    assert not found.always


@pytest.mark.parametrize(
    ("called", "may"),
    [((), False), (("plain", "alike"), False), (("far",), True), (("direct",), True)],
)
def test_tells_by_the_names_called(called: tuple[str, ...], *, may: bool) -> None:
    """Only calls of those routines make setval possible."""
    assert reaching_setval(ROUTINES).may_run(called) is may


def test_trigger_functions_may_always_run() -> None:
    """What a trigger, default or view depends on runs without being called by name."""
    fired = Routine("fired", "PERFORM far()", depended_on=True)
    found = reaching_setval([*ROUTINES, fired])
    assert found.always
    assert found.may_run(())


def test_two_that_call_each_other_end() -> None:
    """Routines in a circle are found once, and none where none names setval."""
    circle = [
        Routine("a", "PERFORM b()", depended_on=False),
        Routine("b", "PERFORM a()", depended_on=False),
    ]
    assert reaching_setval(circle) == NONE
    last = Routine("c", "PERFORM setval('s', 1), a()", depended_on=False)
    assert reaching_setval([*circle, last]).names == {"c"}


def test_reads_the_routines_of_a_database(fresh_database: str) -> None:
    """Bodies in SQL and PL/pgSQL count, and what the catalogs show to be run."""
    with connect(fresh_database) as connection:
        assert read_routines(connection) == NONE
        connection.execute(
            "CREATE SEQUENCE s; CREATE FUNCTION plain() RETURNS int "
            "LANGUAGE sql AS 'SELECT 1'"
        )
        assert read_routines(connection) == NONE
        connection.execute(
            "CREATE FUNCTION moves() RETURNS bigint LANGUAGE sql "
            "BEGIN ATOMIC SELECT setval('s', 7, false); END"
        )
        connection.execute(
            "CREATE FUNCTION far() RETURNS bigint LANGUAGE plpgsql "
            "AS 'BEGIN RETURN moves(); END'"
        )
        assert read_routines(connection) == SetvalRoutines(frozenset({"moves", "far"}))
        connection.execute("CREATE TABLE t (n bigint DEFAULT far())")
        assert read_routines(connection).always
