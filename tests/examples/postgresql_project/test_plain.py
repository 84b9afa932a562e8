"""Tests of the fixtures that come with pytest-postgresql: its server is started."""

from __future__ import annotations

from typing import Any

import psycopg


def test_example_postgres(postgresql: psycopg.Connection[Any]) -> None:
    """Check main postgresql fixture."""
    cur = postgresql.cursor()
    cur.execute("CREATE TABLE test (id serial PRIMARY KEY, num integer, data varchar);")
    postgresql.commit()
    cur.close()


def test_nothing_of_it_is_left(postgresql: psycopg.Connection[Any]) -> None:
    """Each test has a database as new."""
    found = postgresql.execute("SELECT to_regclass('public.test')")
    assert found.fetchone() == (None,)
