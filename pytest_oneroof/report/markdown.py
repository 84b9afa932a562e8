"""The verdict as Markdown, for a comment on a merge request. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_oneroof.evidence.exercised import exercised_line
from pytest_oneroof.evidence.facts import UNCOVERED
from pytest_oneroof.history.since import since_line

MOST = 60
SHOWN, SOME = 8, 4
CELLS = 20
BEYOND = "What had no room here stands in report.html."
LENGTH = 300
SIGNS = {
    "GO": "🟢",
    "RETAINED": "🟢",
    "HELD": "🟡",
    "CLOSED": "🔒",
    "NO-GO": "🔴",
    "not checked": "⚪",
    "REJECTED": "⛔",
}

# Outcomes that speak against the run; they are told before anything else.
BAD = ("failed", "not run", "not counted")

_PLAIN = str.maketrans({sign: f"&#{ord(sign)};" for sign in "&\\`*_[]<>|#~@"})

Document = Mapping[str, Any]


def markdown(told: Document) -> str:
    """Return the verdict's Markdown, made of its document alone; failures first.

    It has fewer than MOST lines: what does not fit stands in report.html.
    """
    first = [_headline(told), "", *_reasons(told), *_failed(told["suites"])]
    last = [f"<sub>{plain(line)}</sub>" for line in _provenance(told["run"])]
    parts = [
        _states(told["states"]),
        _open(told["ownership"]),
        _history(told["history"]),
        _some(n for n in told["notes"] if n.startswith(UNCOVERED)),
        _broken(told["compliance"]),
        _counts(told["summary"]),
        _exercised(told["exercised"]),
        _objectives(told["objectives"]),
        *(_folded(s["title"], _section(s)) for s in told["sections"]),
        *(_folded(m["title"], _rows(m["rows"], "Target")) for m in told["matrices"]),
        _folded("Forbidden actions", _actions(told["compliance"])),
    ]
    return "\n".join([*_fitting(first, parts, MOST - len(last) - 1), *last]) + "\n"


def _fitting(
    first: Sequence[str], parts: Iterable[Sequence[str]], most: int
) -> list[str]:
    """Return the first lines, and each part that has room; the last tells of others."""
    lines, beyond, more = list(first), False, [BEYOND, ""]
    for part in parts:
        if len(lines) + len(part) <= most - len(more):
            lines += part
        else:
            beyond = True
    return [*lines, *(more if beyond else [])]


def _headline(told: Document) -> str:
    """Return the verdict in one line, with how many checks passed."""
    verdict, summary = told["verdict"], told["summary"]
    sign = SIGNS[verdict["status"]]
    ran = f"{summary['passed']} of {summary['checks']} checks passed"
    return f"## {sign} {verdict['status']} ({verdict['target']}): {ran}"


def _reasons(told: Document) -> list[str]:
    return _some(told["verdict"]["reasons"])


def _some(texts: Iterable[str]) -> list[str]:
    """Return the first of these texts as a list, and whether there are more."""
    lines = [f"- {plain(text)}" for text in texts]
    more = ["- and more, in report.html"] if len(lines) > SOME else []
    return [*lines[:SOME], *more, ""] if lines else []


def _counts(summary: Document) -> list[str]:
    return [
        f"{summary['failed']} failed, {summary['not_run']} not run or not counted, "
        f"{summary['not_checked']} skipped; "
        f"{summary['clean']} of {summary['proved']} proved clean, "
        f"{summary['ids']} transaction ids examined, "
        f"{summary['committed']} committed.",
        "",
    ]


def _broken(actions: Sequence[Document]) -> list[str]:
    """Return the forbidden actions that were done, each in a line."""
    return _some(
        f"forbidden: {action['action']}: {action['reason']}"
        for action in actions
        if action["state"] == "broken"
    )


def _objectives(rows: Sequence[Document]) -> list[str]:
    return _rows(rows, "Objective") if rows else []


def plain(text: str) -> str:
    """Return a text as one line in which nothing is Markdown or HTML, shortened."""
    line = " ".join(str(text).split())
    line = line if len(line) <= LENGTH else f"{line[: LENGTH - 1]}…"
    return line.translate(_PLAIN)


def _rows(rows: Sequence[Document], head: str) -> list[str]:
    return _table(
        (head, "Status", "Why"),
        (
            (
                f"{plain(row['title'])} ({plain(row['target'])})",
                f"{SIGNS[row['status']]} **{row['status']}**",
                plain(row["reason"]),
            )
            for row in rows
        ),
    )


def _open(ownership: Document | None) -> list[str]:
    if not ownership or not ownership["open"]:
        return []
    cells = ownership["open"]
    more = f" and {len(cells) - CELLS} more" if len(cells) > CELLS else ""
    names = ", ".join(plain(cell) for cell in cells[:CELLS])
    return [
        f"**{len(cells)} of {ownership['cells']} cells are open:** {names}{more}",
        "",
    ]


def _failed(suites: Sequence[Document]) -> list[str]:
    failed = [c for s in suites for c in s["checks"] if c["outcome"] in BAD]
    if not failed:
        return []
    rows = [tuple(map(plain, _cells(check))) for check in failed]
    told = _table(("Check", "Outcome", "Claim", "Found"), rows[:SHOWN])
    beyond = len(failed) - SHOWN
    return [*told, *([f"… and {beyond} more", ""] if beyond > 0 else [])]


def _history(told: Document | None) -> list[str]:
    """Return what changed since the last run, in one line."""
    if told is None:
        return []
    line = plain(since_line(told))
    return [f"{line[:1].upper()}{line[1:]}.", ""]


def _exercised(counts: Mapping[str, int]) -> list[str]:
    line = exercised_line(counts)
    return [f"Exercised by what passed: {plain(line)}.", ""] if line else []


def _cells(check: Document) -> tuple[str, ...]:
    return check["nodeid"], check["outcome"], check["claim"], _said(check)


def _said(check: Document) -> str:
    moved = [
        f"{f['name']}: expected {f['expected']}, found {f['found']}"
        for f in check["figures"]
        if f["expected"] != f["found"]
    ]
    proof = check["proof"] or {}
    unclean = proof.get("verdict", "clean") != "clean"
    said = "; ".join(moved) or check["message"] or check["why"]
    return said or (proof["verdict"] if unclean else "")


def _states(states: Sequence[Document]) -> list[str]:
    lines = [
        f"- {plain(state['database'])}: {plain(text)}"
        for state in states
        for text in state["differences"]
    ][:SHOWN]
    return [*lines, ""] if lines else []


def _actions(actions: Sequence[Document]) -> list[str]:
    if not actions:
        return []
    return _table(
        ("Not done", "Shown", "How"),
        (
            (plain(a["action"]), f"**{a['state']}**", plain(a["reason"]))
            for a in actions
        ),
    )


def _section(section: Document) -> list[str]:
    text = [plain(section["text"]), ""] if section["text"] else []
    if not section["rows"]:
        return text
    head = section["head"] or [""] * len(section["rows"][0])
    rows = [[plain(cell) for cell in row] for row in section["rows"]]
    return [*text, *_table([plain(name) for name in head], rows)]


def _provenance(run: Sequence[Document]) -> list[str]:
    return (
        [" · ".join(f"{line['name']}: {line['value']}" for line in run)] if run else []
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    return [
        f"<details><summary>{plain(title)}</summary>",
        "",
        *lines,
        "</details>",
        "",
    ]
