"""What a check left: session states compared, and the verdict. Pure.

A state is read once per check, in one round trip, after its rollback; the exit
state of one check is the entry state of the next (docs/residue.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

Verdict = Literal["clean", "dirty", "unprovable"]
# Of what a check left or had put back so many are told one by one, the rest counted.
SHOWN = 10


@dataclass(frozen=True)
class Residue:
    """One thing left: its kind, the object, and how it was before and after."""

    kind: str
    object: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.kind} {self.object}: before {self.before}, after {self.after}"


@dataclass(frozen=True)
class Proof:
    """The proof of one check.

    `restored` lived in the check's own session or in a sequence and was put
    back; `dirty` is what others could have met; `allowed` is what the check's
    marker allows, with its reason. `ids` counts the transaction ids examined,
    `committed` those of them that the check committed, `foreign` those that
    others committed; `examples` counts Hypothesis examples, each proved;
    `swallowed` are refused or failed statements whose error the check dropped.
    """

    check: str
    verdict: Verdict = "clean"
    ids: int = 0
    committed: int = 0
    restored: tuple[Residue, ...] = ()
    dirty: tuple[Residue, ...] = ()
    allowed: tuple[str, ...] = ()
    reason: str = ""
    constraints: str = "checked"
    foreign: int = 0
    examples: int = 0
    notes: tuple[str, ...] = ()
    swallowed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the proof as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Proof:
        """Return the proof that `to_dict` wrote."""
        parts = dict(values)
        for name in ("restored", "dirty"):
            parts[name] = tuple(Residue(**part) for part in parts[name])
        for name in ("allowed", "notes", "swallowed"):
            parts[name] = tuple(parts[name])
        return cls(**parts)

    def __str__(self) -> str:
        found = [f"  left behind: {residue}" for residue in self.dirty]
        found += [f"  put back: {residue}" for residue in self.restored]
        shown, more = found[:SHOWN], found[SHOWN:]
        lines = [f"{self.check}: {self.verdict}"]
        if self.reason:
            lines.append(f"  {self.reason}")
        lines += [*shown, *([f"  and {len(more)} more"] if more else [])]
        lines += [f"  swallowed: {text}" for text in self.swallowed]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


@dataclass(frozen=True)
class State:
    """What the exit query saw: the snapshot, and all that outlives a rollback.

    `suspects` are ids of the window that did not abort, as (id, status);
    the mappings go from object to how it is.
    """

    snapshot: str
    suspects: tuple[tuple[int, str | None], ...] = ()
    prepared_transactions: frozenset[str] = frozenset()
    slots: frozenset[str] = frozenset()
    sessions: Mapping[int, str] = field(default_factory=dict)
    sessions_ever: int = 0
    advisory_locks: frozenset[str] = frozenset()
    prepared_statements: frozenset[str] = frozenset()
    listeners: frozenset[str] = frozenset()
    cursors: frozenset[str] = frozenset()
    temporary: frozenset[str] = frozenset()


# What lives in the check's own session: it goes with it, and is put back.
SESSION_KINDS = {
    "advisory lock": "advisory_locks",
    "prepared statement": "prepared_statements",
    "listener": "listeners",
    "held cursor": "cursors",
    "temporary object": "temporary",
}
# What other sessions could have met.
SHARED_KINDS = {
    "prepared transaction": "prepared_transactions",
    "replication slot": "slots",
}


def session_changes(before: State, after: State) -> tuple[Residue, ...]:
    """Return what appeared in the check's own session."""
    found: list[Residue] = []
    for kind, attribute in SESSION_KINDS.items():
        found += _appeared(kind, getattr(before, attribute), getattr(after, attribute))
    return tuple(found)


def shared_changes(before: State, after: State) -> tuple[Residue, ...]:
    """Return what appeared that other sessions could meet."""
    found: list[Residue] = []
    for kind, attribute in SHARED_KINDS.items():
        found += _appeared(kind, getattr(before, attribute), getattr(after, attribute))
    for pid, role in after.sessions.items():
        if pid not in before.sessions:
            who = f"pid {pid} of {role}"
            found.append(Residue("session", who, "absent", "present"))
    return tuple(found)


