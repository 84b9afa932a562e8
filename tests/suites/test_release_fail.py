"""Every item of suite release is seen failing; no rehearsal clone is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_oneroof.postgres.connect import connect

BREAKS = Path(__file__).parent / "release_breaks.py"
REHEARSALS = (
    "SELECT datname FROM pg_catalog.pg_database WHERE datname ~ '_rehearsal_'"
    " ORDER BY datname"
)
BROKEN = 121


def test_each_item_fails_by_name(
    pytester: pytest.Pytester,
    run_oneroof: Callable[..., pytest.RunResult],
    server_admin_url: str,
) -> None:
    """Each break is told by its item."""
    pytester.makepyfile(test_breaks=BREAKS.read_text(encoding="utf-8"))
    result = run_oneroof("--oneroof-clone", "test_breaks.py")
    result.assert_outcomes(passed=BROKEN)
    with connect(server_admin_url) as admin:
        assert admin.execute(REHEARSALS.encode()).fetchall() == []
