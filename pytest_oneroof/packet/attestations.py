"""Attestations: what a run did not do, computed from its evidence alone. Pure.

Each is told as 'no', 'yes' or 'not shown', with what shows it; nothing is
attested because nobody said otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NO, YES, NOT_SHOWN = "no", "yes", "not shown"

# What an action in a run's list would mean; the plugin has none of the last three.
_MEANS = {
    "real_run": ("rollout run", "rollout rollback"),
    "cutover": ("cutover", "repoint", "activate"),
    "deploy_triggered": ("deploy",),
    "secrets_changed": ("change secret",),
}
NAMES = ("production_mutation", "live_production_contact", *_MEANS)


def attest(
    production: Mapping[str, Any],
    baselines: Sequence[Mapping[str, Any]],
    actions: Sequence[str],
) -> dict[str, dict[str, str]]:
    """Return every attestation: its answer, and what shows it."""
    found = {
        "production_mutation": _mutation(production, baselines, actions),
        "live_production_contact": _contact(production),
    }
    told = f"the run's actions: {', '.join(actions) or 'none'}"
    for name, meaning in _MEANS.items():
        done = any(action.startswith(meaning) for action in actions)
        found[name] = _answer(YES if done else NO, told)
    return found


def _mutation(
    production: Mapping[str, Any],
    baselines: Sequence[Mapping[str, Any]],
    actions: Sequence[str],
) -> dict[str, str]:
    if any(action.startswith(_MEANS["real_run"]) for action in actions):
        return _answer(YES, "the run's actions include one that writes to production")
    if production["contact"] == "none":
        return _answer(NO, "no connection to any production was opened")
    if production["xid_assigned"]:
        return _answer(YES, "a transaction id was assigned on the read-only channel")
    compared = [b for b in baselines if b["role"] == "production" and b["entry"]]
    if not compared or production["xid_assigned"] is None:
        return _answer(NOT_SHOWN, "production's entry and exit were not compared")
    moved = [name for b in compared for name in differences(b)]
    if moved:
        told = f"figures moved between entry and exit: {', '.join(moved)}"
        return _answer(NOT_SHOWN, f"{told}; not by this run's channel, by whom is open")
    count = sum(len(b["entry"]) for b in compared)
    told = f"{count} figures at entry = exit, no transaction id assigned"
    return _answer(NO, told)


def _contact(production: Mapping[str, Any]) -> dict[str, str]:
    contact = production["contact"]
    if contact == "live":
        return _answer(YES, f"read-only channel to {production['database']}")
    told = "no production" if contact == "none" else "the stand-in alone"
    return _answer(NO, f"connected to: {told}")


def differences(baseline: Mapping[str, Any]) -> list[str]:
    """Return what is not at exit as at entry, by name."""
    entry, end = baseline["entry"], baseline["exit"]
    names = sorted({*entry, *end})
    moved = [name for name in names if entry.get(name) != end.get(name)]
    if baseline["fingerprint_entry"] != baseline["fingerprint_exit"]:
        moved.append("schema fingerprint")
    return moved


def _answer(answer: str, shown_by: str) -> dict[str, str]:
    return {"answer": answer, "shown_by": shown_by}
