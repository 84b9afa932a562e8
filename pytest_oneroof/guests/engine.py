"""SQLAlchemy's engines on the clone."""

from __future__ import annotations

from typing import Any

import pytest

try:
    import sqlalchemy
except ImportError:
    raise pytest.UsageError(
        "the fixtures oneroof_engine and oneroof_session need SQLAlchemy, which is not "
        "installed\nto fix this: pip install 'pytest-oneroof[sqlalchemy]'"
    ) from None

DRIVER = "postgresql+psycopg"


def of_connection(connection: Any) -> sqlalchemy.Engine:
    """Return an engine that has one connection, the check's."""
    return sqlalchemy.create_engine(
        f"{DRIVER}://", creator=lambda: connection, poolclass=sqlalchemy.StaticPool
    )


def of_url(url: str) -> sqlalchemy.Engine:
    """Return an engine with a pool of its own."""
    return sqlalchemy.create_engine(sqlalchemy_url(url))


def sqlalchemy_url(url: str) -> sqlalchemy.URL:
    """Return a URL as SQLAlchemy takes it, for psycopg.

    A database in SQL_ASCII would hand out bytes, which its dialect does not read.
    """
    found = sqlalchemy.make_url(url).set(drivername=DRIVER)
    return found.update_query_dict({"client_encoding": "utf8"})
