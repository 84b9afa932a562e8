"""The report as one self-contained HTML file, made of its document alone. Pure.

No network: style, data and a small script are inside, and the policy admits nothing
else. All can be read without the script, and what folds does so by itself.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2

from pytest_oneroof.evidence.exercised import exercised_line
from pytest_oneroof.history.since import change_texts
from pytest_oneroof.report.markdown import BAD

TEMPLATES = Path(__file__).parent / "templates"
HUES = 8
LIMIT = 400
# Bytes for what failures tell, and again for what checks unfold: the page stays
# below two megabytes whatever a run has sent and printed.
ROOM, MARKUP = 600_000, 60
SHORT = 12
# The three words that an objective comes to; its own word stands beside.
STATES = {"HELD": "GO", "RETAINED": "GO", "CLOSED": "NO-GO", "REJECTED": "NO-GO"}
_READABLE = str.maketrans({"T": " ", "Z": " UTC"})

Document = Mapping[str, Any]


def html(told: Document) -> str:
    """Return the whole page."""
    page = _environment().get_template("report.html.j2")
    bad, rows = failures(told["suites"]), _in_rows(told["suites"])
    detailed = frozenset(within(rows, ROOM))
    return page.render(
        told=told,
        groups=list(groups(told["ownership"])) if told["ownership"] else [],
        hues=hues(told["ownership"]),
        short=short_names(told["ownership"]),
        facts=hero_facts(told),
        failures=bad,
        told_failures=within(bad[:LIMIT], ROOM),
        detailed=detailed,
        cut=len(detailed) < len(rows),
        states=STATES,
        ordered=ordered(told["suites"]),
        exercised=exercised_line(told["exercised"]),
        bars=bars(told["suites"]),
        slowest=bars(told["slowest"]),
        spans=spans(told["tiers"]),
        changed=change_texts(told["history"]) if told["history"] else [],
        spark=spark,
        limit=LIMIT,
        script=_script(),
        script_hash=_policy_of(_script()),
    )


def hero_facts(told: Document) -> list[tuple[str, str]]:
    """Return what a reader has to know first of a run: of what, when, whose code."""
    run = {line["name"]: line["value"] for line in told["run"]}
    origin, target = told["origin"], told["verdict"]["target"]
    databases = [s["database"] for s in told["states"] if s["where"] == target]
    edited = " (edited since)" if origin["changed"] else ""
    code = [origin["branch"], f"{origin['commit'][:SHORT]}{edited}"]
    found = {
        "Database": _first_of(databases) or run.get(target, ""),
        "PostgreSQL": run.get("PostgreSQL", ""),
        "Begun": run.get("begun", "").translate(_READABLE),
        "Code": " at ".join(part for part in code if part),
        "By": origin["by"],
        "Pipeline": origin["pipeline"],
        **origin["meta"],
    }
    return [(name, value) for name, value in found.items() if value]


def _first_of(databases: Sequence[str]) -> str:
    """Return a run's database, and how many copies of it its workers had."""
    first, *copies = databases or [""]
    many = "copies" if len(copies) > 1 else "copy"
    return f"{first} and {len(copies)} {many}" if copies else first


def groups(ownership: Document) -> Iterator[tuple[str, list[Document]]]:
    """Yield each group with its rows, in the document's order."""
    for name, rows in groupby(ownership["grid"], key=lambda row: str(row["group"])):
        yield name, list(rows)


def hues(ownership: Document | None) -> dict[str, int]:
    """Return the number of each owner's colour, the same however much it owns.

    Owners beyond the last colour share it; their code is in each cell.
    """
    codes = sorted(o["owner"] for o in ownership["owners"]) if ownership else []
    return {code: min(n, HUES - 1) for n, code in enumerate(codes)}


def short_names(ownership: Document | None) -> dict[str, str]:
    """Return each owner's code without what all of them begin with, up to a hyphen."""
    codes = [owner["owner"] for owner in ownership["owners"]] if ownership else []
    heads = {code.partition("-")[0] for code in codes}
    common = len(heads) == 1 and all("-" in code for code in codes)
    return {code: code.partition("-")[2] if common else code for code in codes}


def failures(suites: Sequence[Document]) -> list[Document]:
    """Return the checks that speak against the run."""
    return [c for suite in suites for c in suite["checks"] if c["outcome"] in BAD]


def within(checks: Iterable[Document], room: int) -> list[str]:
    """Return the node ids of the first checks whose texts have room in the page.

    The first always has: its texts are shortened where they are made.
    """
    found: list[str] = []
    for check in checks:
        texts = [check["message"], check["output"], *check["statements"]]
        texts += [text for figure in check["figures"] for text in figure.values()]
        # As it is in the page: a sign may be written as five.
        room -= sum(len(escape(str(text)).encode()) + MARKUP for text in texts)
        if room < 0 and found:
            break
        found.append(check["nodeid"])
    return found


def _in_rows(suites: Sequence[Document]) -> list[Document]:
    """Return the checks that have a row, the bad ones first."""
    rows = [c for _, checks, _ in ordered(suites) for c in checks[:LIMIT]]
    return sorted(rows, key=lambda check: check["outcome"] not in BAD)


def ordered(suites: Sequence[Document]) -> list[tuple[Document, list[Document], str]]:
    """Return each suite with its checks, the bad ones first, and with its outcome."""
    found = []
    for suite in suites:
        checks = sorted(suite["checks"], key=lambda c: c["outcome"] not in BAD)
        whole = suite["passed"] == suite["total"]
        bad = bool(checks) and checks[0]["outcome"] in BAD
        found.append(
            (suite, checks, "passed" if whole else "failed" if bad else "skipped")
        )
    return found


def bars(entries: Sequence[Document]) -> list[tuple[Document, float]]:
    """Return entries with the length of their bar in percent of the longest."""
    longest = max((entry["seconds"] for entry in entries), default=0)
    return [
        (entry, 100 * entry["seconds"] / longest if longest else 0) for entry in entries
    ]


def spans(tiers: Sequence[Document]) -> list[tuple[Document, float, float]]:
    """Return tiers with begin and length on a common line, in percent."""
    end = max((tier["start"] + tier["seconds"] for tier in tiers), default=0)
    scale = 100 / end if end else 0
    return [(tier, tier["start"] * scale, tier["seconds"] * scale) for tier in tiers]


def spark(values: Sequence[int | None], width: int, height: int) -> str:
    """Return the points of a figure over time, within a box; gaps are left out."""
    known = [value for value in values if value is not None]
    low, span = min(known), (max(known) - min(known)) or 1
    step = width / max(len(values) - 1, 1)
    return " ".join(
        f"{n * step:.1f},{height - (value - low) * height / span:.1f}"
        for n, value in enumerate(values)
        if value is not None
    )


@functools.cache
def _script() -> str:
    """Return the page's script, which filters the checks and moves by keyboard."""
    return (TEMPLATES / "report.js").read_text(encoding="utf-8")


def _policy_of(script: str) -> str:
    """Return what the page's policy has to name for this script alone to run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
