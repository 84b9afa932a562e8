"""Emitting one event into the outbox, inside the guarded transaction of a check."""

from __future__ import annotations

from typing import Any

import psycopg
from pytest_oneroof.suites.support import refused, sql

from pytest_oneroof import resources

ADDRESS = "collection:agents"
# Well shaped: what is None here is taken from the registry.
SHAPE: dict[str, Any] = {
    "event_domain": "governance",
    "event_stream": None,
    "delivery_lane": None,
    "event_severity": "info",
    "subject_table": "v_object_owner_gap",
    "canonical_address": ADDRESS,
    "actor_ref": "gov:clone-test",
    "source_system": "clone_test",
    "classification": "safe_metadata",
}
VALIDATION = {"sqlstate": "P0001", "rule": "fn_event_type_validate"}


def emit(connection: psycopg.Connection[Any], event_type: str, **other: Any) -> None:
    """Insert one event, well shaped but for what is given otherwise."""
    values = SHAPE | {"event_type": event_type} | other
    connection.execute(sql("coverage/emit_governance_event.sql"), values)


def variants() -> list[dict[str, Any]]:
    """Return what else an event may carry: none of it may spare it the validation."""
    found: list[dict[str, Any]] = resources.read_json("fixtures/events.json")[
        "variants"
    ]
    return found


def assert_refused(
    connection: psycopg.Connection[Any], event_type: str, says: str, **other: Any
) -> None:
    """Assert that the validation refuses an event, whatever else it carries."""
    for variant in ({}, *variants()):
        shape = other | {k: v for k, v in variant.items() if k not in other}
        what = f"{event_type} with {shape}" if shape else event_type
        with refused(connection, **VALIDATION, says=says, what=what):
            emit(connection, event_type, **shape)
