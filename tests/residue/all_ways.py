"""Every way known of leaving something, by id."""

from __future__ import annotations

import ways_refused
import ways_restored
import ways_server
import ways_session
from way import Way

WAYS: dict[str, Way] = {}
for module in (ways_refused, ways_server, ways_restored, ways_session):
    assert WAYS.keys().isdisjoint(module.ways.rows)
    WAYS |= module.ways.rows
