"""The document of a run made again from its packet: facts read back, and judged. Pure.

What was measured is taken from the packet's own evidence: results, baselines, seals,
provenance. What only verdict.json holds (cells, gate, steps, notes, history, what a
check sent and printed) is taken from there. All that follows from them is computed
again, by the functions that made it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_oneroof.clone.residue import Proof
from pytest_oneroof.evidence.counting import PASSED, Evidence
from pytest_oneroof.evidence.facts import (
    CLONE,
    NONE,
    PRODUCTION,
    STANDIN,
    Check,
    Figure,
    Gate,
    Metric,
    RunFacts,
    Seal,
    State,
    Tier,
    Told,
)
from pytest_oneroof.evidence.heat import Cell
from pytest_oneroof.evidence.origin import Origin
from pytest_oneroof.evidence.tally import FAULTS
from pytest_oneroof.evidence.verdict import judge
from pytest_oneroof.packet.attestations import differences
from pytest_oneroof.report.document import Document, document
from pytest_oneroof.report.report import VERDICT
from pytest_oneroof.sealing.strict_json import read_json, write_json
from pytest_oneroof.section import Section

Values = Mapping[str, Any]
# What a pack asks of a run, as it was when the run was judged.
DECLARED = "declared.json"
CONTACTED = {"live": PRODUCTION, "stand-in": STANDIN, "none": NONE}
SURVIVED = "survived"


def document_again(values: Values) -> Document:
    """Return the document that a packet's evidence gives.

    Raise KeyError, TypeError or ValueError where that is not of the packet's form.
    """
    told, plan = values[VERDICT], values[DECLARED]["plan"]
    facts = facts_again(values)
    made: Document = read_json(write_json(document(facts, judge(facts, plan), plan)))
    if made["ownership"] and _cells_by_owner(made) == _cells_by_owner(told):
        # An owner's name stands there alone.
        made["ownership"]["owners"] = told["ownership"]["owners"]
    return made


def facts_again(values: Values) -> RunFacts:
    """Return the facts of a run as its packet has them."""
    run, told = values["run.json"], values[VERDICT]
    contacted = CONTACTED[run["production"]["contact"]]
    gate = told["gate"]
    return RunFacts(
        target=PRODUCTION if run["target"] == PRODUCTION else CLONE,
        production=_production(contacted, told["production"]),
        checks=tuple(_checks(values, contacted)),
        reasons=tuple(run["reasons"]),
        states=tuple(_states(values)),
        cells=tuple(_cells(told["ownership"])),
        gate=Gate(**{**gate, "status": _gate_status(gate)}) if gate else None,
        tiers=tuple(_tier(tier) for tier in told["tiers"]),
        seals=tuple(_seal(seal) for seal in values["seals.json"]["seals"]),
        run=tuple(Told(**line) for line in told["run"]),
        notes=tuple(told["notes"]),
        seconds=told["seconds"],
        provenance=values.get("provenance.json"),
        blockers=tuple(told["blockers"]),
        contacted=contacted,
        controls=_controls(told["controls"], values["results.json"]["faults"]),
        sections=tuple(Section(**section) for section in told["sections"]),
        deselected=tuple(values["results.json"]["deselected"]),
        origin=Origin(**told["origin"]),
        history=told["history"],
    )


def disagreements(told: Any, again: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield where two JSON values differ, each with both values."""
    if isinstance(told, dict) and isinstance(again, dict):
        for key in dict.fromkeys((*told, *again)):
            below = f"{path}.{key}" if path else str(key)
            yield from disagreements(told.get(key), again.get(key), below)
    elif isinstance(told, list) and isinstance(again, list):
        if len(told) != len(again):
            yield path, f"{len(told)} entries, the evidence gives {len(again)}"
        for number, (one, other) in enumerate(zip(told, again, strict=False)):
            yield from disagreements(one, other, f"{path}[{_named(one, number)}]")
    elif told != again or type(told) is not type(again):
        yield path, f"{told!r}, the evidence gives {again!r}"


def words(told: Document) -> Document:
    """Return the words alone of a document, as every version has them."""
    rows = [*told["objectives"], *(r for m in told["matrices"] for r in m["rows"])]
    return {
        "verdict": told["verdict"]["status"],
        "rows": [{"code": row["code"], "status": row["status"]} for row in rows],
        "compliance": [action["state"] for action in told["compliance"]],
    }


def _named(value: Any, number: int) -> str:
    names = (value.get(k) for k in ("nodeid", "code", "action", "name", "ident"))
    found = next((n for n in names if n), None) if isinstance(value, dict) else None
    return str(found or number)


def _production(contacted: str, told: str) -> str:
    """Return what was read as a production: one only where the run contacted it."""
    if contacted == PRODUCTION or told == PRODUCTION:
        return contacted
    return told


