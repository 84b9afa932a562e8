"""Tests of attestations: each is computed from evidence, or is 'not shown'."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_oneroof.packet.attestations import NAMES, attest

SAME = {
    "role": "production",
    "database": "directus",
    "entry": {"own": 0, "gap": 210},
    "exit": {"own": 0, "gap": 210},
    "fingerprint_entry": "a",
    "fingerprint_exit": "a",
}
MOVED = {**SAME, "exit": {"own": 1, "gap": 209}}
CLONE = {**SAME, "role": "clone"}


def contact(kind: str, *, xid: bool | None = False) -> dict[str, Any]:
    """Return what a run had to do with production."""
    return {"contact": kind, "database": "directus", "xid_assigned": xid}


@pytest.mark.parametrize(
    ("production", "baselines", "actions", "answer", "shown_by"),
    [
        (
            contact("none", xid=None),
            [CLONE],
            [],
            "no",
            "no connection to any production was opened",
        ),
        (
            contact("live"),
            [SAME],
            [],
            "no",
            "2 figures at entry = exit, no transaction id assigned",
        ),
        (
            contact("live", xid=True),
            [SAME],
            [],
            "yes",
            "a transaction id was assigned on the read-only channel",
        ),
        (
            contact("live"),
            [MOVED],
            [],
            "not shown",
            "figures moved between entry and exit: gap, own; not by this run's "
            "channel, by whom is open",
        ),
        (
            contact("live"),
            [CLONE],
            [],
            "not shown",
            "production's entry and exit were not compared",
        ),
        (
            contact("live", xid=None),
            [SAME],
            [],
            "not shown",
            "production's entry and exit were not compared",
        ),
        (
            contact("none", xid=None),
            [],
            ["rollout run"],
            "yes",
            "the run's actions include one that writes to production",
        ),
    ],
    ids=["none", "same", "xid", "moved", "clone only", "no xid told", "rollout"],
)
def test_mutation_is_denied_only_where_that_is_shown(
    production: dict[str, Any],
    baselines: list[dict[str, Any]],
    actions: list[str],
    answer: str,
    shown_by: str,
) -> None:
    """'production_mutation' is 'no' only with the evidence that shows it."""
    told = attest(production, baselines, actions)["production_mutation"]
    assert told == {"answer": answer, "shown_by": shown_by}


@pytest.mark.parametrize(
    ("kind", "answer", "shown_by"),
    [
        ("none", "no", "connected to: no production"),
        ("stand-in", "no", "connected to: the stand-in alone"),
        ("live", "yes", "read-only channel to directus"),
    ],
)
def test_live_contact_is_told(kind: str, answer: str, shown_by: str) -> None:
    """A run over a live production says so; the stand-in is no live contact."""
    told = attest(contact(kind), [SAME], [])["live_production_contact"]
    assert told == {"answer": answer, "shown_by": shown_by}


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("rollout run full", "real_run"),
        ("rollout rollback full", "real_run"),
        ("cutover", "cutover"),
        ("deploy web", "deploy_triggered"),
        ("change secret", "secrets_changed"),
    ],
)
def test_actions_are_attested(action: str, name: str) -> None:
    """An action among the run's own makes its attestation 'yes', and no other."""
    told = attest(contact("none"), [], ["rollout rehearse full", action])
    yes = {key for key, value in told.items() if value["answer"] == "yes"}
    assert yes - {"production_mutation"} == {name}
    assert set(told) == set(NAMES)
