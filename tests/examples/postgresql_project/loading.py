"""Loaders as pytest-postgresql's documentation has them: they connect by themselves."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import connect


def load_stories(**kwargs: Any) -> None:
    """Fill the stories, and commit."""
    connection = psycopg.connect(**kwargs)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO stories (name, written) VALUES"
            " ('Silmarillion', 1977), ('The Expanse', 2011)"
        )
        connection.commit()
        cursor.execute("INSERT INTO stories (name) VALUES ('never committed')")
    connection.close()


def load_loans(**kwargs: Any) -> None:
    """Make the loans, by a name imported from psycopg and a block that commits."""
    with connect(**kwargs) as connection:
        connection.execute(
            "CREATE TABLE loans (story integer REFERENCES stories, reader text)"
        )
        connection.execute(
            "INSERT INTO loans SELECT id, 'Ada' FROM stories WHERE written = 1977"
        )
