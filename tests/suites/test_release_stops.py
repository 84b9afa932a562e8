"""The list of stops of the release suite is whole."""

from __future__ import annotations

from pytest_oneroof import resources


def test_every_step_is_stopped_by_something() -> None:
    """Each step of both packets is stopped by something in its list of stops."""
    for name in ("full", "ownership"):
        data = resources.read_json(f"fixtures/release/{name}.json")
        plan = resources.read_json(f"sql/release/{name}/plan.json")
        stopped = {entry["step"] for entry in data["stops"]}
        steps = {s["step"] for s in (*plan["steps"], *plan["reads"], *plan["rollback"])}
        assert steps == stopped, name
