"""Tests of a rollout that is killed: the state is told, and the way back works."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.release import rollout
from pytest_oneroof.release.plan import Packet, open_packet
from pytest_oneroof.release.standing import read_standing
from pytest_oneroof.release.step_log import load_log
from pytest_oneroof.release.steps import APPLICATION, Where
from tests.release.conftest import APPROVAL, program, rehearsed

FULL = open_packet("full", bundled())
CHANGES = {step.step: step for step in FULL.steps if step.kind == "change"}
PATIENCE = 40.0


def backends(url: str, *, asleep: bool) -> list[int]:
    """Return the pids of rollouts on the database, or only of those that sleep."""
    with contextlib.closing(connect(url)) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
            " AND datname = current_database() AND (NOT %s OR wait_event = 'PgSleep')"
            " ORDER BY pid",
            [APPLICATION, asleep],
        ).fetchall()
    return [pid for (pid,) in rows]


def await_(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds; fail with `what` when it never does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def command(packet: Packet, url: str, tmp_path: Path) -> list[str]:
    """Return the words that run an edited packet on a production."""
    folder = next(f for f in tmp_path.iterdir() if (f / "plan.json").is_file())
    log = tmp_path / "log"
    rehearsed(packet, url, log)
    return [
        *(*program(packet), "rollout", "run", str(folder)),
        *("--target-url", url, "--database", "directus", "--log", str(log)),
        *("--ratified-apr", APPROVAL, "--seal", packet.sha256),
    ]


@pytest.mark.parametrize("number", list(CHANGES))
def test_killed_in_each_tier(
    number: str, ratified_url: str, edited: Callable[..., Packet], tmp_path: Path
) -> None:
    """SIGKILL in a tier: its transaction is undone, the rest is told and taken back."""
    packet = edited(
        "full",
        CHANGES[number].file,
        "\nCOMMIT;",
        "\nSELECT pg_catalog.pg_sleep(14);\n\nCOMMIT;",
    )
    log = tmp_path / "log"
    running = subprocess.Popen(
        command(packet, ratified_url, tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    try:
        await_(lambda: bool(backends(ratified_url, asleep=True)), "no tier slept")
    finally:
        running.send_signal(signal.SIGKILL)
        running.communicate()
    # The server notices within a second that its client is gone.
    await_(lambda: not backends(ratified_url, asleep=False), "the step went on")
    standing = read_standing(Where(ratified_url), FULL)
    done = list(CHANGES)[: list(CHANGES).index(number)]
    assert [s.step for s in standing.present if s.packet == "full"] == done
    [kept] = log.glob("*/rollout_full_run_*.json")
    told = load_log(kept)
    assert [step.step for step in told.steps] == ["0", *done]
    assert (told.running, told.ended) == (number, "")
    order = rollout.Order(packet, ratified_url, "directus", log, APPROVAL)
    if not done:
        assert standing.phase.name == "greenfield"
        return
    again = rollout.run(order, lambda line: None)
    assert again.status == 10
    assert [hold["code"] for hold in again.data["held"]] == [
        "schema",
        "partial",
        "gate",
    ]
    assert again.data["held"][1]["way"] == (
        "the way back: oneroof rollout rollback full"
    )
    back = rollout.roll_back(order, lambda line: None)
    assert back.status == 0, back.lines
    assert read_standing(Where(ratified_url), FULL).phase.name == "greenfield"


def test_killed_on_the_way_back(
    ratified_url: str, edited: Callable[..., Packet], tmp_path: Path
) -> None:
    """SIGKILL while tiers are undone one by one: the rest is told, and taken back."""
    packet = edited(
        "full",
        "rollback/40_tier_3.sql",
        "\nCOMMIT;",
        "\nSELECT pg_catalog.pg_sleep(14);\n\nCOMMIT;",
    )
    log = tmp_path / "log"
    order = rollout.Order(packet, ratified_url, "directus", log, APPROVAL)
    rehearsed(packet, ratified_url, log)
    assert rollout.run(order, lambda line: None).status == 0
    words = [*program(packet), "rollout", "rollback"]
    folder = next(f for f in tmp_path.iterdir() if (f / "plan.json").is_file())
    words += [str(folder), "--target-url", ratified_url, "--database", "directus"]
    words += ["--log", str(log), "--seal", packet.sha256]
    running = subprocess.Popen(
        [*words, "--tier-by-tier"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    try:
        await_(lambda: bool(backends(ratified_url, asleep=True)), "no tier slept")
    finally:
        running.send_signal(signal.SIGKILL)
        running.communicate()
    await_(lambda: not backends(ratified_url, asleep=False), "the step went on")
    [kept] = log.glob("*/rollout_full_rollback_*.json")
    assert [step.step for step in load_log(kept).steps] == ["R6", "R5", "R4"]
    assert load_log(kept).running == "R3"
    standing = read_standing(Where(ratified_url), FULL)
    assert standing.phase.name == "partial"
    assert [s.step for s in standing.present if s.packet == "full"] == ["1", "2", "3"]
    back = rollout.roll_back(order, lambda line: None)
    assert back.status == 0, back.lines
    assert read_standing(Where(ratified_url), FULL).phase.name == "greenfield"


def test_terminated_backend_is_told(
    ratified_url: str, edited: Callable[..., Packet], tmp_path: Path
) -> None:
    """A session that the server ends in a step fails that step, and is told."""
    packet = edited(
        "ownership",
        "01_seed_commit.sql",
        "\nCOMMIT;",
        "\nSELECT pg_catalog.pg_terminate_backend(pg_backend_pid());\n\nCOMMIT;",
    )
    order = rollout.Order(packet, ratified_url, "directus", tmp_path / "log", APPROVAL)
    rehearsed(packet, ratified_url, tmp_path / "log")
    answer = rollout.run(order, lambda line: None)
    assert answer.status == 1
    assert answer.data["stopped"] == (
        "step 1 (seed) stopped: terminating connection due to administrator command"
    )
    assert answer.data["standing"]["phase"] == "greenfield"
    assert "run of packet ownership did not reach seeded" in answer.lines
