"""One break for each item of suite release: each is seen failing, by its name.

Run inside a run on the clone. Three kinds: a step's own refusals weakened to
notices, a step's file with a stray write in it, and a rehearsal clone that somebody
else has written to.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources, shipped
from pytest_oneroof.release.plan import FOLDER, MANIFEST
from pytest_oneroof.release.seal import SealBroken
from pytest_oneroof.release.seal_command import write_seal
from pytest_oneroof.release.steps import open_target

suite = shipped.load("release")
journey = importlib.import_module("pytest_oneroof.suites.release_journey")
rehearsals = importlib.import_module("pytest_oneroof.suites.rehearsals")
GREENFIELD, Rollout = journey.GREENFIELD, journey.Rollout
full, ownership = suite.full, suite.ownership
FAILED = (AssertionError, pytest.fail.Exception, psycopg.Error)
SIDE_EFFECT = r"REFUSING: side effect on public\.governance_docs, planned were"
READ_ONLY = "cannot execute INSERT in a read-only transaction"
# Stopped by the server's own rule on dependants, not by a refusal of the file.
SERVERS_OWN = "tr-dependant"
STRAY = b"INSERT INTO public.governance_docs (code) VALUES ('STRAY');\n"
ENTRIES = [
    pytest.param(packet, entry, id=entry["id"])
    for packet, data in (("full", suite.FULL), ("ownership", suite.OWNERSHIP))
    for entry in data["stops"]
]
DELTAS = [
    pytest.param(packet, entry, id=entry["id"])
    for packet, data in (("full", suite.FULL), ("ownership", suite.OWNERSHIP))
    for entry in data["deltas"]
]


@contextlib.contextmanager
def edited(
    rollout: Rollout, number: str, change: Callable[[bytes], bytes]
) -> Iterator[None]:
    """Have a step of the rollout run other bytes than the sealed ones."""
    packet, step = rollout.packet, rollout.step(number)
    text = change(packet.files[step.file])
    assert text != packet.files[step.file], f"nothing is broken in {step.file}"
    files = {**packet.files, step.file: text}
    rollout.packet = dataclasses.replace(packet, files=files)
    try:
        yield
    finally:
        rollout.packet = packet


def weaken(text: bytes) -> bytes:
    """Make a notice of each refusal, and drop no table's constraint meanwhile."""
    return text.replace(b"RAISE EXCEPTION", b"RAISE NOTICE")


def stray(text: bytes) -> bytes:
    """Write a row that no plan names, before the step's closing report."""
    before, report, after = text.rpartition(b"DO $")
    return before + STRAY + report + after


@pytest.fixture
def fresh(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Rollout]]:
    """Make a rollout that a test may spoil for good."""
    with contextlib.ExitStack() as stack:

        def make(packet: str) -> Rollout:
            made = Rollout(packet, lambda: rehearsals.committing_clone(request))
            stack.callback(made.close)
            return made

        yield make


def write(rollout: Rollout, statement: str) -> None:
    """Write on the rehearsal clone, as somebody beside the release."""
    with contextlib.closing(open_target(rollout.where, writes=True)) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize(("packet", "entry"), ENTRIES)
def test_stop(packet: str, entry: dict[str, Any], request: Any) -> None:
    """A step that only gives notice where it should refuse is not stopped."""
    rollout: Rollout = request.getfixturevalue(packet)
    if entry["id"] == SERVERS_OWN:
        entry = {**entry, "spoil": ""}
    rollout.reach(entry["stage"])
    with edited(rollout, entry["step"], weaken), pytest.raises(FAILED) as failure:
        suite._assert_stop(rollout, entry)
    told = str(failure.value)
    assert "was not stopped" in told or "stopped by another rule" in told


@pytest.mark.parametrize(("packet", "entry"), DELTAS)
def test_delta(packet: str, entry: dict[str, Any], request: Any) -> None:
    """A step that writes what no plan names does not come through."""
    rollout: Rollout = request.getfixturevalue(packet)
    rollout.reach(GREENFIELD)
    check = suite.test_tier if packet == "full" else suite.test_seed
    step = rollout.step(entry["step"])
    told = rf"^not reached: {re.escape(str(step))} stopped: " + (
        SIDE_EFFECT if step.kind == "change" else READ_ONLY
    )
    with (
        edited(rollout, entry["step"], stray),
        pytest.raises(AssertionError, match=told),
    ):
        check(rollout, entry)


def test_seal(tmp_path: Path) -> None:
    """A packet with one byte changed is refused."""
    folder = shutil.copytree(resources.path(FOLDER) / "full", tmp_path / "full")
    file = folder / "00_preflight.sql"
    file.write_bytes(file.read_bytes().replace(b"-", b"+", 1))
    with pytest.raises(SealBroken, match=r"00_preflight\.sql"):
        suite.test_seal_holds(str(folder))


