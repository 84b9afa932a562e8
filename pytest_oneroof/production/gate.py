"""The gate monitor: may the release run? Facts read, then a pure decision.

The facts come from `sql/gate/gate_check.sql`, which is ready for plain psql and
decides alike; what opens the gate stands in `sql/gate/predicate.sql`, the tokens
and their order in `fixtures/gate.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from pytest_oneroof import resources
from pytest_oneroof.errors import ServerError
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.statements.read import read as read_statements

PLAN = "fixtures/gate.json"
TIMEOUTS = "statement_timeout = 5000", "lock_timeout = 1000"

Status = Literal["READY", "BLOCKED"]


@dataclass(frozen=True)
class GateFacts:
    """What the monitor reads: counts, None where the table or view is missing.

    `ospa` counts the approvals, `signed` those of them that satisfy the predicate;
    `is_target`: database directus, or a clone that the setting names.
    """

    database: str
    is_target: bool | None
    ospa: int | None
    signed: int | None
    own: int | None
    gap: int | None
    conflict: int | None
    gov_emit: int | None
    axis_tables: int
    prerequisites: int


@dataclass(frozen=True)
class GateVerdict:
    """READY or BLOCKED, with the blocker tokens in their order, and the facts."""

    status: Status
    blockers: tuple[str, ...]
    facts: GateFacts

    @property
    def tokens(self) -> str:
        """The blockers as the monitor prints them, each ended by a semicolon."""
        return "".join(f"{blocker};" for blocker in self.blockers)

    def line(self) -> str:
        """Return the one line for a shell: ``GATE: BLOCKED|ospa=0|gap=210``."""
        gap = "?" if self.facts.gap is None else self.facts.gap
        return f"GATE: {self.status}|ospa={self.facts.ospa or 0}|gap={gap}"

    def detail(self) -> str:
        """Return the detail row: every fact by name."""
        facts = asdict(self.facts)
        return " | ".join(f"{name} {value}" for name, value in facts.items())

    def row(self) -> str:
        """Return the verdict row: status, blockers, ospa, gap, ownership."""
        facts = self.facts
        cells = (self.status, self.tokens, facts.ospa, facts.gap, facts.own)
        return " | ".join("" if cell is None else str(cell) for cell in cells)

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON values, named as the monitor's columns."""
        return {
            "gate_status": self.status,
            "blockers": self.tokens,
            "ospa": self.facts.ospa,
            "resp_gap": self.facts.gap,
            "resp_ownership": self.facts.own,
            "detail": asdict(self.facts),
        }


def decide(facts: GateFacts) -> GateVerdict:
    """Return the verdict; READY only when every condition holds (release.md 5)."""
    blockers = tuple(_blockers(facts))
    return GateVerdict("BLOCKED" if blockers else "READY", blockers, facts)


def read_facts(connection: psycopg.Connection[Any]) -> GateFacts:
    """Return the facts of the connected database, by one SELECT.

    Raise psycopg.Error where the role may not read what the gate is made of.
    """
    detail, _ = read_statements(resources.read_text(resources.read_json(PLAN)["check"]))
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(detail.text.encode()).fetchone()
    assert row is not None
    return GateFacts(**row)


def check(url: str) -> GateVerdict:
    """Return the gate's verdict on the database at `url`, read in READ ONLY.

    The role may be any that reads it, also one that could write: what is sent is
    the monitor's own text, and nothing else. Raise ServerError when it cannot be
    reached or read.
    """
    with connect(url, application="pytest-oneroof gate") as connection:
        # psql's PGOPTIONS work here too: oneroof.target_database.
        try:
            with connection.transaction():
                connection.execute(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                )
                for limit in TIMEOUTS:
                    connection.execute(f"SET LOCAL {limit}".encode())
                return decide(read_facts(connection))
        except psycopg.Error as error:
            raise ServerError(f"the gate cannot be read: {error}") from error


def predicate() -> str:
    """Return the text that opens the gate, as every gated file quotes it."""
    text = resources.read_text(resources.read_json(PLAN)["predicate"])
    return re.sub(r"--.*", "", text).strip()


def _blockers(facts: GateFacts) -> Iterator[str]:
    plan = resources.read_json(PLAN)
    values = asdict(facts)
    complete = facts.prerequisites == plan["prerequisites"]
    told: list[str] = []
    for condition in plan["conditions"]:
        value = values[condition["fact"]]
        # A figure whose view is missing is told by prereq_missing alone.
        passed_over = condition.get("view") and value is None and not complete
        if _holds(condition, value) or passed_over or condition.get("unless") in told:
            continue
        told.append(condition["token"])
        yield condition["token"]


def _holds(condition: Mapping[str, Any], value: Any) -> bool:
    if "at_least" in condition:
        return value is not None and bool(value >= condition["at_least"])
    return bool(value == condition["exactly"])
