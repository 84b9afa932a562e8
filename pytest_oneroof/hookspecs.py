"""The hooks by which a pack, a plugin or a conftest.py adds to a run. docs/packs.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import psycopg

    from pytest_oneroof.evidence.facts import RunFacts
    from pytest_oneroof.section import Section


@pytest.hookspec
def pytest_oneroof_figures(
    config: pytest.Config, connection: psycopg.Connection[Any]
) -> Mapping[str, int] | None:
    """Return further figures, by name, that have to be at exit as at entry.

    Called at entry and at exit on each clone, and on a production whose entry and
    exit are read; there `connection` reads only. A name that the pack's metrics or
    another hook has is an error.
    """


@pytest.hookspec
def pytest_oneroof_before_check(
    item: pytest.Item, connection: psycopg.Connection[Any]
) -> None:
    """Prepare a check on the clone, in the transaction that it will get.

    What is done here is undone and proved as what the check does; an error is the
    check's. With isolation 'database' it is committed in the throw-away database.
    Not called for async connections, for tests that only ask for the throw-away
    database's URL, and on production.
    """


@pytest.hookspec
def pytest_oneroof_verdict(
    config: pytest.Config, facts: RunFacts
) -> str | Iterable[str] | None:
    """Return reasons why the run is NO-GO, beside those that the engine has.

    Called once, where the verdict is decided. No hook can take a reason away.
    """


@pytest.hookspec
def pytest_oneroof_report(
    config: pytest.Config, facts: RunFacts
) -> Section | Iterable[Section] | None:
    """Return sections of one's own for the report and verdict.json."""
