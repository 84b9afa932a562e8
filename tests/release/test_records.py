"""Tests of the records that let a packet run or be taken back: forged, old, foreign.

Each is held (10), and the server, which logs every statement, has seen no statement
of the packet.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.release.identity import identify
from pytest_oneroof.release.plan import open_packet
from pytest_oneroof.release.records import Record, load_record
from pytest_oneroof.release.step_log import write_log
from tests.release.conftest import (
    APPROVAL,
    Ended,
    Production,
    packet_statements,
    rehearsed,
)

Run = Callable[..., Ended]
Sent = Callable[[], str]


def rewritten(file: Path, change: Callable[[Any], object], *, rehash: bool) -> None:
    """Change a record's value, with the hash that it then has, or without."""
    value = json.loads(file.read_text())
    change(value)
    if rehash:
        write_log(file, value)
    else:
        file.write_text(json.dumps(value))


def hours(count: float) -> str:
    """Return the moment that many hours from now."""
    return (datetime.now(UTC) + timedelta(hours=count)).isoformat()


def evidence(**changes: Any) -> Callable[[Any], object]:
    """Return what replaces parts of a record's evidence."""
    return lambda value: value["evidence"].update(changes)


def says_otherwise(value: Any) -> None:
    """Have a step of the rehearsal say something else."""
    value["steps"][1]["notices"] = ["all is well"]


FORGED: Mapping[str, tuple[Callable[[Any], object], bool, str]] = {
    "edited": (evidence(passed=True, more=1), False, "is not as it was written"),
    "failed": (evidence(passed=False), True, "did not pass"),
    "stopped": (lambda v: v.update(stopped="step 1"), True, "did not pass"),
    "unfinished": (lambda v: v.update(ended=""), True, "did not pass"),
    "run": (lambda v: v.update(what="run"), True, "not of a rehearsal"),
    "seal": (lambda v: v.update(manifest_sha256="0" * 64), True, "it is about packet"),
    "packet": (lambda v: v.update(packet="full"), True, "it is about packet full"),
    "steps": (lambda v: v["steps"].pop(), True, "its steps are not those"),
    "words": (says_otherwise, True, "did not say what its plan promises"),
    "nothing moved": (
        evidence(fingerprints={"before": 1, "applied": 1, "rolled_back": 1}),
        True,
        "do not show that it went forth and came back",
    ),
    "no fingerprints": (evidence(fingerprints=None), True, "do not show"),
    "no schema": (evidence(source={}), True, "it has no schema"),
    "old": (lambda v: v.update(ended=hours(-25)), True, "more than 24 hours ago"),
    "future": (lambda v: v.update(ended=hours(1)), True, "it ended in the future"),
    "no date": (lambda v: v.update(ended="today"), True, "does not tell when"),
    "no evidence": (lambda v: v.update(evidence=7), True, "it has no evidence"),
    "format": (lambda v: v.update(format="x"), True, "no record of a rollout"),
}


def test_what_is_no_rehearsal_of_it_is_held(
    target: Production, oneroof: Run, sent: Sent
) -> None:
    """An edited, older, failed or foreign record: 10, by what is wrong with it."""
    words = [*target.run("ownership")]
    file = Path(words[words.index("--rehearsal") + 1])
    whole = file.read_bytes()
    for kind, (change, rehash, told) in FORGED.items():
        file.write_bytes(whole)
        rewritten(file, change, rehash=rehash)
        ended = oneroof(*words)
        assert ended.status == 10, kind
        holds = [hold for hold in ended.data["held"] if hold["code"] == "rehearsal"]
        assert told in " ".join(hold["found"] for hold in holds), kind
    assert packet_statements(sent()) == []
    assert not target.log.exists()


