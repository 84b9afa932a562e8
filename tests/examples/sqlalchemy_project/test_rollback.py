"""SQLAlchemy over the guarded connection, isolation 'rollback'."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from pytest_oneroof.errors import StatementRefused


def test_says_what_to_use(engine: Engine) -> None:
    """An engine rolls back as soon as it connects: refused, with the way to do it."""
    with pytest.raises(StatementRefused, match=r'oneroof\(isolation="savepoint"\)'):
        engine.connect()
