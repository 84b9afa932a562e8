"""What a run's document and its closing section tell of the runs before it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pytest_oneroof.history.chain import HASH
from pytest_oneroof.history.compare import (
    FAILING,
    FIGURE,
    FIXED,
    Change,
    changes,
    last_accepted,
    last_run,
)
from pytest_oneroof.history.series import flaky, recent_runs, series_of

TOLD = 3
Entry = Mapping[str, Any]


def since(target: str, entries: Sequence[Entry], now: Entry) -> dict[str, Any]:
    """Return what the history has to say of a run that is not yet in it."""
    numbered = {**now, "number": (entries[-1]["number"] if entries else 0) + 1}
    runs = recent_runs([*entries, numbered])
    origin = now["origin"]
    before = last_run(entries, origin["base"] or origin["branch"])
    return {
        "target": target,
        "number": numbered["number"],
        "previous": _short(before),
        "accepted": _short(last_accepted(entries)),
        "changes": [asdict(c) for c in changes(before, now)] if before else [],
        "flaky": flaky(runs),
        "series": series_of(runs),
        "runs": [_line(run) for run in runs],
    }


def change_texts(told: Mapping[str, Any]) -> list[str]:
    """Return each change of a document's history in words."""
    return [str(Change(**change)) for change in told["changes"]]


def since_line(told: Mapping[str, Any]) -> str:
    """Return in one line what changed since the last run."""
    before = told["previous"]
    if before is None:
        return f"history: the first run of {told['target']}"
    branch = f" of {before['branch']}" if before["branch"] else ""
    head = f"since run {before['number']}{branch} ({before['at'][:10]})"
    found = [Change(**change) for change in told["changes"]]
    parts = _in_short(found)
    if told["flaky"]:
        parts.append(_flaky(told["flaky"]))
    return f"{head}: {'; '.join(parts) or 'nothing changed'}"


def _in_short(found: Sequence[Change]) -> list[str]:
    """Return changes in words, many of one kind as their number."""
    parts: list[str] = []
    for kind in dict.fromkeys(change.kind for change in found):
        these = [change for change in found if change.kind == kind]
        if len(these) <= TOLD and kind not in (FAILING, FIXED):
            parts += map(str, these)
        elif len(these) == 1:
            parts.append(str(these[0]))
        else:
            parts.append(f"{len(these)} {_MANY.get(kind, f'{kind}s changed')}")
    return parts


_MANY = {
    FAILING: "checks now failing",
    FIXED: "checks no longer failing",
    FIGURE: "figures moved",
}


def _short(entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    kept = {key: entry[key] for key in ("number", "at", "verdict", HASH)}
    origin = entry["origin"]
    return {**kept, "commit": origin["commit"], "branch": origin["branch"]}


def _line(run: Entry) -> dict[str, Any]:
    kept = {key: run[key] for key in ("number", "verdict", "at", "seconds")}
    passed = len(run["checks"].get("passed", ()))
    total = sum(map(len, run["checks"].values()))
    return {**kept, "passed": passed, "total": total}


def _flaky(found: Sequence[Mapping[str, Any]]) -> str:
    first, *others = (one["check"] for one in found)
    return f"flaky: {first}" + (f" and {len(others)} more" if others else "")
