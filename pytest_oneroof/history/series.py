"""What a history shows over time: figures as a line, checks that are flaky. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from pytest_oneroof.evidence.counting import FAILED, PASSED
from pytest_oneroof.history.compare import outcomes
from pytest_oneroof.history.entry import RUN

SHOWN = 30
_BLOCKS = "▁▂▃▄▅▆▇█"

Entry = Mapping[str, Any]


def recent_runs(entries: Sequence[Entry]) -> list[Entry]:
    """Return the last runs of a history, as many as are shown."""
    return [entry for entry in entries if entry["kind"] == RUN][-SHOWN:]


def series_of(runs: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return each figure that moved in these runs, those that may move first."""
    found = []
    for kind in ("organic", "figures"):
        names = dict.fromkeys(name for run in runs for name in run[kind])
        for name in names:
            values = [run[kind].get(name) for run in runs]
            if len({value for value in values if value is not None}) > 1:
                organic = kind == "organic"
                found.append({"name": name, "organic": organic, "values": values})
    return found


def flaky(runs: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the checks that passed and failed without a reason in the code.

    A check has to change and come back where the code is one commit, or not known;
    and once more where each run had other code, which may explain it.
    """
    told = [(run, outcomes(run)) for run in runs]
    names = dict.fromkeys(n for run in runs for n in run["checks"].get(FAILED, ()))
    found = []
    for name in names:
        seen = [(run, o[name]) for run, o in told if o.get(name) in (PASSED, FAILED)]
        changed = [(a, b) for a, b in pairwise(seen) if a[1] != b[1]]
        weight = sum(_weight(a[0], b[0]) for a, b in changed)
        if weight >= _ENOUGH:
            failed = sum(outcome == FAILED for _, outcome in seen)
            found.append({"check": name, "failed": failed, "runs": len(seen)})
    return found


def sparkline(values: Sequence[int | None]) -> str:
    """Return figures as a line of blocks, the lowest to the highest."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    return "".join(
        " "
        if value is None
        else _BLOCKS[(value - low) * (len(_BLOCKS) - 1) // span if span else 0]
        for value in values
    )


_ENOUGH = 6


def _weight(before: Entry, now: Entry) -> int:
    """Return how much a change of outcome says against the check itself."""
    one, other = before["origin"], now["origin"]
    if not one["commit"] or not other["commit"]:
        return 3
    edited = one["changed"] or other["changed"]
    return 2 if edited or one["commit"] != other["commit"] else 3