def test_without_a_rehearsal_nothing_runs(
    target: Production, oneroof: Run, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word that it was rehearsed is none: without a record it is held."""
    words = [*target.run("ownership")]
    file = Path(words.pop(words.index("--rehearsal") + 1))
    words.remove("--rehearsal")
    # In the folder that is looked into, yet of other bytes.
    other = open_packet("full", bundled())
    rehearsed(other, target.url, target.log)
    rewritten(file, lambda v: v.update(manifest_sha256="0" * 64), rehash=True)
    shutil.copy(file, target.log / "rehearsals")
    monkeypatch.setenv("ONEROOF_CACHE_DIR", str(target.log / "none"))
    ended = oneroof(*words)
    assert ended.status == 10
    [hold] = ended.data["held"]
    assert hold["code"] == "rehearsal"
    assert hold["found"].startswith("no rehearsal of manifest ")
    assert packet_statements(sent()) == []


def test_a_schema_that_moved_since_is_held(
    production: Production, oneroof: Run, sent: Sent
) -> None:
    """What was rehearsed on is what the target is, object by object, or it is held."""
    words = production.run("ownership")
    production.write("CREATE TABLE public.since (id int)")
    try:
        ended = oneroof(*words)
    finally:
        production.write("DROP TABLE public.since")
    assert ended.status == 10
    [hold] = ended.data["held"]
    assert hold["code"] == "schema"
    assert "public.since added" in hold["found"]
    assert packet_statements(sent()) == []


def test_a_database_that_took_the_name_since_is_held(
    target: Production, oneroof: Run, sent: Sent
) -> None:
    """On its own server the rehearsed database is the target, or it is held."""
    words = [*target.run("ownership")]
    file = Path(words[words.index("--rehearsal") + 1])
    rewritten(file, lambda v: v["evidence"]["source"].update(oid=7), rehash=True)
    ended = oneroof(*words)
    assert ended.status == 10
    assert [hold["code"] for hold in ended.data["held"]] == ["schema"]
    assert "(oid 7) of the same server" in ended.data["held"][0]["found"]
    assert packet_statements(sent()) == []


def test_a_name_typed_otherwise_is_held(
    target: Production, oneroof: Run, sent: Sent
) -> None:
    """The name is compared as it is, letter for letter."""
    words = [*target.run("ownership")]
    place = words.index("directus")
    for typed in ("Directus", "DIRECTUS", "directus ", "dіrectus"):
        words[place] = typed
        ended = oneroof(*words)
        assert ended.status == 10
        assert [hold["code"] for hold in ended.data["held"]] == ["typed"]
    assert packet_statements(sent()) == []


# ------------------------------------------------------------------ records of runs


@pytest.fixture
def ran(production: Production, oneroof: Run) -> Iterator[Path]:
    """A production on which ownership has run, and the record of that; taken back."""
    assert oneroof(*production.run("ownership")).status == 0
    [record] = production.log.glob("*/rollout_ownership_run_*.json")
    whole = record.read_bytes()
    yield record
    record.write_bytes(whole)
    oneroof(*production.back("ownership", "--record", record))


RUNS: Mapping[str, tuple[Callable[[Any], object], bool, str]] = {
    "edited": (evidence(more=1), False, "is not as it was written"),
    "server": (
        lambda v: v["evidence"]["target"].update(system_identifier="7"),
        True,
        "of server 7, this is 'directus'",
    ),
    "oid": (lambda v: v["evidence"]["target"].update(oid=7), True, "(oid 7)"),
    "name": (
        lambda v: v["evidence"]["target"].update(database="other"),
        True,
        "it ran on 'other'",
    ),
    "no target": (evidence(target=None), True, "no database that it names"),
    "seal": (lambda v: v.update(manifest_sha256="0" * 64), True, "it is about packet"),
    "packet": (lambda v: v.update(packet="full"), True, "it is about packet full"),
    "rehearsal": (lambda v: v.update(what="rehearse"), True, "not of a run"),
    "nothing": (lambda v: v.update(steps=[]), True, "that run wrote nothing"),
    "no pins": (evidence(pins={}), True, "what was there before"),
    "undone": (evidence(undone="2026-06-03"), True, "was done by another"),
}


def test_a_record_of_something_else_takes_nothing_back(
    ran: Path, production: Production, oneroof: Run, sent: Sent
) -> None:
    """Another target's, another packet's, an edited record: 10, and nothing is sent."""
    whole = ran.read_bytes()
    _assert_tells_what_ran(load_record(ran), production)
    before = len(packet_statements(sent()))
    for kind, (change, rehash, told) in RUNS.items():
        ran.write_bytes(whole)
        rewritten(ran, change, rehash=rehash)
        ended = oneroof(*production.back("ownership", "--record", ran))
        assert ended.status == 10, kind
        assert told in " ".join(hold["found"] for hold in ended.data["held"]), kind
        assert {hold["code"] for hold in ended.data["held"]} == {"record"}, kind
    assert len(packet_statements(sent())) == before


def _assert_tells_what_ran(record: Record, production: Production) -> None:
    """Target, seal, approval, rehearsal, steps and what was there before."""
    with connect(production.url) as connection:
        assert record.evidence["target"] == identify(connection).to_dict()
    assert record.log.manifest_sha256 == open_packet("ownership", bundled()).sha256
    assert [step.step for step in record.log.steps] == ["0", "1", "2"]
    assert record.evidence["ratified"] == APPROVAL
    assert len(record.evidence["rehearsal"]) == 64
    assert record.pins.keys() == {"before", "applied"}
