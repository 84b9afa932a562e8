"""What changed from one run to another, and what a production was accepted as. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_oneroof.evidence.counting import FAILED, NOT_COUNTED, NOT_RUN, PASSED
from pytest_oneroof.history.entry import ACCEPTED, RUN

GO, NOT_CHECKED = "GO", "not checked"
BAD = (FAILED, NOT_RUN, NOT_COUNTED)
VERDICT, GATE, FIGURE, SCHEMA = "verdict", "gate", "figure", "schema"
OBJECTIVE, FAILING, FIXED, NEW, GONE = "objective", "failing", "fixed", "new", "gone"
# What an acceptance holds a production to.
STATE = (GATE, FIGURE, SCHEMA)

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was: of which kind, its name, before and after."""

    kind: str
    name: str
    before: str
    after: str

    def __str__(self) -> str:
        """Tell it in words."""
        if self.kind in (FAILING, FIXED):
            return f"{_SAID[self.kind]}: {self.name}"
        if self.kind in (NEW, GONE):
            return f"{_SAID[self.kind]}: {self.name} checks"
        head = f"{self.kind} {self.name}".strip()
        if self.kind == SCHEMA:
            return "the schema is another (oneroof fingerprint tells by what)"
        return f"{head} {self.before or 'none'} → {self.after or 'none'}"


_SAID = {
    FAILING: "now failing",
    FIXED: "no longer failing",
    NEW: "new",
    GONE: "no longer there",
}


def changes(before: Entry, now: Entry) -> list[Change]:
    """Return what changed between two runs of one target."""
    return [
        *_pair(VERDICT, "", before["verdict"], now["verdict"]),
        *state_changes(before, now),
        *_objectives(before["objectives"], now["objectives"]),
        *_checks(before, now),
    ]


def state_changes(before: Entry, now: Entry) -> list[Change]:
    """Return what changed of the database itself: gate, figures, schema."""
    found: list[Change] = []
    if before["gate"] and now["gate"]:
        found += _pair(GATE, "", before["gate"], now["gate"])
    found += _figures(before["figures"], now["figures"])
    if before["schema"] and now["schema"]:
        found += _pair(SCHEMA, "", before["schema"], now["schema"])
    return found


def last_run(entries: Sequence[Entry], branch: str = "") -> Entry | None:
    """Return the last run of a history, of a branch if it has any of it."""
    runs = [entry for entry in reversed(entries) if entry["kind"] == RUN]
    of_branch = (run for run in runs if branch and run["origin"]["branch"] == branch)
    return next(of_branch, runs[0] if runs else None)


def last_accepted(entries: Sequence[Entry]) -> Entry | None:
    """Return the last run that was GO, or that a person accepted since."""
    for entry in reversed(entries):
        if entry["kind"] == ACCEPTED:
            known = (e for e in entries if e["number"] == entry["run"])
            if (found := next(known, None)) is not None and found["kind"] == RUN:
                return found
        elif entry["kind"] == RUN and entry["verdict"] == GO:
            return entry
    return None


def reasons_against(accepted: Entry | None, now: Entry) -> list[str]:
    """Return why a production is not what was accepted, each moved thing by name."""
    if accepted is None:
        return []
    since = f"since the last accepted run ({accepted['number']}, {accepted['at']})"
    return [f"{change} {since}" for change in state_changes(accepted, now)]


def _pair(kind: str, name: str, before: Any, now: Any) -> Iterator[Change]:
    if before != now:
        yield Change(kind, name, _text(before), _text(now))


def _figures(before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[Change]:
    if not before or not now:
        return
    for name in dict.fromkeys((*before, *now)):
        yield from _pair(FIGURE, name, before.get(name), now.get(name))


def _objectives(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    """Yield which objectives turned; what only one run looked at did not."""
    for name, status in now.items():
        words = (before.get(name, NOT_CHECKED), status)
        if NOT_CHECKED not in words:
            yield from _pair(OBJECTIVE, name, *words)


def _checks(before: Entry, now: Entry) -> Iterator[Change]:
    then, today = outcomes(before), outcomes(now)
    for nodeid, outcome in today.items():
        if outcome in BAD and then.get(nodeid) not in BAD:
            yield Change(FAILING, nodeid, then.get(nodeid, ""), outcome)
        elif outcome == PASSED and then.get(nodeid) in BAD:
            yield Change(FIXED, nodeid, then[nodeid], outcome)
    if set(before["suites"]) == set(now["suites"]):
        for kind, one, other in ((NEW, today, then), (GONE, then, today)):
            if names := set(one) - set(other):
                yield Change(kind, str(len(names)), "", "")


def outcomes(entry: Entry) -> dict[str, str]:
    """Return each check of a run with its outcome."""
    return {n: word for word, nodeids in entry["checks"].items() for n in nodeids}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
