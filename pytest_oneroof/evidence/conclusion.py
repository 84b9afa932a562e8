"""The verdict of a run as a whole, from its counted items and other findings. Pure.

No check, no verdict: where nothing was called and nothing failed there is no word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_oneroof.evidence.counting import (
    FAILED,
    NOT_COUNTED,
    NOT_RUN,
    PASSED,
    UNCHECKED,
    Evidence,
    count,
    was_called,
)

GO, NO_GO, NO_VERDICT = "GO", "NO-GO", ""
NOTHING = "nothing was checked"
NAMED = 6
OK, TESTS_FAILED, NOTHING_RAN = 0, 1, 5
# What is said against GO of one item in such a state, and of several.
DOES = {
    FAILED: ("failed", "failed"),
    NOT_RUN: ("did not run", "did not run"),
    NOT_COUNTED: ("does not count", "do not count"),
}


@dataclass(frozen=True)
class Conclusion:
    """The word (GO, NO-GO, or none), and the reasons against GO.

    `unchecked` maps what was skipped, or failed as expected, to why: it speaks
    neither for GO nor against it. `uncovered` is what no proof of the run covers.
    """

    word: str
    reasons: tuple[str, ...] = ()
    unchecked: Mapping[str, str] = field(default_factory=dict)
    uncovered: tuple[str, ...] = ()

    @property
    def limits(self) -> str:
        """What the word does not cover, to stand behind it; '' for nothing."""
        return f"; not covered: {', '.join(self.uncovered)}" if self.uncovered else ""


def conclude(
    items: Mapping[str, Evidence], against: Iterable[str] = (), status: int = OK
) -> Conclusion:
    """Return what a run's evidence comes to.

    `against` are findings against the run that no item tells; `status` is pytest's
    exit status, which is a reason where nothing else explains it.
    """
    reasons = [
        *item_reasons(items, FAILED),
        *against,
        *item_reasons(items, NOT_RUN, NOT_COUNTED),
    ]
    counted = {nodeid: count(evidence) for nodeid, evidence in items.items()}
    unchecked = {n: one.why for n, one in counted.items() if one.state in UNCHECKED}
    if not any(shows(evidence) for evidence in items.values()):
        return Conclusion(NO_VERDICT, (NOTHING, *reasons), unchecked)
    if status != OK and not reasons:
        reasons.append(f"pytest ended with {status}")
    return Conclusion(NO_GO if reasons else GO, tuple(reasons), unchecked)


def shows(evidence: Evidence) -> bool:
    """Tell whether an item shows anything: it failed, or its own code ran.

    What was skipped, or failed as expected, shows nothing.
    """
    state = count(evidence).state
    if state == NOT_COUNTED:
        return was_called(evidence)
    return state in (PASSED, FAILED)


def item_reasons(items: Mapping[str, Evidence], *states: str) -> list[str]:
    """Return what the items of those states say against GO, one reason for each why."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for nodeid, evidence in items.items():
        one = count(evidence)
        if one.state in states:
            kinds.setdefault((one.state, one.why), []).append(nodeid)
    return [_reason(*kind, nodeids) for kind, nodeids in kinds.items()]


def exit_status(word: str, status: int) -> int:
    """Return pytest's exit status: never 0 without GO."""
    if status != OK or word == GO:
        return status
    return TESTS_FAILED if word == NO_GO else NOTHING_RAN


def named(names: Sequence[str], most: int = NAMED) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _reason(state: str, why: str, nodeids: Sequence[str]) -> str:
    one, many = DOES[state]
    if len(nodeids) == 1:
        return f"{nodeids[0]} {one}" + (f": {why}" if why else "")
    told = f"{len(nodeids)} checks {many}" + (f": {why}" if why else "")
    return f"{told} ({named(nodeids)})"
