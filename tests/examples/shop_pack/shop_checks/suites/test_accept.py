"""Accept: what production has to be like, at entry and at exit of a run."""

from __future__ import annotations

import pytest

pytestmark = [
    pytest.mark.readonly,
    pytest.mark.parametrize("moment", ["entry", "exit"]),
]


def test_orders_are_known(oneroof_production, moment):
    """Every order has one of the statuses that the shop knows."""
    query = (
        "SELECT count(*) FROM sales.orders"
        " WHERE status NOT IN ('new', 'paid', 'archived')"
    )
    assert oneroof_production.execute(query).fetchone()[0] == 0
