"""What the shop's suites share, and what the shop adds to each run."""

from __future__ import annotations

import pytest

from pytest_oneroof import Section


@pytest.fixture
def audited():
    """Return what counts the lines of the audit."""

    def count(connection):
        return connection.execute("SELECT count(*) FROM sales.audit").fetchone()[0]

    return count


def pytest_oneroof_figures(config, connection):
    """Orders of each status are at exit as at entry, too."""
    query = "SELECT 'orders, ' || status, count(*) FROM sales.orders GROUP BY status"
    return dict(connection.execute(query).fetchall())


def pytest_oneroof_before_check(item, connection):
    """Each check works as tenant 2, as the application's requests do."""
    connection.execute("SET LOCAL app.tenant = '2'")


def pytest_oneroof_verdict(config, facts):
    """A run without the checks of orders says nothing about the shop."""
    if not any(check.suite == "orders" for check in facts.checks):
        yield "no check of suite orders ran"


def pytest_oneroof_report(config, facts):
    """Show how long each suite took."""
    seconds = {}
    for check in facts.checks:
        seconds[check.suite] = seconds.get(check.suite, 0.0) + check.seconds
    return Section(
        "What the shop paid",
        "Seconds by suite, <b>as measured</b>.",
        ("Suite", "Seconds"),
        [(name, f"{value:.1f}") for name, value in sorted(seconds.items())],
    )
