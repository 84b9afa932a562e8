"""SQLAlchemy's engine and session, and sessions beside each other, as fixtures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

TESTS = """
import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Reader(Base):
    __tablename__ = "guest_reader"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


def count(session):
    return session.scalar(select(func.count()).select_from(Reader))


def commits(engine, session):
    Base.metadata.create_all(engine)
    session.add(Reader(name="Ada"))
    session.commit()
    session.add(Reader(name="Bob"))
    session.rollback()
    assert count(session) == 1


def test_session(oneroof_engine, oneroof_session):
    commits(oneroof_engine, oneroof_session)


def test_beside_the_clone(oneroof_session, oneroof_clone):
    oneroof_session.execute(text("CREATE TABLE late (i int)"))
    assert oneroof_clone.execute("SELECT count(*) FROM late").fetchone() == (0,)


test_beside_the_clone = pytest.mark.oneroof(isolation="savepoint")(
    test_beside_the_clone
)


@pytest.mark.oneroof(isolation="database")
def test_pool(oneroof_engine, oneroof_session):
    commits(oneroof_engine, oneroof_session)
    with Session(oneroof_engine) as second:
        assert count(second) == 1


@pytest.fixture
def accounts(oneroof_sessions):
    a = oneroof_sessions["a"]
    a.run("CREATE TABLE account (id int PRIMARY KEY, amount int)")
    a.run("INSERT INTO account VALUES (1, 10), (2, 10)")
    a.commit()
    return a, oneroof_sessions["b"]


ADD = "UPDATE account SET amount = amount + 1 WHERE id = %s"


def test_waits(accounts):
    a, b = accounts
    a.run(ADD, [1])
    step = b.start(ADD, [1])
    step.waits_for(a)
    a.commit()
    step.result()
    b.commit()
    assert a.run("SELECT amount FROM account WHERE id = 1") == [(12,)]


def test_lost_update(accounts):
    a, b = accounts
    read = "SELECT amount FROM account WHERE id = 1"
    [(seen_a,)], [(seen_b,)] = a.run(read), b.run(read)
    write = "UPDATE account SET amount = %s WHERE id = 1"
    a.run(write, [seen_a + 1])
    a.commit()
    b.run(write, [seen_b + 1])
    b.commit()
    assert a.run(read) == [(11,)]


def test_lost_update_refused(accounts):
    a, b = accounts
    for session in accounts:
        session.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        session.run("SELECT amount FROM account WHERE id = 1")
    a.run(ADD, [1])
    step = b.start(ADD, [1])
    step.waits_for(a)
    a.commit()
    with pytest.raises(psycopg.errors.SerializationFailure):
        step.result()


def fails(step):
    try:
        step.result()
    except psycopg.errors.DeadlockDetected:
        step.session.rollback()
        return True
    return False


def test_deadlock(accounts):
    a, b = accounts
    a.run(ADD, [1])
    b.run(ADD, [2])
    first = a.start(ADD, [2])
    first.waits_for(b)
    second = b.start(ADD, [1])
    ended = [step for step in (first, second) if fails(step)]
    assert len(ended) == 1


def test_skip_locked(accounts):
    a, b = accounts
    take = "SELECT id FROM account ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1"
    assert a.run(take) == [(1,)]
    assert b.run(take) == [(2,)]


def test_does_not_wait(accounts):
    a, b = accounts
    a.run(ADD, [1])
    step = b.start(ADD, [2])
    with pytest.raises(AssertionError, match="expected to wait for a, found: it ended"):
        step.waits_for(a)


def test_would_hang(accounts):
    a, b = accounts
    a.run(ADD, [1])
    with pytest.raises(AssertionError, match="session b: UPDATE .* waits for a, and"):
        b.run(ADD, [1])
"""
NUMBER = TESTS.count("\ndef test_")


def test_on_the_clone(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """All pass, each proved; sessions that wait at the end are ended."""
    pytester.makepyfile(test_guests=TESTS)
    result = run_oneroof("--oneroof-clone", "test_guests.py")
    result.assert_outcomes(passed=NUMBER)
    result.stdout.fnmatch_lines([f"proof * {NUMBER} clean of {NUMBER} checks; *"])


def test_without_sqlalchemy(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """Where SQLAlchemy is missing, the error says what to install."""
    pytester.makepyfile(
        test_it="""
        import sys
        sys.modules["sqlalchemy"] = None
        def test_it(oneroof_session): pass
        """
    )
    result = run_oneroof("--oneroof-clone", "test_it.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pip install 'pytest-oneroof?sqlalchemy?'*"])
