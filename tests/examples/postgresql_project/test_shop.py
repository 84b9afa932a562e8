"""Tests of a project that knows pytest-postgresql only."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

ADD = "INSERT INTO stories (name) VALUES (%s)"


def names(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the stories by name."""
    rows = connection.execute("SELECT name FROM stories ORDER BY name").fetchall()
    return [name for (name,) in rows]


def test_example_postgres(shop: psycopg.Connection[Any]) -> None:
    """Check main postgresql fixture."""
    with shop.cursor() as cur:
        cur.execute("CREATE TABLE test (id serial PRIMARY KEY, num integer)")
        shop.commit()


def test_begins_as_loaded(shop: psycopg.Connection[Any]) -> None:
    """What was loaded and committed is there, and nothing of another test."""
    assert names(shop) == ["Silmarillion", "The Expanse"]
    assert shop.execute("SELECT to_regclass('public.test')").fetchone() == (None,)


def test_commit_and_rollback(shop: psycopg.Connection[Any]) -> None:
    """A rollback goes back to the last commit."""
    shop.execute(ADD, ["Dune"])
    shop.commit()
    shop.execute(ADD, ["Solaris"])
    shop.rollback()
    assert names(shop) == ["Dune", "Silmarillion", "The Expanse"]


def test_failed_statement(shop: psycopg.Connection[Any]) -> None:
    """A rollback after an error leaves what was committed before."""
    shop.execute(ADD, ["Dune"])
    shop.commit()
    with pytest.raises(psycopg.errors.CheckViolation):
        shop.execute("INSERT INTO stories (name, written) VALUES ('Ubik', -1)")
    shop.rollback()
    assert len(names(shop)) == 3


def test_autocommit(shop: psycopg.Connection[Any]) -> None:
    """In autocommit each statement stands by itself, and a block is one."""
    shop.autocommit = True
    shop.execute(ADD, ["Dune"])
    with pytest.raises(psycopg.errors.NotNullViolation):
        shop.execute(ADD, [None])
    with pytest.raises(ZeroDivisionError), shop.transaction():  # noqa: PT012
        shop.execute(ADD, ["Solaris"])
        raise ZeroDivisionError
    assert names(shop) == ["Dune", "Silmarillion", "The Expanse"]


def test_block_commits(shop: psycopg.Connection[Any]) -> None:
    """A block begun outside of a transaction commits at its end."""
    with shop.transaction():
        shop.execute(ADD, ["Dune"])
    shop.rollback()
    assert "Dune" in names(shop)


def test_closed(shop: psycopg.Connection[Any]) -> None:
    """A block of the connection itself commits and closes."""
    with shop:
        shop.execute(ADD, ["Dune"])
    assert shop.closed


@pytest.mark.parametrize("count", [1, 2])
def test_cursor_rows(shop: psycopg.Connection[Any], count: int) -> None:
    """Rows are tuples, by the default row factory."""
    with shop.cursor() as cur:
        cur.execute("SELECT id FROM stories ORDER BY id LIMIT %s", [count])
        assert cur.fetchall() == [(1,), (2,)][:count]


class TestMethods:
    """Tests as methods."""

    def test_copy(self, shop: psycopg.Connection[Any]) -> None:
        """COPY works."""
        with shop.cursor() as cur, cur.copy("COPY stories (name) FROM STDIN") as copy:
            copy.write_row(["Dune"])
        shop.commit()
        assert "Dune" in names(shop)


def test_depends_on(lending: psycopg.Connection[Any]) -> None:
    """The loans lie over the stories of the server that theirs depends on."""
    found = lending.execute("SELECT name, reader FROM loans JOIN stories ON id = story")
    assert found.fetchall() == [("Silmarillion", "Ada")]
