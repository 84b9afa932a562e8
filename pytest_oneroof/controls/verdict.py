"""What a fault came to, which checks are idle, and how that is told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pytest_oneroof.controls.catalog import Fault

NOTICED, PASSED, UNREACHED = "noticed", "passed", "not reached"
KILLED, SURVIVED, EQUIVALENT = "killed", "survived", "equivalent"
MANY = 8


@dataclass(frozen=True)
class Seen:
    """What one check did under a fault; `text` is what its failure said."""

    check: str
    outcome: str
    text: str = ""


@dataclass(frozen=True)
class Result:
    """One fault's end: verdict, who noticed, who should have, and why not."""

    ident: str
    kind: str
    area: str
    breaks: str
    verdict: str
    killed_by: tuple[str, ...] = ()
    missed_by: tuple[str, ...] = ()
    reason: str = ""
    generated: bool = False

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Result:
        """Return the result that a process sent as plain values."""
        lists = {key: tuple(values[key]) for key in ("killed_by", "missed_by")}
        return cls(**{**values, **lists})


def named(fault: Fault, checks: Iterable[str]) -> dict[str, str]:
    """Return the checks, of those there are, that a fault names, with their texts."""
    found: dict[str, str] = {}
    for check in checks:
        if check in fault.but:
            continue
        for name, text in fault.noticed.items():
            whole = name == check
            if whole or (name.endswith("*") and check.startswith(name[:-1])):
                found[check] = text
                if whole:
                    break
    return found


def judge(fault: Fault, seen: Sequence[Seen], texts: Mapping[str, str]) -> Result:
    """Return what a fault came to, by what each check that was called did.

    A listed fault is killed when every check that it names noticed, in the words
    that it gives; a generated one when any did. An explained fault that is noticed
    is told as killed: its explanation no longer holds.
    """
    killed = [s.check for s in seen if s.outcome == NOTICED]
    missed, reasons = [], []
    for one in seen:
        wanted = texts.get(one.check, "")
        if one.outcome == NOTICED and wanted in one.text:
            continue
        missed.append(one.check)
        if one.outcome == NOTICED:
            said = one.text.strip()[:400]
            reasons.append(f"{one.check} does not say {wanted!r}, but: {said}")
        elif one.outcome == UNREACHED:
            reasons.append(f"{one.check} was not reached: {one.text.strip()[:400]}")
    result = Result(
        ident=fault.ident,
        kind=fault.kind,
        area=fault.area,
        breaks=fault.breaks,
        verdict=KILLED,
        killed_by=tuple(killed),
        generated=fault.generated,
    )
    if killed and (fault.generated or not missed):
        return result
    if fault.equivalent:
        return replace(result, verdict=EQUIVALENT, reason=fault.equivalent)
    return replace(
        result,
        verdict=SURVIVED,
        missed_by=tuple(missed),
        reason="; ".join(reasons),
    )


@dataclass
class Controls:
    """All results of a run, the checks that took part, and which are explained.

    `planned` are the ids of all faults there are; `unseen` maps checks that kill
    none to the reason.
    """

    results: list[Result] = field(default_factory=list)
    checks: set[str] = field(default_factory=set)
    planned: set[str] = field(default_factory=set)
    unseen: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every fault ran: only then can a check be called idle."""
        return self.planned <= {result.ident for result in self.results}

    def with_verdict(self, verdict: str) -> list[Result]:
        """Return the results of one verdict."""
        return [result for result in self.results if result.verdict == verdict]

    def idle(self) -> list[str]:
        """Return the checks that noticed no fault, though all ran, but explained."""
        if not self.complete:
            return []
        busy = {check for result in self.results for check in result.killed_by}
        idle = sorted(self.checks - busy)
        return [check for check in idle if not _stands_for(self.unseen, check)]

    def line(self) -> str:
        """Return the one line of the closing section."""
        killed, equal = (len(self.with_verdict(v)) for v in (KILLED, EQUIVALENT))
        survived = [result.ident for result in self.with_verdict(SURVIVED)]
        generated = sum(result.generated for result in self.results)
        parts = [f"{killed}/{len(self.results) - equal} killed"]
        parts += [f"{equal} equivalent"] if equal else []
        parts += [f"{generated} generated"] if generated else []
        if survived:
            parts.append(f"{len(survived)} survived ({some(survived)})")
        if idle := self.idle():
            parts.append(f"{len(idle)} idle ({some(idle)})")
        if not self.complete:
            left = len(self.planned - {result.ident for result in self.results})
            parts.append(f"{left} not run, so that no check is judged idle")
        return ", ".join(parts)

    def reasons(self) -> list[str]:
        """Return why the controls speak against the run; none for all killed."""
        survived = [result.ident for result in self.with_verdict(SURVIVED)]
        found = [f"{len(survived)} faults survived: {some(survived)}"] * bool(survived)
        idle = self.idle()
        return found + [f"{len(idle)} checks are idle: {some(idle)}"] * bool(idle)

    def document(self) -> dict[str, Any]:
        """Return the results as JSON values, by id, for verdict and report."""
        ordered = sorted(self.results, key=lambda r: (r.generated, r.ident))
        return {
            **{
                verdict: len(self.with_verdict(verdict))
                for verdict in (KILLED, SURVIVED, EQUIVALENT)
            },
            "generated": sum(result.generated for result in self.results),
            "not_run": len(self.planned - {r.ident for r in self.results}),
            "idle": self.idle(),
            "unseen": dict(sorted(self.unseen.items())),
            "faults": [asdict(result) for result in ordered],
        }


def _stands_for(names: Iterable[str], check: str) -> bool:
    """Tell whether one of the names is the check's, or its beginning with `*`."""
    return any(
        name == check or (name.endswith("*") and check.startswith(name[:-1]))
        for name in names
    )


def some(names: Sequence[str]) -> str:
    """Return the first names of many, and how many more there are."""
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return f"{', '.join(names[:MANY])}{more}"
