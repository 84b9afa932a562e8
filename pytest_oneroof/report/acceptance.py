"""The details that `-v` adds to an acceptance's closing section. Pure."""

from __future__ import annotations

from pytest_oneroof.evidence.tally import Tally
from pytest_oneroof.production.acceptance import AcceptanceExit
from pytest_oneroof.report.terminal import suite_lines


def detail_lines(
    tally: Tally, end: AcceptanceExit | None, *, suite_of: object
) -> list[str]:
    """Return suites, channel, state, drift, phase and gate."""
    suites = suite_lines(tally, suite_of)
    if end is None:
        return suites
    return [*suites, channel_line(tally, end), *state_lines(end)]


def channel_line(tally: Tally, end: AcceptanceExit) -> str:
    """Return how many checks read, and that none of them was given an id."""
    clean = tally.verdicts()["clean"]
    proofs = len(tally.proofs)
    ids = sum(proof.ids for proof in tally.proofs)
    given = f"{ids} transaction ids assigned" if ids else "no transaction id assigned"
    return (
        f"channel    {clean} of {proofs} checks read in READ ONLY to their end; {given}"
    )


def state_lines(end: AcceptanceExit) -> list[str]:
    """Return whether exit equals entry, what drifted by itself, phase and gate."""
    lines = [
        f"unproved   {line}" for text in end.unproved for line in text.splitlines()
    ]
    if end.differences:
        for name, (before, now) in end.differences.items():
            if not name.startswith("schema "):
                lines.append(f"state      {name} was {before} at entry, is {now}")
        for text in end.schema:
            lines += [f"state      schema {line}" for line in text.splitlines()]
    elif end.objects:
        figures = f"{end.metrics} figures, " if end.metrics else ""
        lines.append(f"state      entry = exit ({figures}{end.objects} schema objects)")
    lines += [
        f"drift      {name} {before} → {now} ({now - before:+}"
        f"{'' if exact else ', estimated'})"
        for name, (before, now, exact) in end.drift.items()
        if before != now
    ]
    lines += [f"unchecked  {text}" for text in end.not_shown]
    if end.phase:
        lines.append(f"phase      {end.phase}")
    if end.gate:
        blockers = f" ({end.blockers})" if end.blockers else ""
        lines.append(f"gate       {end.gate}{blockers}")
    return lines
