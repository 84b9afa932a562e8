"""The closing section of an acceptance, as lines of text. Pure."""

from __future__ import annotations

from pytest_oneroof.evidence.conclusion import Conclusion
from pytest_oneroof.evidence.tally import Tally
from pytest_oneroof.production.acceptance import AcceptanceExit
from pytest_oneroof.report import terminal
from pytest_oneroof.report.terminal import suite_lines


def acceptance_lines(
    tally: Tally,
    conclusion: Conclusion,
    end: AcceptanceExit | None,
    *,
    suite_of: object,
    short: bool,
) -> list[str]:
    """Return the section's lines: suites, channel, state, drift, verdict."""
    suites = suite_lines(tally, suite_of)
    verdict = verdict_line(conclusion, end)
    verdict = f"verdict    {verdict}" if conclusion.word else verdict
    if short:
        return [" · ".join(" ".join(line.split()) for line in suites), verdict]
    if end is None:
        return [*suites, verdict]
    return [*suites, channel_line(tally, end), *state_lines(end), verdict]


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
    if end.phase:
        lines.append(f"phase      {end.phase}")
    return lines


def verdict_line(conclusion: Conclusion, end: AcceptanceExit | None) -> str:
    """Return the verdict of the acceptance, and that of the release beside it.

    A green acceptance says that production was read and not touched; whether the
    release may run is the gate's to say.
    """
    told = terminal.verdict_line(conclusion, "acceptance")
    if end is None or not conclusion.word:
        return told
    if end.not_shown:
        told += f" ({'; '.join(end.not_shown)})"
    if end.gate:
        release = "gate READY" if end.gate == "READY" else f"NO-GO ({end.blockers})"
        told += f"; release {release}"
    return told
