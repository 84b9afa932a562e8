"""Tests of the step log: written as it goes, read back the same, told in short."""

from __future__ import annotations

import dataclasses
import errno
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.pack import bundled
from pytest_oneroof.release import step_log
from pytest_oneroof.release.plan import open_packet
from pytest_oneroof.release.step_log import Log, load_log, new_log, parse_log
from pytest_oneroof.release.steps import StepFailed, StepRun
from pytest_oneroof.release.telling import rows_of, strongest, told_runs

FULL = open_packet("full", bundled())
STEP = FULL.steps[3]
RUN = StepRun(
    step="3",
    name="ownership seed",
    kind="change",
    file=STEP.file,
    began="2026-06-03T10:00:01.250+00:00",
    seconds=0.0294,
    says=STEP.says,
    rows={"public.a": (30, 0, 0), "public.b": (1, 2, 3)},
    locks={
        "public.a": ("RowExclusiveLock", "ShareRowExclusiveLock"),
        "public.b": ("AccessShareLock",),
        "public.new": ("AccessExclusiveLock",),
    },
    created=("public.new",),
    notices=("first", STEP.says),
    tags=("BEGIN", "INSERT 0 30", "COMMIT"),
)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A log that begins now."""
    return new_log(tmp_path / "logs", FULL, "run", "directus")


def test_log_is_read_back_as_it_was_written(log: Log) -> None:
    """Steps, moments, the step that stopped and the probes come back the same."""
    log.begin(STEP)
    log.keep(RUN, {"entry": {"own": ("in scope", 0)}})
    failed = StepFailed(FULL.steps[4], "division by zero", seconds=0.5)
    log.end(failed)
    found = load_log(log.file)
    assert found.steps == (RUN,)
    assert (found.packet, found.what, found.database) == ("full", "run", "directus")
    assert found.manifest_sha256 == FULL.sha256
    assert found.probes == {"entry": {"own": ("in scope", 0)}}
    assert found.stopped == "step 4 (containment) stopped: division by zero"
    assert (found.stopped_at, found.stopped_after) == (FULL.steps[4], 0.5)
    assert found.running == ""
    assert found.began <= found.ended


def test_log_of_a_killed_rollout_tells_the_step_under_way(log: Log) -> None:
    """Before a step is sent the log on the disk names it."""
    log.begin(STEP)
    found = load_log(log.file)
    assert (found.running, found.ended, found.steps) == ("3", "", ())


def test_offsets_are_seconds_since_the_beginning(log: Log) -> None:
    """A step's place on the time line is told in seconds."""
    log.head["began"] = "2026-06-03T10:00:00.000+00:00"
    log.keep(RUN, {})
    found = load_log(log.file)
    assert found.offset(found.steps[0]) == 1.25


def test_log_is_a_private_file_of_its_own(log: Log, tmp_path: Path) -> None:
    """Two rollouts of one second have two files, readable by their owner alone."""
    log.write()
    other = new_log(tmp_path / "logs", FULL, "run", "directus")
    other.file = log.file.with_name(log.file.stem + "_2.json")
    assert log.file.stat().st_mode & 0o777 == 0o600
    assert new_log(tmp_path / "logs", FULL, "run", "directus").file != log.file


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "oneroof-rollout-log/2"}, "a log of format"),
        ({"format": None}, "a log of format None"),
        ({"steps": [{"step": "1"}]}, "no log of a rollout: "),
        ({"steps": None}, "no log of a rollout: "),
        ({"stopped_at": {"step": "1"}}, "no log of a rollout: "),
        ({"probes": {"entry": {"own": 1}}}, "no log of a rollout: "),
    ],
)
def test_what_is_no_log_is_refused(change: dict[str, Any], told: str, log: Log) -> None:
    """Another format, and a log with a part missing, are told as such."""
    with pytest.raises(OneroofError, match=told):
        parse_log({**log.to_dict(), **change})


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", "\udcff"])
def test_files_that_hold_no_log_are_named(text: str, tmp_path: Path) -> None:
    """Whatever the file holds, the error names it."""
    file = tmp_path / "x.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(OneroofError, match=r"x\.json"):
        load_log(file)
    with pytest.raises(OneroofError, match=r"absent\.json holds no log"):
        load_log(tmp_path / "absent.json")


def test_full_disk_is_told_with_the_way_out(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes no more is named in its own words."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(step_log, "write_whole", full)
    with pytest.raises(OneroofError) as error:
        log.begin(STEP)
    assert str(error.value) == (
        f"the log {log.file} cannot be written (No space left on device)\n"
        "give a folder that takes it: --log DIR"
    )


def test_log_is_plain_json_with_its_documented_keys(log: Log) -> None:
    """The keys of the file are those of docs/release.md."""
    log.keep(RUN, {})
    data = json.loads(log.file.read_text())
    assert data["format"] == "oneroof-rollout-log/1"
    docs = (Path(__file__).parents[2] / "docs/release.md").read_text()
    for key in (*data, *data["steps"][0]):
        assert f"`{key}`" in docs, key


def test_a_step_is_told_in_one_line() -> None:
    """Time, rows, the strongest lock on what others use, and its figures."""
    assert told_runs([RUN]) == [
        "    step                  time  rows     strongest lock           figures",
        "  3 ownership seed       29 ms  +31 ~2 -3 ShareRowExclusive on 1   "
        "TIER 3: new=30 gap=0 conflict=0 gov_emit=0; first",
    ]
    assert told_runs([]) == []


@pytest.mark.parametrize(
    ("locks", "told"),
    [
        ({}, "-"),
        ({"a": ("AccessShareLock",), "b": ("AccessShareLock",)}, "AccessShare on 2"),
        ({"a": ("AccessShareLock", "ExclusiveLock")}, "Exclusive on 1"),
        ({"a": ("AccessExclusiveLock",), "b": ("NewLock",)}, "New on 1"),
    ],
)
def test_strongest_lock(locks: dict[str, tuple[str, ...]], told: str) -> None:
    """The strongest mode is told with the number of its relations."""
    assert strongest(dataclasses.replace(RUN, locks=locks)) == told


def test_rows_are_summed() -> None:
    """Rows added, changed and removed are summed over tables; nothing is a dash."""
    assert rows_of({"a": (1, 0, 0), "b": (2, 1, 0)}) == "+3 ~1"
    assert rows_of({}) == "-"
