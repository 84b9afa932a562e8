"""Interleaves the ways with the checks after them, and writes down their reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put each way's second check behind its first."""
    order = {item.name: n for n, item in enumerate(items)}

    def place(item: pytest.Item) -> tuple[int, str]:
        name = item.name.replace("test_after[", "test_way[")
        return order[name], "" if name == item.name else "after"

    items.sort(key=place)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write the report as a line of JSON."""
    proofs = getattr(report, "oneroof_seen", {}).get("proofs", [])
    line = {
        "nodeid": report.nodeid,
        "when": report.when,
        "outcome": report.outcome,
        "text": report.longreprtext,
        "properties": dict(report.user_properties),
        "proof": next(reversed(proofs), None),
    }
    with Path(__file__).with_name("reports.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
