"""What a verdict and a report are made of: plain facts of one run. Pure.

Gathered from reports and shares alone, so that a serial run and one with workers
come to the same.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_oneroof.clone.residue import Proof
from pytest_oneroof.errors import OneroofError
from pytest_oneroof.evidence.heat import Cell, cells_of
from pytest_oneroof.evidence.tally import Outcome, Share, Tally

OWN = "own tests"
CLONE, STANDIN, PRODUCTION, PACKAGE = "clone", "stand-in", "production", "package"
NONE = "none"

_FIGURE = re.compile(r"^  (.+?): expected (.+?), found (.+)$", re.MULTILINE)
_CODE = re.compile(r"[a-z]+\d+[a-z]?(\.\d+)?")
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Figure:
    """One figure of a check: what was expected, and what was found."""

    name: str
    expected: str
    found: str


@dataclass(frozen=True)
class Check:
    """One item: what it claims, what came of it, where it was measured."""

    nodeid: str
    suite: str
    where: str
    claim: str = ""
    outcome: str = "passed"
    seconds: float = 0.0
    message: str = ""
    proof: Proof | None = None
    figures: tuple[Figure, ...] = ()

    @property
    def ident(self) -> str:
        """The id in the list of checks; without one, the test's name."""
        name = self.nodeid.rpartition("::")[2].removeprefix("test_")
        head, _, parameter = name.removesuffix("]").partition("[")
        if _CODE.fullmatch(parameter):
            return parameter
        code = head.partition("_")[0]
        return f"{code} {parameter}".strip() if _CODE.fullmatch(code) else name

    @property
    def failed(self) -> bool:
        """Whether it failed, or its proof is not clean."""
        unclean = self.proof is not None and self.proof.verdict != "clean"
        return self.outcome == "failed" or unclean


@dataclass(frozen=True)
class Metric:
    """One figure at entry and exit; an `organic` one moves by itself."""

    name: str
    entry: int | None
    exit: int | None
    organic: bool = False

    @property
    def drift(self) -> int | None:
        """Exit less entry, None where either is missing."""
        if self.entry is None or self.exit is None:
            return None
        return self.exit - self.entry


@dataclass(frozen=True)
class State:
    """One database at entry and exit, and what of it is not as it was."""

    database: str
    where: str
    metrics: tuple[Metric, ...] = ()
    differences: tuple[str, ...] = ()
    proof: Proof | None = None


@dataclass(frozen=True)
class Gate:
    """The gate as it was read, and on what: READY, or BLOCKED with its tokens."""

    status: str
    blockers: str
    where: str
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tier:
    """One file of a release as it ran: seconds from the start, locks, rows.

    `locks` are (relation, mode), `rows` are (table, before, after).
    """

    tier: str
    title: str
    file: str
    status: str
    start: float
    seconds: float
    locks: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, int, int], ...] = ()
    where: str = CLONE


@dataclass(frozen=True)
class Seal:
    """One seal: what it seals, its sha256, and whether it holds."""

    name: str
    sha256: str
    files: int
    holds: bool


@dataclass(frozen=True)
class Told:
    """One line of provenance, and where its value came from."""

    name: str
    value: str
    source: str = ""


@dataclass(frozen=True)
class RunFacts:
    """One run. `target` is what it is about, `production` what was read as one.

    That is 'production', 'stand-in' or 'none'.

    `reasons` are those against the run as a whole; `seconds` is its wall time.
    """

    target: str
    production: str
    checks: tuple[Check, ...] = ()
    reasons: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    cells: tuple[Cell, ...] = ()
    gate: Gate | None = None
    tiers: tuple[Tier, ...] = ()
    seals: tuple[Seal, ...] = ()
    run: tuple[Told, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Noted:
    """What reports say of an item beside its outcome: claim, failure, properties."""

    claim: str = ""
    message: str = ""
    properties: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Setting:
    """How a run is looked at: which suite a node id is of, where each is measured.

    `measured` maps a suite to its place where that is not the run's target:
    'production' stands for whatever was read as one.
    """

    suite_of: Callable[[str], str | None]
    target: str
    production: str
    measured: Mapping[str, str] = field(default_factory=dict)

    def where(self, suite: str) -> str:
        """Return where a suite's checks are measured."""
        place = self.measured.get(suite, self.target)
        return self.production if place == PRODUCTION else place


def gather(
    tally: Tally,
    noted: Mapping[str, Noted],
    setting: Setting,
    *,
    reasons: Iterable[str],
    run: Iterable[Told],
    states: Iterable[State] = (),
    gate: Gate | None = None,
    seconds: float = 0.0,
) -> RunFacts:
    """Return the facts of a run from its reports and the shares of its processes.

    `noted` is by node id; `states` and `gate` are what the controller read besides,
    of a production. Raise OneroofError for a property that is not as it has to be.
    """
    checks = [
        _check(nodeid, item, noted.get(nodeid, Noted()), setting)
        for nodeid, item in tally.items.items()
    ]
    notes = [line for share in tally.shares for line in share.found]
    properties = [pair for item in noted.values() for pair in item.properties]
    ended = [s for s in tally.shares if s.proof is not None or s.unread]
    clones = sorted(ended, key=lambda share: share.clone)
    return RunFacts(
        target=setting.target,
        production=setting.production,
        checks=tuple(sorted(checks, key=_order)),
        reasons=tuple(reasons),
        states=(*(_state(share) for share in clones), *states),
        cells=_cells(clones),
        gate=gate or _gate(properties),
        tiers=tuple(sorted(_tiers(properties), key=lambda tier: tier.start)),
        seals=tuple(_seals(properties)),
        run=tuple(run),
        notes=tuple(dict.fromkeys(notes)),
        seconds=seconds,
    )


def message_of(report: Any) -> str:
    """Return what a failed report says, without its traceback: its last lines."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash is not None else report.longrepr or "").strip()


def _check(nodeid: str, item: Outcome, noted: Noted, setting: Setting) -> Check:
    suite = setting.suite_of(nodeid) or OWN
    with _told_wrongly("figures"):
        told = [Figure(*map(_text, f)) for f in _values(noted.properties, "figures")]
    moved = [Figure(*found) for found in _FIGURE.findall(noted.message)]
    known = {figure.name for figure in moved}
    return Check(
        nodeid=nodeid,
        suite=suite,
        where=setting.where(suite),
        claim=noted.claim,
        outcome=item.outcome,
        seconds=item.seconds,
        message=noted.message,
        proof=item.proof,
        figures=(*moved, *(f for f in told if f.name not in known)),
    )


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
    except (KeyError, TypeError, ValueError) as error:
        raise OneroofError(
            f"property oneroof_{name} is not as docs/report.md has it: {error}"
        ) from error


def _gate(properties: Sequence[tuple[str, Any]]) -> Gate | None:
    found = _values(properties, "gate")
    with _told_wrongly("gate"):
        return Gate(**found[-1]) if found else None


def _tiers(properties: Sequence[tuple[str, Any]]) -> list[Tier]:
    with _told_wrongly("tiers"):
        return [_tier(**value) for value in _values(properties, "tiers")]


def _tier(
    *, locks: Iterable[Any] = (), rows: Iterable[Any] = (), **values: Any
) -> Tier:
    return Tier(
        **values,
        locks=tuple((str(relation), str(mode)) for relation, mode in locks),
        rows=tuple((str(table), int(old), int(new)) for table, old, new in rows),
    )


def _seals(properties: Sequence[tuple[str, Any]]) -> list[Seal]:
    with _told_wrongly("seals"):
        return [Seal(**value) for value in _values(properties, "seals")]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