def _checks(values: Values, production: str) -> Iterator[Check]:
    run, told = values["run.json"], values[VERDICT]
    measured = values[DECLARED]["measured"]
    target = PRODUCTION if run["target"] == PRODUCTION else CLONE
    read = _production(production, told["production"])
    shown = {c["nodeid"]: c for suite in told["suites"] for c in suite["checks"]}
    for item in values["results.json"]["items"]:
        one, place = shown[item["nodeid"]], measured.get(item["suite"], target)
        yield Check(
            nodeid=item["nodeid"],
            suite=item["suite"],
            where=read if place == PRODUCTION else place,
            claim=one["claim"],
            outcome=item["outcome"],
            seconds=item["seconds"],
            message=item["message"],
            place=one["place"],
            output=one["output"],
            statements=tuple(one["statements"]),
            proof=Proof.from_dict(item["proof"]) if item["proof"] else None,
            figures=tuple(Figure(**figure) for figure in one["figures"]),
            why=item["why"],
            evidence=Evidence.from_values(item["evidence"]),
            exercises=one["exercises"],
        )


def _states(values: Values) -> Iterator[State]:
    """Yield each database at entry and exit, as its baselines have it."""
    shown = {(s["database"], s["where"]): s for s in values[VERDICT]["states"]}
    baselines = list(values["baselines.json"]["baselines"])
    sessions = values["baselines.json"]["sessions"]
    ended = [s for s in sessions if s["proof"] is not None or s["unread"]]
    for session in sorted(ended, key=lambda session: session["clone"]):
        proof = Proof.from_dict(session["proof"]) if session["proof"] else None
        own = [b for b in baselines if (b["role"], b["database"]) == _of(session)]
        if own:
            baselines.remove(own[0])
        yield State(
            database=session["clone"],
            where=CLONE,
            metrics=_metrics(own, shown.get((session["clone"], CLONE))),
            differences=tuple(_session_differences(session, proof)),
            proof=proof,
        )
    for baseline in baselines:
        if baseline["role"] == "production":
            yield _production_state(values, baseline, shown)


def _of(session: Mapping[str, Any]) -> tuple[str, str]:
    return "clone", session["clone"]


def _production_state(
    values: Values,
    baseline: Mapping[str, Any],
    shown: Mapping[tuple[str, str], Any],
) -> State:
    contacted = CONTACTED[values["run.json"]["production"]["contact"]]
    read = _production(contacted, values[VERDICT]["production"])
    told = shown.get((baseline["database"], read))
    moved = [f"{name} is not at exit as at entry" for name in differences(baseline)]
    return State(
        database=baseline["database"],
        where=read,
        metrics=_metrics([baseline], told),
        differences=tuple((told and told["differences"]) or moved),
    )


def _session_differences(
    session: Mapping[str, Any], proof: Proof | None
) -> Iterator[str]:
    for name, (entry, now) in session["differences"].items():
        yield f"{name} was {entry} at entry, is {now}"
    if session["unread"]:
        yield f"exit state not read: {session['unread']}"
    if proof is not None and proof.verdict != "clean":
        yield from map(str, proof.dirty)


def _metrics(
    baselines: Sequence[Mapping[str, Any]], told: Mapping[str, Any] | None
) -> tuple[Metric, ...]:
    """Return the figures of a baseline, in the order of the document's."""
    found = {}
    for one in baselines[:1]:
        for name in dict.fromkeys((*one["entry"], *one["exit"])):
            found[name] = Metric(name, one["entry"].get(name), one["exit"].get(name))
        for name, (entry, end) in one["organic"].items():
            found[name] = Metric(name, entry, end, organic=True)
    names = [metric["name"] for metric in told["metrics"]] if told else []
    return tuple(
        found[name] for name in dict.fromkeys((*names, *found)) if name in found
    )


def _cells(ownership: Mapping[str, Any] | None) -> Iterator[Cell]:
    for row in ownership["grid"] if ownership else ():
        for cell in row["cells"]:
            yield Cell(row["group"], row["object"], owner_name=None, **cell)


def _cells_by_owner(told: Document) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for entry in told["ownership"]["owners"] if told["ownership"] else ():
        found[entry["owner"]] += entry["cells"]
    return found


def _gate_status(gate: Mapping[str, Any]) -> str:
    """Return a gate's status: open it is with nothing in its way alone."""
    return "BLOCKED" if gate["blockers"] else str(gate["status"])


def _tier(told: Mapping[str, Any]) -> Tier:
    pairs = {key: tuple(map(tuple, told[key])) for key in ("locks", "rows")}
    return Tier(**{k: v for k, v in told.items() if k != "modes"} | pairs)


def _seal(told: Mapping[str, Any]) -> Seal:
    holds = told["seal"] == "holds"
    return Seal(told["manifest"], told["sha256"], told["files"], holds)


def _controls(
    told: Mapping[str, Any] | None, items: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Return the controls' results counted again; what passed has not survived."""
    if told is None:
        return None
    passed = {i["nodeid"] for i in items if i["outcome"] == PASSED}
    faults = [dict(fault) for fault in told["faults"]]
    ran = {item["nodeid"] for item in items}
    kept = [f for f in faults if f"{FAULTS}{f['ident']}" in ran]
    for fault in kept:
        if fault["verdict"] == SURVIVED and f"{FAULTS}{fault['ident']}" in passed:
            fault["verdict"] = "not told by its own item"
    counted = Counter(fault["verdict"] for fault in kept)
    verdicts = {word: counted[word] for word in ("killed", SURVIVED, "equivalent")}
    generated = sum(fault["generated"] for fault in kept)
    return {**told, **verdicts, "generated": generated, "faults": kept}
