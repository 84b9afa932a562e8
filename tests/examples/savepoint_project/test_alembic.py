"""Alembic's operations, an autocommit block among them, over the check's connection."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

pytestmark = pytest.mark.oneroof(isolation="savepoint")


@pytest.fixture
def engine(oneroof_clone: Any) -> sa.Engine:
    """An engine over the check's one connection."""
    return sa.create_engine(
        "postgresql+psycopg://", creator=lambda: oneroof_clone, poolclass=sa.StaticPool
    )


@pytest.mark.parametrize("each", [True, False], ids=["each", "all"])
def test_autocommit_block(engine: sa.Engine, *, each: bool) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"transaction_per_migration": each}
        )
        with context.begin_transaction(_per_migration=each):
            operations = Operations(context)
            operations.create_table("made", sa.Column("id", sa.Integer))
            with context.autocommit_block():
                operations.execute("ALTER TABLE made ADD COLUMN x int")
                operations.execute("INSERT INTO made VALUES (1, 2)")
            operations.execute("INSERT INTO made VALUES (3, 4)")
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM made ORDER BY id")).all()
        assert rows == [(1, 2), (3, 4)]
        assert connection.get_isolation_level() == "READ COMMITTED"


def test_isolation_levels(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text("CREATE TABLE made (id int)"))
        connection.execute(sa.text("INSERT INTO made VALUES (1)"))
    with engine.connect() as connection:
        connection.execute(sa.text("INSERT INTO made VALUES (2)"))
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM made")) == 1


def test_pings_before_use(oneroof_clone: Any) -> None:
    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: oneroof_clone,
        poolclass=sa.StaticPool,
        pool_pre_ping=True,
    )
    for _ in range(3):
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT 1"))
