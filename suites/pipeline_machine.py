"""The pipeline as a state machine: what may be done in any order, and what must hold.

Hypothesis draws the order; each example runs in a savepoint of its own. The model
is what the machine has done itself; what must hold is read from the clone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from pytest_oneroof.suites.emitting import SHAPE
from pytest_oneroof.suites.figures import Connection, read_figures
from pytest_oneroof.suites.support import rows, sql

from pytest_oneroof import resources
from pytest_oneroof.statements.scripts import body

SEED = "sql/stages/A_ownership_seed_commit_clone.sql"
OVERRIDE_TAG = "CLONE_TEST_OVERRIDE"
UNKNOWN = "totally.made_up"
PROVENANCE = "the rule on provenance"
ADDRESS = "collection:agents"
STREAMS = ("health", "alert")
LANES = ("immediate", "delayed")
SHAPES = (
    *("right", "right", "right"),
    *("no address", "other stream", "other lane", "unknown"),
)
# What the invariants over cells, and over events, are read from.
CELLS = (
    "public.governance_object_ownership",
    "public.collection_registry",
    "public.governance_responsibility_scope",
)
EVENTS = ("public.event_outbox",)
# Small, so that the same cell and type are met again.
INDEX = st.integers(min_value=0, max_value=11)


def data(name: str) -> Any:
    """Return a value of the coverage suite's fixture."""
    return resources.read_json("fixtures/coverage.json")[name]


@dataclass
class Done:
    """What the machine has done so far, as far as its next step depends on it."""

    own: int
    active: set[str] = field(default_factory=set)
    direct: set[tuple[str, str]] = field(default_factory=set)
    emitted: list[str] = field(default_factory=list)
    runs: int = 0


