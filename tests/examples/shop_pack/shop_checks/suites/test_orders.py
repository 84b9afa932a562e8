"""Orders: placed by a routine of the owner, and audited."""

from __future__ import annotations

import pytest

from pytest_oneroof import expect


@pytest.mark.readonly
def test_are_there(oneroof_target):
    """The orders of the year are there."""
    found = oneroof_target.execute("SELECT count(*) FROM sales.orders").fetchone()[0]
    expect("orders", 100, found)


def test_are_audited(oneroof_clone, audited):
    """Each order that is placed leaves one line in the audit."""
    before = audited(oneroof_clone)
    oneroof_clone.execute("SELECT sales.place_order(1)")
    expect("audited", before + 1, audited(oneroof_clone))


@pytest.mark.readonly
def test_metrics(oneroof_target, oneroof_pack):
    """The figures that entry and exit are compared by count what they say."""
    query = oneroof_pack.read_text("sql/metrics.sql")
    found = dict(oneroof_target.execute(query).fetchall())
    expect("metric orders", 100, found["orders"])
