"""The closing section in plain words: problems first, at most twelve lines. Pure.

Codes and details stand in verdict.json, and in what `-v` adds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_oneroof.evidence.conclusion import (
    GO,
    NO_GO,
    NOTHING,
    Conclusion,
    named,
)
from pytest_oneroof.evidence.counting import PASSED, UNCHECKED
from pytest_oneroof.evidence.exercised import count_exercised, exercised_line
from pytest_oneroof.evidence.facts import CLONE, Check, RunFacts
from pytest_oneroof.evidence.shown import said_of
from pytest_oneroof.evidence.verdict import NOT_CHECKED, Row, Verdict
from pytest_oneroof.production.acceptance import AcceptanceExit

MOST = 12
WIDTH = 160
SUITE = "--oneroof-suite "
BAD, WARN, GOOD, DIM = "bad", "warn", "good", "dim"
GENERATED = "GENERATED_SURROGATE_NOT_REAL_PRODUCTION_DUMP"
SECRETS = "CLONE_CONTAINS_SECRETS"
FIT = "fine for checks, no stand-in for production"


@dataclass(frozen=True)
class Line:
    """One line, and its tone: bad, warn, good, dim, or none."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Ending:
    """What the section is made of.

    `target` is what the run is about, in words; `against` are the findings that no
    item tells; `failures` tell why a wanted report is not there; `report` is where it
    is; `end` is an acceptance's; `history` tells what changed since the last run.
    """

    conclusion: Conclusion
    facts: RunFacts
    verdict: Verdict
    target: str
    against: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    report: str = ""
    end: AcceptanceExit | None = None
    history: tuple[str, ...] = ()


def closing(ending: Ending, *, full: bool = False) -> list[Line]:
    """Return the section: what is wrong, what ran, what is not checked, the verdict.

    At most MOST lines, and all of them if `full`.
    """
    rest = [*_done(ending), *_unchecked(ending)]
    rest += map(Line, ending.history)
    if ending.report:
        rest.append(Line(f"report: {ending.report}/report.html"))
    rest.append(verdict_line(ending.conclusion, ending.target, full=full))
    found, room = list(problems(ending)), max(MOST - len(rest), 2)
    if len(found) > room and not full:
        found = list(problems(ending, brief=True))
    if len(found) > room and not full:
        beyond = len(found) - room + 1
        where = "report.html" if ending.report else "-v"
        more = Line(f"and {beyond} more problems: {where}", BAD)
        found = [*found[: room - 1], more]
    return [*found, *rest]


def problems(ending: Ending, *, brief: bool = False) -> Iterator[Line]:
    """Yield what is wrong, each by name; `brief`, all failed checks in one line."""
    facts = ending.facts
    failed = [check for check in facts.checks if check.failed]
    if brief and len(failed) > 1:
        names = named([check.nodeid for check in failed], MOST)
        yield Line(f"failed: {len(failed)} checks: {names}", BAD)
    else:
        for check in failed:
            yield _bad(f"failed: {check.nodeid}: {check.why or said_of(check)}")
    yield from map(_bad, (f"found: {text}" for text in ending.against))
    yield from map(_bad, _uncounted(facts.checks))
    yield from (Line(text, BAD) for text in ending.failures)
    if line := _swallowed(facts.checks):
        yield line
    if cells := ending.verdict.open_cells:
        yield _bad(f"open: {len(cells)} cells without an owner: {named(cells)}")
    if ending.conclusion.word == GO:
        yield from _beside(ending.verdict)


def _beside(verdict: Verdict) -> Iterator[Line]:
    """Yield what stands against a run whose checks passed; else these tell it."""
    for row in verdict.objectives:
        if row.status == NO_GO:
            yield _bad(f"objective: {row.name}: NO-GO: {row.reason}")
    for action in verdict.compliance:
        if action.state == "broken":
            yield _bad(f"forbidden: {action.action}: {action.reason}")


def verdict_line(conclusion: Conclusion, target: str, *, full: bool = False) -> Line:
    """Return the verdict in one line; there is none where nothing was checked.

    It tells one reason against GO, and all of them if `full`.
    """
    if not conclusion.word:
        return Line(f"no verdict: {NOTHING}", WARN)
    tone = GOOD if conclusion.word == GO else BAD
    told = f"verdict: {conclusion.word} {target}"
    reasons = conclusion.reasons
    if full and reasons:
        told = f"{told}: {'; '.join(reasons)}"
    elif reasons:
        more = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
        told = f"{_short(f'{told}: {reasons[0]}')}{more}"
    return Line(told + conclusion.limits, tone)


def _done(ending: Ending) -> Iterator[Line]:
    """Yield what ran, what was left, and what the clone is."""
    facts = ending.facts
    passed = sum(check.outcome == PASSED for check in facts.checks)
    ran = f"passed: {passed} of {_count(len(facts.checks), 'check')}"
    suites = ", ".join(_suites(facts.checks))
    yield Line(f"{ran} ({suites})" if suites else ran)
    exercised = exercised_line(count_exercised(facts.checks))
    if exercised and ending.conclusion.word == GO:
        yield Line(f"exercised: {exercised}")
    if proofs := [check.proof for check in facts.checks if check.proof is not None]:
        yield _left(proofs, ending)
    if facts.controls:
        killed, equal = facts.controls["killed"], facts.controls["equivalent"]
        total = killed + facts.controls["survived"]
        more = f"; {equal} explained" if equal else ""
        yield Line(f"controls: {killed} of {_count(total, 'fault')} noticed{more}")
    yield from _production(ending)
    if facts.provenance is not None:
        yield _clone(facts.provenance)


