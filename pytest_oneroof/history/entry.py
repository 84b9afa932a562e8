"""One run as a line of its target's history: its verdict and figures. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

RUN, ACCEPTED = "run", "accepted"
REASONS = 20
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")

Document = Mapping[str, Any]
Kinds = Mapping[str, type | tuple[type, ...]]

# What a line of each kind has to hold: by hand, as a history may have any length.
_ORIGIN: Kinds = {
    **dict.fromkeys(("commit", "branch", "base", "by", "pipeline"), str),
    "changed": (bool, type(None)),
    "meta": dict,
}
_RUN: Kinds = {
    **dict.fromkeys(("at", "target", "database", "schema"), str),
    **dict.fromkeys(("origin", "checks", "objectives", "figures", "organic"), dict),
    **dict.fromkeys(("reasons", "suites"), list),
    "seconds": (int, float),
    "gate": (str, type(None)),
    "verdict": str,
}
_ACCEPTED: Kinds = {"run": int, "at": str, "by": str, "reason": str}
_VALUES: Kinds = {"checks": list, "objectives": str, "figures": int, "organic": int}


def target_name(*parts: str) -> str:
    """Return the name of a target's history: a file's name on any system."""
    return "-".join(p for part in parts if (p := _UNSAFE.sub("_", part).strip("._-")))


def entry_of(told: Document, *, at: str, schema: str) -> dict[str, Any]:
    """Return what a history keeps of a run's document.

    `at` is when it ended; `schema` is the fingerprint of its target at exit.
    """
    verdict = told["verdict"]
    state = _main_state(told)
    metrics = state["metrics"] if state else []
    return {
        "kind": RUN,
        "at": at,
        "target": verdict["target"],
        "database": state["database"] if state else "",
        "verdict": verdict["status"],
        "reasons": verdict["reasons"][:REASONS],
        "seconds": told["seconds"],
        "origin": told["origin"],
        "suites": [suite["name"] for suite in told["suites"]],
        "checks": _by_outcome(told["suites"]),
        "objectives": {row["name"]: row["status"] for row in told["objectives"]},
        "gate": told["gate"]["status"] if told["gate"] else None,
        "figures": _values(m for m in metrics if not m["organic"]),
        "organic": _values(m for m in metrics if m["organic"]),
        "schema": schema,
    }


def shape_error(entry: Mapping[str, Any]) -> str:
    """Return why an entry is neither a run nor an acceptance, '' if it is one."""
    if entry.get("kind") == ACCEPTED:
        return _wrong(entry, _ACCEPTED)
    if entry.get("kind") != RUN:
        return f"it is of kind {entry.get('kind')!r}"
    if told := _wrong(entry, _RUN) or _wrong(entry["origin"], _ORIGIN):
        return told
    if entry["verdict"] not in ("GO", "NO-GO"):
        return f"its verdict is {entry['verdict']!r}"
    for name, kind in _VALUES.items():
        if told := _wrong(entry[name], dict.fromkeys(entry[name], kind)):
            return f"{name}: {told}"
    names = [name for found in entry["checks"].values() for name in found]
    return "" if all(isinstance(name, str) for name in names) else "checks: no names"


def _wrong(values: Mapping[str, Any], kinds: Kinds) -> str:
    for name, kind in kinds.items():
        if not isinstance(values.get(name), kind):
            return f"{name} is missing, or of another type"
    return ""


def _main_state(told: Document) -> Document | None:
    """Return the first state of the run's own target."""
    of_target = [s for s in told["states"] if s["where"] == told["verdict"]["target"]]
    return of_target[0] if of_target else None


def _values(metrics: Iterable[Document]) -> dict[str, int]:
    return {m["name"]: m["exit"] for m in metrics if m["exit"] is not None}


def _by_outcome(suites: Iterable[Document]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for suite in suites:
        for check in suite["checks"]:
            found.setdefault(check["outcome"], []).append(check["nodeid"])
    return {outcome: sorted(nodeids) for outcome, nodeids in found.items()}