class Pipeline(RuleBasedStateMachine):
    """Seed, delete, override, revoke, scan, emit, activate, advance, in any order."""

    connection: ClassVar[Connection]

    def __init__(self) -> None:
        super().__init__()
        found = rows(self.connection, sql("pipeline/governed.sql"))
        self.named: dict[str, list[tuple[str, str]]] = {}
        for kind, name, detail in found:
            self.named.setdefault(kind, []).append((name, detail))
        own = read_figures(self.connection, "coverage/ownership_anchors")["own"]
        self.done = Done(own=own)
        self.held: dict[tuple[str, ...], int] = {}
        self.cursor = self.read_cursor()
        self.began = self.cursor["last_watermark_ts"]

    # ---------------------------------------------------------------- what is done

    @rule()
    def seed(self) -> None:
        """The committed seed runs only over no ownership row at all."""
        text = body(resources.read_text(SEED), SEED).encode()
        if self.attempt(text, None, refusal="pre-state own=" if self.done.own else ""):
            own = read_figures(self.connection, "coverage/ownership_anchors")["own"]
            self.done.own = own

    @rule(tag=st.sampled_from(["seed", "override"]))
    def delete(self, tag: str) -> None:
        """The rows of one tag go, all of them."""
        created_by = data("seed_tag") if tag == "seed" else OVERRIDE_TAG
        values = {"created_by": created_by}
        self.done.own -= len(
            rows(self.connection, sql("coverage/delete_seed.sql"), values)
        )
        if tag == "override":
            self.done.direct.clear()

    @rule(one=INDEX, scope=INDEX, owner=INDEX)
    def override(self, one: int, scope: int, owner: int) -> None:
        """An object gets an owner of its own in one scope, once."""
        cell = (self.pick("object", one)[0], self.pick("scope", scope)[0])
        values = {
            "object_type": self.pick("object", one)[1],
            "object_ref": cell[0],
            "scope": cell[1],
            "owner_gov_code": self.pick("owner", owner)[0],
        }
        rival = "uq_gov_obj_accountable" if cell in self.done.direct else ""
        if self.attempt(sql("contract/direct_override.sql"), values, refusal=rival):
            self.done.direct.add(cell)
            self.done.own += 1

    @rule(one=INDEX, scope=INDEX)
    def revoke(self, one: int, scope: int) -> None:
        """A direct owner is revoked; the cell may have another one then."""
        cell = (self.pick("object", one)[0], self.pick("scope", scope)[0])
        values = {"object_ref": cell[0], "scope": cell[1]}
        gone = rows(self.connection, sql("pipeline/revoke.sql"), values)
        assert len(gone) == (cell in self.done.direct), f"revoked {len(gone)} of {cell}"
        self.done.direct.discard(cell)

    @rule()
    def scan(self) -> None:
        """The scanner's write half runs once more."""
        self.done.runs += 1
        values = data("scan") | {"run_id": f"SCAN-MACHINE-{self.done.runs}"}
        rows(self.connection, sql("coverage/scanner_write_half.sql"), values)

    @rule(kind=INDEX, shape=st.sampled_from(SHAPES))
    def emit(self, kind: int, shape: str) -> None:
        """An event is taken only if active, well shaped and with provenance."""
        active = [
            event for event in self.named["event"] if event[0] in self.done.active
        ]
        events = active if active and kind % 4 else self.named["event"]
        event_type, registered = events[kind % len(events)]
        stream, lane = registered.split("/")
        if shape == "unknown":
            event_type = UNKNOWN
        values = SHAPE | {
            "event_type": event_type,
            "event_stream": _other(STREAMS, stream)
            if shape == "other stream"
            else None,
            "delivery_lane": _other(LANES, lane) if shape == "other lane" else None,
            "canonical_address": None if shape == "no address" else ADDRESS,
        }
        refusal = self.refusal_of(event_type, shape, lane)
        text = sql("coverage/emit_governance_event.sql")
        if self.attempt(text, values, refusal=refusal):
            self.done.emitted.append(event_type)

    @rule(kind=INDEX, active=st.sampled_from((True, True, True, False)))
    def activate(self, kind: int, *, active: bool) -> None:
        """A governance event type is set active, or inactive."""
        event_type, _ = self.pick("event", kind)
        values = {"event_type": event_type, "active": active}
        assert rows(self.connection, sql("pipeline/set_type.sql"), values)
        (self.done.active.add if active else self.done.active.discard)(event_type)

    @rule(hours=st.integers(min_value=-3, max_value=3))
    def advance(self, hours: int) -> None:
        """The worker's cursor moves for a strictly newer watermark, else not at all."""
        before = self.read_cursor()
        wanted: datetime = self.began + timedelta(hours=hours)
        values = before | {
            "watermark_id": f"wm-machine{hours:+d}",
            "watermark_ts": wanted,
            "events_seen": 10,
            "attempts_written": 1,
        }
        written = rows(self.connection, sql("coverage/cursor_advance.sql"), values)
        newer = wanted > before["last_watermark_ts"]
        assert len(written) == newer, f"cursor at {before}: wrote {len(written)} rows"

    # ---------------------------------------------------------------- what must hold

    @invariant()
    def every_cell_is_covered_or_open(self) -> None:
        """Covered and open cells make up inventory times scopes."""
        if not self.is_written(CELLS):
            return
        found = read_figures(self.connection, "coverage/coverage_rollup")
        base = read_figures(self.connection, "coverage/base_figures")
        ceiling, covered = base["required_cells"], base["owned_cells"]
        assert ceiling > 0, "the inventory or the scopes are empty"
        told = (found["covered_cells"], found["gap_cells"])
        assert told == (covered, ceiling - covered), (
            f"covered + gap = inventory x scopes: {told[0]} + {told[1]}, but "
            f"{covered} of {ceiling} cells have an owner"
        )

    @invariant()
    def a_cell_has_one_owner_at_most(self) -> None:
        """No cell has two active accountable owners."""
        found = read_figures(self.connection, "pipeline/most_owners")
        most, conflicts = found["most_owners"], found["conflicts"]
        told = (
            f"a cell has {most} active accountable owners, {conflicts} conflicts told"
        )
        assert (most <= 1, conflicts) == (True, 0), told

    @invariant()
    def candidates_are_bounded(self) -> None:
        """The scanner has at most one state per group, and one object per object."""
        shape = read_figures(self.connection, "coverage/write_shape")
        base = read_figures(self.connection, "coverage/base_figures")
        for kept, bound in (
            ("candidate_state", "object_groups"),
            ("candidate_object", "objects"),
        ):
            assert shape[kept] <= base[bound], (
                f"{kept} {shape[kept]} exceeds {bound} {base[bound]}"
            )

    @invariant()
    def the_cursor_never_goes_back(self) -> None:
        """Neither the watermark nor what was seen ever gets less."""
        before, now = self.cursor, self.read_cursor()
        for name in ("last_watermark_ts", "events_seen", "attempts_written"):
            assert now[name] >= before[name], (
                f"the cursor went back: {name} {before[name]} -> {now[name]}"
            )
        self.cursor = now

    @invariant()
    def only_accepted_events_are_out(self) -> None:
        """The outbox holds the events emitted while active, each addressed."""
        if not self.is_written(EVENTS):
            return
        found = read_figures(self.connection, "pipeline/emitted")
        expected = {"emitted": len(self.done.emitted), "without_provenance": 0}
        assert found == expected, (
            f"governance events in the outbox: expected {expected}, found {found}"
        )

    # ------------------------------------------------------------------------ helpers

    def pick(self, kind: str, index: int) -> tuple[str, str]:
        """Return one of the clone's names of a kind, with its detail."""
        names = self.named[kind]
        return names[index % len(names)]

    def is_written(self, tables: tuple[str, ...]) -> bool:
        """Tell whether tables may have changed since they were asked for last."""
        values = {"tables": list(tables)}
        (written,) = rows(self.connection, sql("pipeline/written.sql"), values)[0]
        before, self.held[tables] = self.held.get(tables), written
        return written != before

    def read_cursor(self) -> dict[str, Any]:
        """Return the one worker's cursor."""
        return read_figures(self.connection, "coverage/cursor_state")

    def refusal_of(self, event_type: str, shape: str, lane: str) -> str:
        """Return what refuses an event, by part of its message; '' if it is right."""
        if event_type == UNKNOWN:
            return "unknown"
        if event_type not in self.done.active:
            return "is inactive"
        if shape == "right":
            twice = lane == "immediate" and event_type in self.done.emitted
            return "idx_event_outbox_idempotent" if twice else ""
        return {
            "no address": PROVENANCE,
            "other stream": "stream mismatch",
            "other lane": "lane mismatch",
        }[shape]

    def attempt(self, text: bytes, values: Any, *, refusal: str) -> bool:
        """Run a statement that has to be refused by `refusal`, or taken if it is ''."""
        refused: psycopg.Error | None = None
        try:
            with self.connection.transaction():
                self.connection.execute(text, values)
        except psycopg.Error as error:
            refused = error
        if refused is None:
            assert not refusal, f"accepted, though {refusal!r} should refuse it"
            return True
        assert refusal, f"refused, though nothing is in the way: {refused}"
        told = f"refused by another than {refusal!r}: {refused}"
        assert _is_refused_by(refused, refusal), told
        return False


def _is_refused_by(error: psycopg.Error, refusal: str) -> bool:
    """Tell whether an error is the refusal expected, by its text.

    The rule on provenance has no known name: a NOT NULL or a CHECK, not the type's
    validation.
    """
    if refusal == PROVENANCE:
        return error.sqlstate in ("23502", "23514")
    return refusal in str(error)


def _other(values: tuple[str, ...], value: str) -> str:
    return next(other for other in values if other != value)
