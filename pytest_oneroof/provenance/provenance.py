"""Provenance: where a clone comes from, and what it may therefore be used for.

The verdict is computed from four findings about a candidate: the guard's, the
secret scan's, the schema comparison's and its origin. No clone is declared safe;
each is shown to be, or the operator is told exactly what to deliver instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg

from pytest_oneroof.answer import DONE, HELD, Answer
from pytest_oneroof.clone.guard import GuardedClone, judge
from pytest_oneroof.ownership.marker import SURROGATE, Marker, parse_marker
from pytest_oneroof.ownership.rules import Reason, Rules
from pytest_oneroof.pack import Pack
from pytest_oneroof.postgres.catalog import read_facts
from pytest_oneroof.provenance.schema_compatibility import (
    Compatibility,
    compare_shapes,
    expectation_of,
    read_shapes,
)
from pytest_oneroof.provenance.secrets_scan import Bounds, Scan, describe, scan

NONE_SAFE = "NO_SAFE_PRODUCTION_SHAPED_CLONE_AVAILABLE"
SAFE = "PRODUCTION_SHAPED_CLONE_AVAILABLE"
NOT_APPLIED = "READY_NOT_APPLIED"
ISOLATED = "PROVEN_ISOLATED_NOT_PRODUCTION"

Origin = Literal["generated", "dump"]


@dataclass(frozen=True)
class Candidate:
    """A clone with all that was found out about it.

    `reasons` are the guard's; `origin` is 'generated' for a clone of a stand-in,
    which its marker or the comment on its schema tells, and 'dump' for any other;
    `entities` is None where the pack does not say what shape is expected.
    """

    name: str
    source: str
    origin: Origin
    reasons: tuple[Reason, ...]
    scan: Scan
    entities: tuple[Compatibility, ...] | None


@dataclass(frozen=True)
class Objection:
    """One reason why a candidate is not the production-shaped clone asked for."""

    code: str
    found: str

    def __str__(self) -> str:
        return f"{self.code}: {self.found}"


def read_candidate(
    connection: psycopg.Connection[Any],
    rules: Rules,
    pack: Pack,
    *,
    allow: Path | None = None,
    live_hosts: Sequence[str] = (),
    bounds: Bounds | None = None,
    own_pids: Sequence[int] = (),
    scanned: Scan | None = None,
) -> Candidate:
    """Find out all about the connected clone; read only.

    `scanned` is a scan of the same content, made before. Raise SettingsError for
    an allow-file that cannot be used.
    """
    facts = read_facts(connection, own_pids=own_pids)
    verdict = judge(facts, rules)
    marker = parse_marker(facts.comment)
    return Candidate(
        name=facts.database,
        source=marker.source if marker else "unknown",
        origin=_origin(connection, marker),
        reasons=() if isinstance(verdict, GuardedClone) else verdict,
        scan=scanned
        or scan(connection, allow=allow, live_hosts=live_hosts, bounds=bounds),
        entities=_compared(connection, pack),
    )


def _compared(
    connection: psycopg.Connection[Any], pack: Pack
) -> tuple[Compatibility, ...] | None:
    expectation = expectation_of(pack)
    if expectation is None:
        return None
    return compare_shapes(read_shapes(connection, expectation), expectation)


def _origin(connection: psycopg.Connection[Any], marker: Marker | None) -> Origin:
    if marker is not None and marker.baseline:
        return "generated"
    row = connection.execute(
        "SELECT pg_catalog.obj_description(n.oid, 'pg_namespace')"
        "  FROM pg_catalog.pg_namespace AS n"
        " WHERE n.nspname = 'public'"
    ).fetchone()
    return "generated" if row and SURROGATE in (row[0] or "") else "dump"


def objections(candidate: Candidate) -> tuple[Objection, ...]:
    """Return every reason against a candidate, the gravest kind first. Pure."""
    return tuple(_objections(candidate))


def answer(candidate: Candidate | None, pack: Pack) -> Answer:
    """Return the verdict over the candidate and the standing rejections.

    Status 0 for a production-shaped, secret-free, isolated clone; else 10, with
    what the operator must deliver. Without a candidate there is none.
    """
    against = objections(candidate) if candidate is not None else ()
    safe = candidate is not None and not against
    standing = _standing(pack)
    rows = [_row(candidate, against)] if candidate is not None else []
    data = {
        "verdict": SAFE if safe else NONE_SAFE,
        "status": "READY" if safe else NOT_APPLIED,
        "table_A_clone_provenance": [*rows, *standing["standing"]],
        "table_B_schema_compatibility": _entities(candidate, pack),
        "objections": [asdict(objection) for objection in against],
        "scan": _scan_data(candidate),
        "deliver": [] if safe else standing["deliver"],
        "live_production_contact": False,
    }
    return Answer(DONE if safe else HELD, data, tuple(_lines(candidate, against, data)))


def _standing(pack: Pack) -> Mapping[str, Any]:
    """Return the pack's standing judgements, and what its operator must deliver."""
    name = pack.provenance.candidates
    nothing: Mapping[str, Any] = {"standing": [], "deliver": []}
    return nothing if name is None else pack.read_json(name)