@dataclass(frozen=True)
class Circumstances:
    """How the check ran: what decides whose a committed id can be.

    `intact`: the session's one transaction since arming is the one that was
    rolled back. `closed`: nobody could connect to the clone meanwhile.
    `strangers`: somebody was there. `lost`: its session had ended, and with it
    whatever transaction was open. `crashed`: the server lost its memory.
    """

    intact: bool
    closed: bool
    strangers: bool = False
    lost: bool = False
    crashed: bool = False


def circumstances(
    before: State, after: State, *, intact: bool, lost: bool, closed: bool
) -> Circumstances:
    """Return how a check ran, by who was there and what the server still knows.

    A session made anew counts as one of ours. A crash discards the counters
    (manual, 27.2), and with them what was not yet written down of ids.
    """
    return Circumstances(
        intact=intact,
        closed=closed,
        strangers=bool(after.sessions)
        or after.sessions_ever > before.sessions_ever + lost,
        lost=lost,
        crashed=lost and after.sessions_ever <= before.sessions_ever,
    )


def needs_look(after: State, how: Circumstances) -> bool:
    """Tell whether ids alone leave open what happened on the clone.

    They do where an id of the window did not abort, and either the check's own
    transaction was lost or somebody else could have been on the clone; and
    after a crash, whatever they say.
    """
    if how.crashed:
        return True
    if not any(status != "in progress" for _, status in after.suspects):
        return False
    return not how.intact or (not how.closed and how.strangers)


def unknown_ids(after: State) -> str:
    """Return the reason that forgotten ids give against a proof, or ''."""
    unknown = [i for i, status in after.suspects if status is None]
    return f"the server no longer knows the ids {unknown[:5]}" if unknown else ""


def untold(committed: Sequence[int], how: Circumstances) -> str:
    """Return why nothing found is no proof, where the check ended its transaction.

    '' where nothing was committed meanwhile, and where its session was lost: that
    rolls back what is open, and others commit on the server whenever they like.
    """
    if not committed or how.lost:
        return ""
    return (
        f"the check ended its own transaction, and {len(committed)} ids committed "
        "meanwhile cannot be told from its own; tables and schema are as before"
    )


def attributed(
    found: tuple[Residue, ...], after: State, how: Circumstances
) -> tuple[Residue, ...]:
    """Name the strangers where content changed while the check's own work did not."""
    if not how.intact or not how.strangers:
        return found
    present = ", ".join(f"pid {pid} of {role}" for pid, role in after.sessions.items())
    who = present or "a session that has ended"
    return tuple(
        replace(
            r,
            kind=f"foreign {r.kind}",
            after=f"{r.after} (by {who}, not by this check's session)",
        )
        for r in found
    )


def merged(
    first: tuple[Residue, ...], second: tuple[Residue, ...]
) -> tuple[Residue, ...]:
    """Return both, one residue for each kind and object."""
    known: dict[tuple[str, str], Residue] = {}
    for left in (*first, *second):
        known.setdefault((left.kind, left.object), left)
    return tuple(known.values())


def verdict_of(proof: Proof, *, strict: bool) -> Proof:
    """Return the proof with the verdict that its findings give."""
    if proof.dirty or (strict and (proof.restored or proof.swallowed)):
        return replace(proof, verdict="dirty")
    return replace(proof, verdict="unprovable" if proof.reason else "clean")


def with_dirty(proof: Proof, left: Iterable[Residue]) -> Proof:
    """Return a proof with what was found besides; it is judged anew."""
    joined = replace(proof, dirty=(*proof.dirty, *left))
    return verdict_of(joined, strict=False) if joined.dirty != proof.dirty else proof


def allow(proof: Proof, allowed: Mapping[str, str]) -> Proof:
    """Return the proof without the residue that the check's marker allows.

    `allowed` maps a kind, or 'unprovable', to the reason, which is kept.
    """
    taken = [r for r in proof.dirty if r.kind in allowed]
    told = tuple(f"{r} (allowed: {allowed[r.kind]})" for r in taken)
    dirty = tuple(r for r in proof.dirty if r.kind not in allowed)
    reason = proof.reason
    if reason and "unprovable" in allowed:
        told += (f"unprovable: {reason} (allowed: {allowed['unprovable']})",)
        reason = ""
    changed = replace(proof, dirty=dirty, reason=reason, allowed=told)
    return verdict_of(changed, strict=False)


def _appeared(kind: str, before: Iterable[str], after: Iterable[str]) -> list[Residue]:
    new = sorted(set(after) - set(before))
    return [Residue(kind, name, "absent", "present") for name in new]