def _left(proofs: Sequence[Any], ending: Ending) -> Line:
    put_back = Counter(left.kind for proof in proofs for left in proof.restored)
    left = [str(left) for proof in proofs for left in proof.dirty]
    told = f"{_count(len(proofs), 'check')} proved"
    if put_back:
        parts = (_count(n, kind) for kind, n in sorted(put_back.items()))
        told += f"; put back: {', '.join(parts)}"
    if left:
        return Line(f"left behind: {_short(named(left, 2))} ({told})", BAD)
    whose = {state.where for state in ending.facts.states if not state.differences}
    if whose:
        told += f"; {' and '.join(sorted(whose))} as before"
    return Line(f"left behind: nothing ({told})")


def _production(ending: Ending) -> Iterator[Line]:
    """Yield what was read of a production, and how its gate stands."""
    if ending.end is None or ending.facts.target == CLONE:
        return
    end = ending.end
    drift = [
        f"{name} {now - before:+}"
        for name, (before, now, _) in end.drift.items()
        if before != now
    ]
    told = "nothing was written to it, and it is as before"
    if end.differences or end.unproved:
        told = "read only; what changed or is not proved is named above"
    moved = f"; moved by itself: {named(drift, 3)}" if drift else ""
    yield Line(f"production: {end.database}: {told}{moved}")
    if end.gate:
        open_ = end.gate == "READY"
        told = "open" if open_ else "closed, oneroof gate tells by what"
        yield Line(f"release gate: {told}")


def _clone(told: Mapping[str, Any]) -> Line:
    """Return in plain words what the clone may stand for."""
    if "unread" in told:
        return Line(f"clone: where it comes from could not be read: {told['unread']}")
    secret = "YES" in str(told["secrets"]).partition("(")[0]
    codes = [objection["code"] for objection in told["objections"]]
    if secret or SECRETS in codes:
        return Line(
            "clone: it holds secrets; -v or oneroof provenance tells which", WARN
        )
    if GENERATED in codes:
        return Line(f"clone: made from generated data; {FIT}")
    if codes:
        return Line(_short(f"clone: {FIT}: {told['objections'][0]['found']}"))
    if not told.get("judged", True):
        return Line("clone: no secret was found in it")
    return Line("clone: a production's copy, isolated, no secret was found in it")


def _unchecked(ending: Ending) -> Iterator[Line]:
    """Yield what nothing was shown of, and the option that would show it."""
    facts = ending.facts
    skipped = [_with_why(c) for c in facts.checks if c.outcome in UNCHECKED]
    told = []
    if skipped:
        kept = f"{len(skipped)} skipped or expected to fail"
        told.append(f"{kept} ({named(skipped, 3)})")
    if facts.deselected:
        told.append(f"{len(facts.deselected)} deselected")
    if told:
        yield Line(f"{NOT_CHECKED}: {', '.join(told)}", DIM)
    rows = [r for r in ending.verdict.objectives if r.status == NOT_CHECKED]
    for option, titles in _by_option(rows).items():
        how = f" (add {option})" if option else ""
        yield Line(f"{NOT_CHECKED}: {named(titles, 3)}{how}", DIM)


def _by_option(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Return the titles of rows by what to add to the command, suites in one."""
    found: dict[str, list[str]] = {}
    suites: dict[str, None] = {}
    titles: list[str] = []
    for row in rows:
        by = dict.fromkeys(e.by for e in row.evidence if e.holds is None and e.by)
        if by and all(option.startswith(SUITE) for option in by):
            suites |= dict.fromkeys(o.removeprefix(SUITE) for o in by)
            titles.append(row.name)
        else:
            found.setdefault(" ".join(by), []).append(row.name)
    if titles:
        found[SUITE + ",".join(suites)] = titles
    return found


def _uncounted(checks: Iterable[Check]) -> Iterator[str]:
    kinds: dict[tuple[str, str], list[str]] = {}
    for check in checks:
        if check.bad and not check.failed:
            kinds.setdefault((check.outcome, check.why), []).append(check.nodeid)
    for (state, why), nodeids in kinds.items():
        if len(nodeids) == 1:
            yield f"{state}: {nodeids[0]}: {why}"
        else:
            yield f"{state}: {len(nodeids)} checks, {why}: {named(nodeids, 3)}"


def _swallowed(checks: Iterable[Check]) -> Line | None:
    """Return how many errors checks have dropped, and which checks."""
    found = {c.nodeid: c.proof.swallowed for c in checks if c.proof is not None}
    kinds = Counter(
        text.partition(" ")[0] for texts in found.values() for text in texts
    )
    if not kinds:
        return None
    told = " and ".join(
        f"{_count(n, 'statement')} {kind}" for kind, n in sorted(kinds.items())
    )
    names = named([nodeid for nodeid, texts in found.items() if texts], 3)
    return Line(f"swallowed: {told}, and the error dropped, by {names}", WARN)


def _suites(checks: Sequence[Check]) -> Iterator[str]:
    total = Counter(check.suite for check in checks)
    passed = Counter(check.suite for check in checks if check.outcome == PASSED)
    for name, count in total.items():
        yield f"{name} {passed[name]}/{count}"


def _with_why(check: Check) -> str:
    return f"{check.nodeid} ({check.why})" if check.why else check.nodeid


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s'[: number != 1]}"


def _bad(text: str) -> Line:
    return Line(_short(text), BAD)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
