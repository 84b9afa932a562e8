"""Fixtures after pytest-postgresql's documentation: two servers, three clients."""

from __future__ import annotations

from pathlib import Path

from loading import load_loans
from pytest_postgresql import factories

SCHEMA = Path(__file__).with_name("schema.sql")

shop_server = factories.postgresql_noproc(
    dbname="shop", load=[SCHEMA, "loading.load_stories"]
)
shop = factories.postgresql("shop_server")

lending_server = factories.postgresql_noproc(
    dbname="lending", depends_on="shop_server", load=[load_loans]
)
lending = factories.postgresql("lending_server", dbname="lending_tests")
