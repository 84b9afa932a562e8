"""Steps as lines for a person: one line each; the whole is in the step log. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pytest_oneroof.release.steps import StepRun

# Table-level lock modes, weakest first (manual, 13.3.1).
LOCK_MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
WORDS_SHOWN = 80
NONE = "-"
_LINE = "{:>3} {:<15} {:>10}  {:<8} {:<24} {}"


def told_runs(runs: Iterable[StepRun]) -> list[str]:
    """Return a heading, and a line for each step: time, rows, lock, its figures.

    Rows are summed over tables; the lock is the strongest on what was there before
    the step, with the number of relations. Nothing for no step.
    """
    lines = [
        _LINE.format(
            run.step,
            run.name,
            f"{run.seconds * 1000:,.0f} ms",
            rows_of(run.rows),
            strongest(run),
            _said(run),
        )
        for run in runs
    ]
    head = _LINE.format("", "step", "time", "rows", "strongest lock", "figures")
    return [head, *lines] if lines else []


def rows_of(rows: Mapping[str, tuple[int, int, int]]) -> str:
    """Return how many rows were added, changed and removed, as in '+15 ~1'."""
    sums = (sum(counts[n] for counts in rows.values()) for n in range(3))
    told = [f"{sign}{count}" for sign, count in zip("+~-", sums, strict=True) if count]
    return " ".join(told) or NONE


def strongest(run: StepRun) -> str:
    """Name the strongest lock, and how many relations it was held on.

    That is what others wait for: what the step itself created does not count. A
    mode that is not known counts as strongest.
    """
    locks = [modes for name, modes in run.locks.items() if name not in run.created]
    held = {mode for modes in locks for mode in modes}
    if not held:
        return NONE
    mode = max(held, key=_strength)
    return f"{mode.removesuffix('Lock')} on {sum(mode in modes for modes in locks)}"


def _strength(mode: str) -> int:
    return LOCK_MODES.index(mode) if mode in LOCK_MODES else len(LOCK_MODES)


def _said(run: StepRun) -> str:
    """Return what the plan promises, then what else it said, as far as it fits."""
    rest = [notice for notice in run.notices if notice != run.says]
    told = "; ".join([run.says, *rest] if run.says in run.notices else rest)
    return told if len(told) <= WORDS_SHOWN else f"{told[: WORDS_SHOWN - 1]}…"