def _told(row: Mapping[str, Any]) -> str:
    present = "present" if row["present"] else "absent"
    return f"{row['candidate_clone']} ({present}): {row['allowed']}, {row['note']}"


def _objections(candidate: Candidate) -> Iterator[Objection]:
    for reason in candidate.reasons:
        points = reason.code in ("production", "reach")
        code = "CLONE_POINTS_TO_PRODUCTION" if points else "CLONE_NOT_ISOLATED"
        yield Objection(code, f"[{reason.code}] {reason.found}")
    for finding in candidate.scan.findings:
        yield Objection("CLONE_CONTAINS_SECRETS", str(finding))
    if not candidate.scan.shown:
        told = "; ".join(candidate.scan.unread[:3]) or "the token rules are missing"
        yield Objection("SECRETS_NOT_SHOWN_ABSENT", told)
    if candidate.entities is None:
        yield Objection("SCHEMA_NOT_CHECKED", "the pack names no expected shape")
    for entity in candidate.entities or ():
        if not entity.fits:
            told = f"{entity.schema_entity}: {'; '.join(entity.mismatches)}"
            yield Objection("SCHEMA_MISMATCH", f"{told} ({entity.impact})")
    if candidate.origin == "generated":
        yield Objection(SURROGATE, "made by the plugin, from no production's data")


def _row(candidate: Candidate, against: Sequence[Objection]) -> dict[str, Any]:
    codes = {objection.code for objection in against}
    if not codes:
        allowed = "ALLOWED"
    elif codes == {SURROGATE}:
        allowed = "ALLOWED_BUT_INSUFFICIENT"
    else:
        allowed = "NOT_ALLOWED"
    entities = candidate.entities
    fits = entities is not None and all(entity.fits for entity in entities)
    return {
        "candidate_clone": candidate.name,
        "source": candidate.source,
        "production_shaped": fits and candidate.origin == "dump",
        "isolated": ISOLATED if not candidate.reasons else False,
        "contains_secrets": candidate.scan.contains_secrets,
        "present": True,
        "allowed": allowed,
        "note": "; ".join(sorted(codes)) or "nothing against it",
    }


def _entities(candidate: Candidate | None, pack: Pack) -> list[dict[str, Any]]:
    expectation = expectation_of(pack)
    if expectation is None:
        return []
    if candidate is not None:
        return [
            {
                "schema_entity": entity.schema_entity,
                "production_surface_expectation": entity.production_surface_expectation,
                "clone_has": entity.clone_has,
                "mismatch": list(entity.mismatches),
                "impact": entity.impact,
            }
            for entity in candidate.entities or ()
        ]
    return [
        {
            "schema_entity": entity.schema_entity,
            "production_surface_expectation": entity.production_surface_expectation,
            "clone_has": "N/A_NO_CLONE",
            "mismatch": "UNKNOWN_UNTIL_CLONE_PROVIDED",
            "impact": entity.impact,
        }
        for entity in compare_shapes({}, expectation)
    ]


def _scan_data(candidate: Candidate | None) -> Mapping[str, Any] | None:
    if candidate is None:
        return None
    return asdict(candidate.scan) | {
        "contains_secrets": candidate.scan.contains_secrets
    }


def _lines(
    candidate: Candidate | None,
    against: Sequence[Objection],
    data: Mapping[str, Any],
) -> Iterator[str]:
    yield f"provenance: {data['verdict']}"
    for row in data["table_A_clone_provenance"]:
        yield f"  {_told(row)}"
    for objection in against:
        yield f"    {objection}"
    if candidate is not None:
        yield from describe(candidate.scan)
        yield _schema_line(candidate.entities)
    if data["deliver"]:
        yield f"status: {data['status']}; the operator must deliver:"
        for part in data["deliver"]:
            yield f"  - {part}"
        for entity in data["table_B_schema_compatibility"]:
            yield f"  * {entity['production_surface_expectation']}"


def _schema_line(entities: Sequence[Compatibility] | None) -> str:
    if entities is None:
        return "schema: not checked (the pack names no expected shape)"
    fitting = sum(entity.fits for entity in entities)
    return f"schema: {fitting} of {len(entities)} entities as expected"
