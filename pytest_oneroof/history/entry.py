"""One run as a line of its target's history: its verdict and figures. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

RUN, ACCEPTED = "run", "accepted"
REASONS = 20
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")

Document = Mapping[str, Any]


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
