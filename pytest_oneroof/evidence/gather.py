"""The facts of a run, from its reports and the shares of its processes. Pure.

Nothing else goes in, so that a serial run and one with workers come to the same.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.evidence.exercised import Exercises, exercises_of
from pytest_oneroof.evidence.facts import (
    CLONE,
    OWN,
    PRODUCTION,
    UNCOVERED,
    Check,
    Figure,
    Gate,
    Metric,
    RunFacts,
    Seal,
    State,
    Tier,
    Told,
)
from pytest_oneroof.evidence.heat import Cell, cells_of
from pytest_oneroof.evidence.origin import UNTOLD, Origin
from pytest_oneroof.evidence.tally import Item, Share, Tally
from pytest_oneroof.evidence.tiers import tiers_of

UNKNOWN = exercises_of(())
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Noted:
    """What reports say of an item beside its outcome: claim, failure, properties."""

    claim: str = ""
    message: str = ""
    exercises: str = ""
    place: str = ""
    output: str = ""
    statements: tuple[str, ...] = ()
    properties: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Setting:
    """How a run is looked at: which suite a node id is of, where each is measured.

    `measured` maps a suite to its place where that is not the run's target:
    'production' stands for whatever was read as one. `exercises` tells of suite and
    check what it exercises.
    """

    suite_of: Callable[[str], str | None]
    target: str
    production: str
    measured: Mapping[str, str] = field(default_factory=dict)
    exercises: Exercises = UNKNOWN

    def where(self, suite: str) -> str:
        """Return where a suite's checks are measured."""
        place = self.measured.get(suite, self.target)
        return self.production if place == PRODUCTION else place


@dataclass(frozen=True)
class Besides:
    """What the controller read itself: a production, its gate, seals, blockers."""

    states: tuple[State, ...] = ()
    gate: Gate | None = None
    seals: tuple[Seal, ...] = ()
    blockers: tuple[Mapping[str, Any], ...] = ()
    contacted: str = "none"
    controls: Mapping[str, Any] | None = None


def gather(
    tally: Tally,
    noted: Mapping[str, Noted],
    setting: Setting,
    *,
    reasons: Iterable[str],
    run: Iterable[Told],
    besides: Besides | None = None,
    origin: Origin = UNTOLD,
    seconds: float = 0.0,
) -> RunFacts:
    """Return the facts of a run from its reports and the shares of its processes.

    `noted` is by node id; `besides` is what the controller read itself. Raise
    OneroofError for a property that is not as it has to be.
    """
    besides = besides or Besides()
    checks = [
        _check(nodeid, item, noted.get(nodeid, Noted()), setting)
        for nodeid, item in tally.checks.items()
    ]
    notes = [line for share in tally.shares for line in share.found]
    notes += [f"{UNCOVERED}: {what}" for what in tally.uncovered]
    properties = [pair for item in noted.values() for pair in item.properties]
    ended = [s for s in tally.shares if s.proof is not None or s.unread]
    clones = sorted(ended, key=lambda share: share.clone)
    return RunFacts(
        target=setting.target,
        production=setting.production,
        checks=tuple(sorted(checks, key=_order)),
        reasons=tuple(reasons),
        states=(*(_state(share) for share in clones), *besides.states),
        cells=_cells(clones),
        gate=besides.gate or _gate(properties),
        tiers=tuple(_tiers(properties)),
        seals=(*besides.seals, *_seals(properties)),
        run=tuple(run),
        notes=tuple(dict.fromkeys(notes)),
        seconds=seconds,
        provenance=next((s.provenance for s in tally.shares if s.provenance), None),
        blockers=besides.blockers,
        contacted=besides.contacted,
        controls=besides.controls,
        deselected=tuple(tally.deselected),
        origin=origin,
    )


def message_of(report: Any) -> str:
    """Return what a failed report says, without its traceback: its last lines."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash is not None else report.longrepr or "").strip()


def _check(nodeid: str, item: Item, noted: Noted, setting: Setting) -> Check:
    counted = item.counted
    suite = setting.suite_of(nodeid) or OWN
    with _told_wrongly("figures"):
        told = [Figure(*map(_text, f)) for f in _values(noted.properties, "figures")]
    check = Check(
        nodeid=nodeid,
        suite=suite,
        where=setting.where(suite),
        claim=noted.claim,
        outcome=counted.state,
        why=counted.why,
        seconds=round(item.seconds, 4),
        message=noted.message,
        place=noted.place,
        output=noted.output,
        statements=noted.statements,
        proof=item.proof,
        evidence=item.evidence,
        exercises=noted.exercises,
        figures=tuple(told),
    )
    if check.exercises:
        return check
    return replace(check, exercises=setting.exercises(suite, check.ident))


def _order(check: Check) -> list[Any]:
    name = f"{check.suite} {check.ident} {check.nodeid}"
    return [int(p) if p.isdigit() else p for p in _NUMBER.split(name)]


def _state(share: Share) -> State:
    names = dict.fromkeys((*share.entry, *share.exit))
    differences = [
        f"{name} was {entry} at entry, is {now}"
        for name, (entry, now) in share.differences.items()
    ]
    if share.unread:
        differences.append(f"exit state not read: {share.unread}")
    if share.proof is not None and share.proof.verdict != "clean":
        differences += [str(left) for left in share.proof.dirty]
    return State(
        database=share.clone,
        where=CLONE,
        metrics=tuple(
            Metric(name, share.entry.get(name), share.exit.get(name)) for name in names
        ),
        differences=tuple(differences),
        proof=share.proof,
    )


def _cells(shares: Sequence[Share]) -> tuple[Cell, ...]:
    """Return the cells of the clone; of several copies the one that says most.

    Copies of one baseline agree; where one does not, its open cells are shown.
    """
    found = [cells_of(share.cells) for share in shares if share.cells]
    return max(found, key=lambda cells: sum(c.owner is None for c in cells), default=())


def _values(properties: Iterable[tuple[str, Any]], name: str) -> list[Any]:
    texts = [text for key, text in properties if key == f"oneroof_{name}"]
    with _told_wrongly(name):
        return [value for text in texts for value in json.loads(text)]


@contextlib.contextmanager
def _told_wrongly(name: str) -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OneroofError(
            f"property oneroof_{name} is not as docs/report.md has it: {error!r}"
        ) from error


def _gate(properties: Sequence[tuple[str, Any]]) -> Gate | None:
    found = _values(properties, "gate")
    with _told_wrongly("gate"):
        return Gate(**found[-1]) if found else None


def _tiers(properties: Sequence[tuple[str, Any]]) -> list[Tier]:
    with _told_wrongly("steps"):
        logs = _values(properties, "steps")
        return [tier for log in logs for tier in tiers_of(log)]


def _seals(properties: Sequence[tuple[str, Any]]) -> list[Seal]:
    with _told_wrongly("seals"):
        return [Seal(**value) for value in _values(properties, "seals")]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