def test_predicate(tmp_path: Path) -> None:
    """A gated file with another predicate is told, though it is sealed anew."""
    folder = shutil.copytree(resources.path(FOLDER) / "full", tmp_path / "full")
    file = folder / "40_containment.sql"
    text = file.read_bytes()
    file.write_bytes(text.replace(b"AND esignature_agreement", b""))
    assert file.read_bytes() != text
    names = [
        line.split("  ", 1)[1]
        for line in (folder / MANIFEST).read_text().splitlines()
        if not line.startswith("#")
    ]
    (folder / MANIFEST).unlink()
    write_seal(folder / MANIFEST, folder, names)
    with pytest.raises(AssertionError, match=r"40_containment\.sql"):
        suite.test_gate_predicate(str(folder))


ANCHOR = (
    "DELETE FROM public.governance_object_ownership WHERE id ="
    " (SELECT min(id) FROM public.governance_object_ownership)"
)
CONTAINMENT = "DELETE FROM public.axis_object_ownership"
UNSCANNED = "UPDATE public.governance_scan_run SET finding_count = 0"
UNREADABLE = "DROP VIEW public.v_ui_lane"
# Item: the stage that is spoilt, by what, and what the item says then.
SPOILT: dict[str, tuple[Callable[[Rollout], None], str, str, str]] = {
    "t8-figures": (suite.test_verified_figures, "6", ANCHOR, "canonical_gap=1"),
    "tu-contract": (suite.test_ui_contract, "8", UNREADABLE, "v_ui_lane"),
    "finalized": (suite.test_finalized, "8", CONTAINMENT, "partial"),
    "partial": (
        lambda rollout: suite.test_partial(rollout, "3"),
        "3",
        "DELETE FROM public.governance_object_ownership",
        "['1', '2'] == ['1', '2', '3']",
    ),
    "rescan": (suite.test_scan_is_stable, "6", UNSCANNED, "0 > 0"),
}


@pytest.mark.parametrize("name", list(SPOILT))
def test_spoilt(name: str, fresh: Callable[[str], Rollout]) -> None:
    """On a clone that somebody wrote to the item fails, and says what is off."""
    check, stage, statement, told = SPOILT[name]
    rollout = fresh("full")
    rollout.reach(stage)
    write(rollout, statement)
    with pytest.raises((AssertionError, psycopg.Error), match=re.escape(told)):
        check(rollout)


# Item: the step whose file is broken, how, and what the item says then.
BROKEN: dict[str, tuple[Callable[[Rollout], None], str, Any, str]] = {
    "rerun": (suite.test_second_run_is_refused, "0", weaken, "assert"),
    "out-of-scope": (suite.test_nothing_else_moves, "4", stray, "not reached: step 4"),
    "rollback": (suite.test_rollback_proves_itself, "R", stray, "not rolled back"),
    "rollback-twice": (suite.test_rollback_is_idempotent, "R", stray, "not rolled"),
    "rollback-by-tier": (suite.test_rollback_by_tier, "R4", stray, "not rolled back"),
    "option-3": (suite.test_inert_shadow_collides, "2", weaken, "step 2 was not"),
    "recompile": (
        suite.test_structure_compiles_again,
        "1",
        lambda text: text.replace(
            b"\nCOMMIT;", b"\nDROP VIEW public.v_ui_lane;\nCOMMIT;"
        ),
        "assert 41 == ",
    ),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_broken(name: str, fresh: Callable[[str], Rollout]) -> None:
    """With a step's file broken the item fails, and says where."""
    check, number, change, told = BROKEN[name]
    rollout = fresh("full")
    rollout.reach(rollout.numbers[-1] if name == "rerun" else GREENFIELD)
    with (
        edited(rollout, number, change),
        pytest.raises((AssertionError, pytest.fail.Exception), match=told),
    ):
        check(rollout)


def test_seeded_refused(ownership: Rollout, full: Rollout) -> None:
    """A full packet whose preflight only gives notice is told."""
    with (
        edited(full, "0", weaken),
        pytest.raises(FAILED, match="DID NOT RAISE"),
    ):
        suite.test_full_refuses_a_seeded_database(ownership, full)


def test_seed_rollback(ownership: Rollout) -> None:
    """A rollback of the seed that writes beside it does not come through."""
    with (
        edited(ownership, "R", stray),
        pytest.raises(AssertionError, match="not rolled back"),
    ):
        suite.test_seed_rollback_proves_itself(ownership)
