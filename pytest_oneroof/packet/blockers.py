"""The blocker map: what stands before production, what would close it, who can. Pure.

A blocker is closed by evidence that somebody else gave, never by the tool; one
that nobody closed is open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pytest_oneroof.answer import DONE, FAILED, Answer
from pytest_oneroof.pack import Pack
from pytest_oneroof.packet.decision import Refusal, ladder

CLOSED = "CLOSED"
STATUSES = ("OPEN", "OPEN_DESIGN_DELIVERED", "OPEN_PARTIALLY_DISCHARGED", CLOSED)
TEXTS = (
    "id",
    "item",
    "category",
    "actor_needed",
    "next_action",
    "closes_when",
    "what_was_tried",
    "why_not_self_resolvable",
)


def show_blockers(records: Sequence[Mapping[str, Any]]) -> Answer:
    """Return the map, open ones first; status 1 where a record cannot be trusted."""
    given = list(records)
    findings = check_blockers(given)
    if findings:
        head = f"the blocker map is refused: {len(findings)} finding(s)"
        refused = {"findings": [asdict(finding) for finding in findings]}
        return Answer(FAILED, refused, (head, *(f"  {f}" for f in findings)))
    still = open_blockers(given)
    lines = [f"{len(still)} of {len(given)} blockers are open"]
    for record in sorted(given, key=lambda r: r["status"] == CLOSED):
        lines += [
            "",
            f"{record['id']} {record['status']}",
            f"  {record['item']}",
            f"  closes when: {record['closes_when']}",
            f"  who: {record['actor_needed']} · next: {record['next_action']}",
            f"  blocks: {', '.join(record['blocks'])}",
        ]
    data = {"open": still, "blockers": given, "findings": []}
    return Answer(DONE, data, tuple(lines))


def read_blockers(pack: Pack) -> list[Mapping[str, Any]]:
    """Return the records of a pack; none where it keeps none."""
    name = pack.decision.blockers
    if name is None:
        return []
    read: list[Mapping[str, Any]] = pack.read_json(name)["blockers"]
    return read


def open_blockers(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the blockers that are not closed."""
    return [record["id"] for record in records if record["status"] != CLOSED]


def check_blockers(records: Sequence[Mapping[str, Any]]) -> tuple[Refusal, ...]:
    """Return what is wrong with a map's records; none if they can be trusted."""
    found = [refusal for record in records for refusal in _record(record)]
    names = [str(record.get("id")) for record in records]
    twice = sorted({name for name in names if names.count(name) > 1})
    found += [Refusal("DUPLICATE_BLOCKER", name) for name in twice]
    return tuple(found)


def _record(record: Mapping[str, Any]) -> Iterator[Refusal]:
    name = str(record.get("id"))
    for key in TEXTS:
        if not str(record.get(key) or "").strip():
            yield Refusal("MALFORMED_BLOCKER", f"{name}: {key} is missing")
    if not record.get("blocks"):
        yield Refusal("MALFORMED_BLOCKER", f"{name}: it blocks nothing")
    if record.get("status") not in STATUSES:
        yield Refusal("MALFORMED_BLOCKER", f"{name}: status {record.get('status')!r}")
    evidence = record.get("evidence")
    if record.get("status") != CLOSED:
        return
    if not isinstance(evidence, Mapping) or not re.fullmatch(
        r"[0-9a-f]{64}", str(evidence.get("sha256"))
    ):
        yield Refusal("CLOSED_WITHOUT_EVIDENCE", f"{name}: no evidence with its sha256")
        return
    closer = str(evidence.get("closed_by", "")).strip().casefold()
    if closer in ladder()["no_signature"] or closer in ladder()["no_signer"]:
        yield Refusal("CLOSED_BY_TOOL", f"{name}: nobody outside of the tool closed it")
