"""Tests of a rollout that something stops from outside: what stands is told."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_oneroof.errors import OneroofError, ServerError
from pytest_oneroof.pack import bundled
from pytest_oneroof.release import ending, executor, rollout, step_log
from pytest_oneroof.release.plan import Packet, Step, open_packet
from pytest_oneroof.release.rollout import Order
from pytest_oneroof.release.standing import read_standing
from pytest_oneroof.release.step_log import load_log
from pytest_oneroof.release.steps import StepRun, Where
from tests.release.conftest import APPROVAL, rehearsed
from tests.release.test_killed import await_, backends, command

FULL, OWNERSHIP = open_packet("full", bundled()), open_packet("ownership", bundled())
Edited = Callable[..., Packet]


def quiet(line: str) -> None:
    """Say nothing."""


def order(packet: Packet, url: str, folder: Path) -> Order:
    """Return a complete order to run a packet, rehearsed."""
    rehearsed(packet, url, folder)
    return Order(packet, url, "directus", folder, APPROVAL)


def phase(url: str) -> str:
    """Return the phase at which a production stands."""
    return read_standing(Where(url), FULL).phase.name


def go_back(packet: Packet, url: str, folder: Path) -> None:
    """Roll a packet back, and see that it is proved."""
    back = rollout.roll_back(order(packet, url, folder), quiet)
    assert back.status == 0, back.lines
    assert phase(url) == "greenfield"


def test_full_disk_stops_before_the_next_step(
    ratified_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the log takes no more, the step that comes next is not sent."""
    write_whole = step_log.write_whole

    def full(path: Path, text: str) -> None:
        if '"running": "4"' in text or '"ended": "2' in text:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(path, text)

    complete = order(FULL, ratified_url, tmp_path / "log")
    monkeypatch.setattr(step_log, "write_whole", full)
    answer = rollout.run(complete, quiet)
    assert answer.status == 1
    log = answer.data["log"]
    assert answer.data["stopped"] == (
        f"step 4 (containment) stopped: the log {log} cannot be written "
        "(No space left on device)\n  give a folder that takes it: --log DIR"
    )
    assert [s["step"] for s in answer.data["steps"]] == list("0123")
    assert answer.data["standing"]["phase"] == "partial"
    assert "the way back: oneroof rollout rollback full" in answer.lines
    assert answer.data["log_lost"].startswith("the log ")
    monkeypatch.undo()
    go_back(FULL, ratified_url, tmp_path / "log")


def test_log_lost_at_the_end_is_no_success(
    ratified_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that stands, and whose log does not, ends with 1 and says both."""
    write_whole = step_log.write_whole

    def full(path: Path, text: str) -> None:
        if '"ended": "2' in text:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(path, text)

    complete = order(OWNERSHIP, ratified_url, tmp_path / "log")
    monkeypatch.setattr(step_log, "write_whole", full)
    answer = rollout.run(complete, quiet)
    assert answer.status == 1
    assert answer.data["complete"] is True
    assert "run of packet ownership complete: seeded" in answer.lines
    assert any("cannot be written (No space left" in line for line in answer.lines)
    monkeypatch.undo()
    go_back(OWNERSHIP, ratified_url, tmp_path / "log")


def test_lost_server_is_told_with_what_to_ask(
    ratified_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the server is gone the step is named, and how to read what stands."""
    run_step, read = executor.run_step, ending.read_standing

    def gone(where: Where, packet: Packet, step: Step) -> StepRun:
        if step.step == "3":
            raise ServerError("cannot connect to x\nstart the server")
        return run_step(where, packet, step)

    def unread(where: Where, packet: Packet) -> object:
        raise ServerError("cannot connect to x")

    monkeypatch.setattr(executor, "run_step", gone)
    monkeypatch.setattr(ending, "read_standing", unread)
    answer = rollout.run(order(FULL, ratified_url, tmp_path / "log"), quiet)
    assert answer.status == 1
    assert answer.data["standing"] is None
    assert answer.data["stopped"] == (
        "step 3 (ownership seed) stopped: cannot connect to x\n  start the server"
    )
    [line] = [line for line in answer.lines if "cannot be read" in line]
    assert line.endswith("oneroof rollout plan full --target-url URL")
    assert load_log(Path(answer.data["log"])).stopped_at == FULL.steps[3]
    monkeypatch.undo()
    assert read is ending.read_standing
    go_back(FULL, ratified_url, tmp_path / "log")


def test_second_rollout_and_ctrl_c(
    ratified_url: str, edited: Edited, tmp_path: Path
) -> None:
    """While one runs another is told to wait; Ctrl-C undoes the step, and is told."""
    slow = "\nSELECT pg_catalog.pg_sleep(30);\n\nCOMMIT;"
    packet = edited("full", "10_structure.sql", "\nCOMMIT;", slow)
    running = subprocess.Popen(
        command(packet, ratified_url, tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        await_(lambda: bool(backends(ratified_url, asleep=True)), "no tier slept")
        with pytest.raises(OneroofError, match="another rollout runs on 'directus'"):
            rollout.run(order(packet, ratified_url, tmp_path / "other"), quiet)
        [kept] = tmp_path.glob("other/*/rollout_full_run_*.json")
        assert load_log(kept).stopped.startswith("another rollout runs on")
    finally:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 1, out + err
    assert "step 1 (structure) stopped: it was interrupted by Ctrl-C" in out
    assert "directus stands at greenfield" in out
    assert "Traceback" not in out + err
    assert phase(ratified_url) == "greenfield"


def test_run_goes_on_when_nobody_reads(ratified_url: str, tmp_path: Path) -> None:
    """With its pipe closed a run ends as it would have, and its log says so."""
    log = tmp_path / "log"
    rehearsed(OWNERSHIP, ratified_url, log)
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest_oneroof", "rollout", "run", "ownership"),
            *("--target-url", ratified_url, "--database", "directus"),
            *("--ratified-apr", APPROVAL, "--seal", OWNERSHIP.sha256),
            *("--log", str(log)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    assert running.stdout is not None
    running.stdout.close()
    assert running.stderr is not None
    told = running.stderr.read().decode()
    running.stderr.close()
    running.wait(60)
    assert "Traceback" not in told
    [kept] = log.glob("*/rollout_ownership_run_*.json")
    found = load_log(kept)
    assert [run.step for run in found.steps] == ["0", "1", "2"]
    assert (found.stopped, bool(found.ended)) == ("", True)
    assert phase(ratified_url) == "seeded"
    go_back(OWNERSHIP, ratified_url, log)
