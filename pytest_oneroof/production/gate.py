"""The gate monitor: may a release run? Facts read, then a pure decision.

A pack's `[gate] plan` names the query of the facts (`check`: its first statement
yields them, one row, by name), what opens the gate (`predicate`), and the
conditions with their tokens, in their order. docs/packs.md tells the form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from pytest_oneroof.errors import ServerError, SettingsError
from pytest_oneroof.fingerprint.session import steady_session
from pytest_oneroof.pack import Pack
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.statements.read import read as read_statements

TIMEOUTS = "statement_timeout = 5000", "lock_timeout = 1000"

Status = Literal["READY", "BLOCKED"]
# By name; None where the table or view of a figure is missing.
GateFacts = Mapping[str, Any]
Plan = Mapping[str, Any]


@dataclass(frozen=True)
class GateVerdict:
    """READY or BLOCKED, with the blocker tokens in their order, and the facts.

    Of its `plan`, `shown` maps the name under which a fact is told beside the
    verdict to the fact, and `line` names the facts of the one line.
    """

    status: Status
    blockers: tuple[str, ...]
    facts: GateFacts
    plan: Plan

    @property
    def tokens(self) -> str:
        """The blockers as the monitor prints them, each ended by a semicolon."""
        return "".join(f"{blocker};" for blocker in self.blockers)

    def line(self) -> str:
        """Return the one line for a shell, e.g. ``GATE: BLOCKED|approvals=0``."""
        told = [f"{n}={_known(self.facts[n])}" for n in self.plan.get("line", ())]
        return "|".join([f"GATE: {self.status}", *told])

    def detail(self) -> str:
        """Return the detail row: every fact by name."""
        return " | ".join(f"{name} {value}" for name, value in self.facts.items())

    def row(self) -> str:
        """Return the verdict row: status, blockers, and the facts beside them."""
        cells = (self.status, self.tokens, *self._shown().values())
        return " | ".join("" if cell is None else str(cell) for cell in cells)

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON values, named as the monitor's columns."""
        return {
            "gate_status": self.status,
            "blockers": self.tokens,
            **self._shown(),
            "detail": dict(self.facts),
        }

    def _shown(self) -> dict[str, Any]:
        shown = self.plan.get("shown", {})
        return {name: self.facts[fact] for name, fact in shown.items()}


@dataclass(frozen=True)
class Gate:
    """The gate of a pack that has one."""

    pack: Pack

    @property
    def plan(self) -> Plan:
        """What the pack says of its gate; raise SettingsError where it has none."""
        found: Plan = self.pack.read_json(self.pack.needed("gate", "plan"))
        return found

    def read(self, connection: psycopg.Connection[Any]) -> GateFacts:
        """Return the facts of the connected database, by its first SELECT.

        Read in a steady session: no search_path and no policy that hides rows bears
        on them. Raise psycopg.Error where the role may not read what the gate is
        made of.
        """
        statements = read_statements(self.pack.read_text(self.plan["check"]))
        detail = next(s for s in statements if s.kind == "SelectStmt")
        with steady_session(connection) as cursor:
            row = cursor.execute(detail.text.encode()).fetchone()
            assert row is not None
            assert cursor.description is not None
            names = [column.name for column in cursor.description]
        return dict(zip(names, row, strict=True))

    def decide(self, facts: GateFacts) -> GateVerdict:
        """Return the verdict; READY only when every condition holds."""
        return decide(facts, self.plan)

    def judge(self, connection: psycopg.Connection[Any]) -> GateVerdict:
        """Return the verdict on the connected database."""
        return self.decide(self.read(connection))

    def check(self, url: str) -> GateVerdict:
        """Return the verdict on the database at `url`, read in READ ONLY.

        The role may be any that reads it, also one that could write: what is sent
        is the monitor's own text, and nothing else. Raise ServerError when it
        cannot be reached or read.
        """
        # psql's PGOPTIONS work here too: oneroof.target_database.
        with connect(url, application="pytest-oneroof gate") as connection:
            try:
                with connection.transaction():
                    connection.execute(
                        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                    )
                    for limit in TIMEOUTS:
                        connection.execute(f"SET LOCAL {limit}".encode())
                    return self.judge(connection)
            except psycopg.Error as error:
                raise ServerError(f"the gate cannot be read: {error}") from error

    def predicate(self) -> str:
        """Return the text that opens the gate, as every gated file quotes it."""
        return self._quoted("predicate")

    def ratified(self) -> str:
        """Return the SELECT that tells why a packet is not ratified, as quoted.

        Raise SettingsError where the plan names none: nothing is then released.
        """
        return self._quoted("ratified").removesuffix(";")

    def _quoted(self, key: str) -> str:
        if key not in self.plan:
            where = f"{self.pack.name!r}, {self.pack.gate.plan}"
            raise SettingsError(f"the gate of the pack {where} has no {key!r} query")
        text = self.pack.read_text(self.plan[key])
        return re.sub(r"^ *--.*\n", "", text, flags=re.MULTILINE).strip()


def gate_of(pack: Pack) -> Gate | None:
    """Return a pack's gate, or None where it has none."""
    return Gate(pack) if pack.gate.plan is not None else None


def decide(facts: GateFacts, plan: Plan) -> GateVerdict:
    """Return the verdict on facts by a plan's conditions. Pure."""
    blockers = tuple(_blockers(facts, plan["conditions"]))
    status: Status = "BLOCKED" if blockers else "READY"
    return GateVerdict(status, blockers, facts, plan)


def _blockers(facts: GateFacts, conditions: Sequence[Plan]) -> Iterator[str]:
    broken = {c["token"]: not _holds(c, facts[c["fact"]]) for c in conditions}
    for condition in conditions:
        token = condition["token"]
        # A figure whose view is missing is told by the blocker that says so.
        absent = facts[condition["fact"]] is None
        told = absent and broken.get(condition.get("missing"))
        if broken[token] and not told and not broken.get(condition.get("unless")):
            yield token


def _holds(condition: Plan, value: Any) -> bool:
    if "at_least" in condition:
        return value is not None and bool(value >= condition["at_least"])
    return bool(value == condition["exactly"])


def _known(value: Any) -> str:
    return "?" if value is None else str(value)
