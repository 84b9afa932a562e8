"""The steps of a rollout as tiers on one time line, from the log that it wrote. Pure.

A log is what `release.executor` keeps on the disk, or an outcome's plain values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_oneroof.evidence.facts import CLONE, Tier

READING = "AccessShareLock"


def tiers_of(log: Mapping[str, Any], *, where: str = CLONE) -> tuple[Tier, ...]:
    """Return the steps of a log in their order; the one that stopped comes last.

    A log has no moments: each step begins where the one before it ended. Raise
    KeyError, TypeError or ValueError for what is no log.
    """
    tiers: list[Tier] = []
    start = 0.0
    for step in log["steps"]:
        seconds = float(step["seconds"])
        locks = [(str(r), str(m)) for r, modes in step["locks"].items() for m in modes]
        tiers.append(
            Tier(
                tier=str(step["step"]),
                title=str(step["name"]),
                file=str(step["file"]),
                status="passed",
                start=round(start, 4),
                seconds=seconds,
                locks=tuple(lock for lock in locks if lock[1] != READING),
                reads=sum(set(modes) == {READING} for modes in step["locks"].values()),
                rows=tuple(_moved(name, n) for name, n in step["rows"].items()),
                says="; ".join(step["notices"]),
                where=where,
            )
        )
        start += seconds
    if log.get("stopped"):
        at = log.get("stopped_at") or {}
        tiers.append(
            Tier(
                tier=str(at.get("step", "?")),
                title=str(at.get("name", "stopped")),
                file=str(at.get("file", "")),
                status="failed",
                start=round(start, 4),
                seconds=0.0,
                says=str(log["stopped"]),
                where=where,
            )
        )
    return tuple(tiers)


def _moved(table: str, counts: Any) -> tuple[str, int, int, int]:
    added, changed, removed = counts
    return table, int(added), int(changed), int(removed)
