"""Drift: what the clone was tested by is what production has, by definition.

A check on the clone exercises the clone's functions, triggers and views. Here they are
compared with production's, read through the read-only channel: so it is production's
rule that was tested, and not that of a stand-in or of a clone that has moved.
"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from pytest_oneroof.suites.figures import compare_rows, tell
from pytest_oneroof.suites.recorded import read_rows

from pytest_oneroof import resources
from pytest_oneroof.fingerprint.schema import SchemaFingerprint, read_schema
from pytest_oneroof.run.keys import production_key

Connection = psycopg.Connection[Any]
# Kinds of objects as the schema fingerprint has them, by what a check exercises.
KINDS = {
    "routines": ("function", "procedure", "aggregate"),
    "triggers": ("trigger", "event_trigger", "rule"),
    "views": ("view", "materialized_view"),
    "grants": ("grants",),
    "tables": ("table", "column", "constraint", "index", "sequence", "type", "domain"),
}
REGISTRIES = ("governance_registry", "scopes", "event_types")


@pytest.fixture(scope="module")
def production_schema(request: pytest.FixtureRequest) -> SchemaFingerprint:
    """Production's schema, read through the read-only channel."""
    production = request.config.stash.get(production_key, None)
    if production is None:
        pytest.skip("no production is read in this run")
    return production.schema()


@pytest.mark.parametrize("what", [pytest.param(name, id=name) for name in KINDS])
def test_definitions_agree(
    what: str, production_schema: SchemaFingerprint, oneroof_clone: Connection
) -> None:
    """Each object of these kinds is defined on the clone as on production."""
    expected = definitions(production_schema, what)
    assert expected, f"production has no {what}: nothing would be compared"
    found = definitions(read_schema(oneroof_clone), what)
    if what == "grants" and not found:
        # A clone that was copied without grants has none that could differ.
        expected = {}
    tell(compare_rows(what, expected, found), "as production has it")


def definitions(schema: SchemaFingerprint, what: str) -> dict[str, str]:
    """Return the definitions of the objects of some kinds, by kind and name."""
    return {
        key: text
        for key, text in schema.objects.items()
        if key.partition(" ")[0] in KINDS[what]
    }


def test_registries_agree(
    oneroof_clone: Connection, oneroof_production: Connection
) -> None:
    """The registries that rules look up hold on the clone what production's hold."""
    for name in REGISTRIES:
        record = resources.read_json(f"fixtures/recorded/{name}.json")
        expected, found = (
            cells(read_rows(connection, record), record["key"])
            for connection in (oneroof_production, oneroof_clone)
        )
        assert expected, f"{record['table']} of production is empty"
        tell(compare_rows(record["table"], expected, found), "as production has it")


def cells(rows: list[dict[str, Any]], key: list[str]) -> dict[str, Any]:
    """Return each cell of rows by the row's key and its column."""
    return {
        f"{', '.join(str(row[part]) for part in key)}: {column}": value
        for row in rows
        for column, value in row.items()
        if column != "now"
    }
