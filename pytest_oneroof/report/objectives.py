"""The verdict's objectives by their codes, as lines for `-v`. Pure."""

from __future__ import annotations

from pytest_oneroof.evidence.conclusion import NO_GO, named
from pytest_oneroof.evidence.verdict import NOT_CHECKED, Row, Verdict

WIDTH = 160


def objective_lines(verdict: Verdict) -> list[str]:
    """Return one line with all that is well or not checked, one for each that is not.

    A forbidden action that the run shows to have been done has a line of its own.
    Where no objective is declared there is none of the first.
    """
    words: dict[str, list[str]] = {}
    for row in verdict.objectives:
        if row.status != NO_GO:
            words.setdefault(row.status, []).append(row.code)
    # What is not checked stands last.
    unseen = {NOT_CHECKED: words.pop(NOT_CHECKED, [])}
    told = [f"{w} {', '.join(c)}" for w, c in (words | unseen).items() if c]
    head = f"objectives {'; '.join(told) or 'none'}"
    lines = [head] if verdict.objectives else []
    ways = _ways([row for row in verdict.objectives if row.status == NOT_CHECKED])
    rest = [_line(row) for row in verdict.objectives if row.status == NO_GO]
    if cells := verdict.open_cells:
        rest.append(f"open       {len(cells)} cells: {named(cells)}")
    broken = [action for action in verdict.compliance if action.state == "broken"]
    rest += [f"forbidden  {a.action}: {a.reason}" for a in broken]
    return [*lines, *ways, *(_shortened(line) for line in rest)]


def _ways(rows: list[Row]) -> list[str]:
    """Return by which options a run would show what this one did not."""
    ways: dict[str, list[str]] = {}
    for row in rows:
        by = dict.fromkeys(e.by for e in row.evidence if e.holds is None and e.by)
        if by:
            ways.setdefault(", ".join(by), []).append(row.code)
    told = "; ".join(f"{', '.join(codes)} by {by}" for by, codes in ways.items())
    return [f"unchecked  {told}"] if told else []


def _line(row: Row) -> str:
    named = f"{row.code} ({row.title})" if len(row.code) == 1 else row.code
    return f"objective  {row.status} {named}: {row.reason}"


def _shortened(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
