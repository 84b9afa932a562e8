"""One break for each check of the release, on two rehearsal clones.

Copied into an inner pytest project by `test_release_fail.py` and run there. What is
broken is the packet's text on its way to the clone, or the state it comes upon; each
break is taken back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof import resources, shipped
from pytest_oneroof.errors import OneroofError
from pytest_oneroof.release.plan import FOLDER, open_packet
from pytest_oneroof.release.steps import open_target

suite = shipped.load("release")
journeys = importlib.import_module("pytest_oneroof.suites.release_journey")
rehearsals = importlib.import_module("pytest_oneroof.suites.rehearsals")
Failed = (AssertionError, pytest.fail.Exception)
FULL, OWNERSHIP = suite.FULL, suite.OWNERSHIP
LEFT = "CREATE TABLE public.left_behind ()"
BESIDE = "DO $$ BEGIN RAISE NOTICE 'beside'; END $$"
RETIRE = "UPDATE public.axis_registry SET status = '{}' WHERE axis_code = 'topic'"
ACTIVATE = (
    "UPDATE public.event_type_registry SET active = {}"
    " WHERE event_type = 'coverage.scan_completed'"
)
# A table that a tier writes by its plan: written once more, its delta is another.
WRITES = {
    "2": "axis_value",
    "3": "governance_object_ownership",
    "4": "axis_value",
    "5": "axis_value",
    "6": "governance_drift_state",
}
# The rule of these is PostgreSQL's own: the file does not ask it any more.
SPECIAL = {"tr-dependant": ("DROP VIEW", "SELECT 1; -- DROP VIEW")}


def _made(request: pytest.FixtureRequest, packet: str) -> Iterator[Any]:
    made = journeys.Rollout(packet, lambda: rehearsals.committing_clone(request))
    yield made
    made.close()


@pytest.fixture(scope="module")
def full(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The full packet on one rehearsal clone for all breaks."""
    yield from _made(request, "full")


@pytest.fixture(scope="module")
def ownership(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The ownership packet on one rehearsal clone for all breaks."""
    yield from _made(request, "ownership")


@contextlib.contextmanager
def edited(rollout: Any, number: str, edit: Callable[[str], str]) -> Iterator[None]:
    """Have a step's text edited on its way to the clone."""
    whole = rollout.packet
    file = rollout.step(number).file
    text = whole.files[file].decode()
    assert edit(text) != text, f"nothing was broken in {file}"
    files = {**whole.files, file: edit(text).encode()}
    rollout.packet = dataclasses.replace(whole, files=files)
    try:
        yield
    finally:
        rollout.packet = whole


def with_(statement: str) -> Callable[[str], str]:
    """Return an edit that adds a statement before the step's report."""

    def edit(text: str) -> str:
        head, mark, tail = text.rpartition("DO $$\nDECLARE\n  before jsonb")
        if not mark:
            head, mark, tail = text.rpartition("COMMIT;")
        return f"{head}{statement};\n\n{mark}{tail}"

    return edit


def toothless(text: str) -> str:
    """Return a file whose assertions only say what they would have refused."""
    return text.replace("RAISE EXCEPTION", "RAISE NOTICE")


def send(rollout: Any, *statements: str) -> None:
    """Change the clone, and commit that."""
    with contextlib.closing(open_target(rollout.where, writes=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def fails(told: str, check: Callable[..., Any], *arguments: Any) -> None:
    """Assert that a check fails, and that its failure tells why."""
    with pytest.raises((*Failed, OneroofError), match=told):
        check(*arguments)


def params(data: dict[str, Any], name: str) -> pytest.MarkDecorator:
    """Make a test of each entry of a list in a packet's figures."""
    found = [pytest.param(entry, id=entry["id"]) for entry in data[name]]
    return pytest.mark.parametrize("entry", found)


# ------------------------------------------------------------------------ packets


@pytest.mark.parametrize("name", ["ownership", "full"])
def test_seal_broken(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A packet with one changed byte fails its check by the file's name."""
    folder = tmp_path / name
    shutil.copytree(resources.path(FOLDER) / name, folder)
    file = folder / "00_preflight.sql"
    file.write_bytes(file.read_bytes().replace(b"-- ", b"--\t", 1))
    monkeypatch.setattr(suite, "open_packet", lambda _: open_packet(str(folder)))
    fails("SHA256_MISMATCH 00_preflight.sql", suite.test_seal_holds, name)


@pytest.mark.parametrize("name", ["ownership", "full"])
def test_predicate_drifted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A monitor that asks for less than the packets do is noticed."""
    weaker = suite.predicate().replace("published", "draft")
    monkeypatch.setattr(suite, "predicate", lambda: weaker)
    fails(r"00_preflight\.sql", suite.test_gate_predicate, name)


# ------------------------------------------------------------------ deltas and stops


def _wrong_delta(
    rollout: Any, entry: dict[str, Any], check: Callable[..., Any]
) -> None:
    number = entry["step"]
    rollout.reach(rollout.numbers[rollout.numbers.index(number) - 1])
    table = WRITES.get(number) if rollout.packet.name == "full" else None
    table = table or ("governance_object_ownership" if entry["rows"] else None)
    again = f"UPDATE public.{table} SET created_by = created_by" if table else BESIDE
    if table == "governance_drift_state":
        again = f"UPDATE public.{table} SET severity = severity"
    with edited(rollout, number, with_(again)):
        fails("added, changed, removed" if table else "beside", check, rollout, entry)
    rollout.back()


@params(FULL, "deltas")
def test_tier_does_more(full: Any, entry: dict[str, Any]) -> None:
    """A tier that writes or says more than its delta fails its check."""
    _wrong_delta(full, entry, suite.test_tier)


@params(OWNERSHIP, "deltas")
def test_seed_does_more(ownership: Any, entry: dict[str, Any]) -> None:
    """A step of the ownership packet that does more fails its check."""
    _wrong_delta(ownership, entry, suite.test_seed)


def _not_stopped(
    rollout: Any, entry: dict[str, Any], check: Callable[..., Any]
) -> None:
    old, new = SPECIAL.get(entry["id"], ("RAISE EXCEPTION", "RAISE NOTICE"))
    rollout.reach(entry["stage"])
    with edited(rollout, entry["step"], lambda text: text.replace(old, new)):
        fails("was not stopped|stopped by another rule", check, rollout, entry)


@params(FULL, "stops")
def test_stop_without_its_rule(full: Any, entry: dict[str, Any]) -> None:
    """A tier whose rules only speak is not stopped, and its check says so."""
    _not_stopped(full, entry, suite.test_stop)


@params(OWNERSHIP, "stops")
def test_seed_stop_without_its_rule(ownership: Any, entry: dict[str, Any]) -> None:
    """A step whose rules only speak is not stopped, and its check says so."""
    _not_stopped(ownership, entry, suite.test_seed_stop)


# -------------------------------------------------------------------------- states


def test_figures_wrong(full: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure of the runbook's table that is another is named."""
    trial = full.trial

    @contextlib.contextmanager
    def retired(stage: str) -> Iterator[Any]:
        with trial(stage) as connection:
            connection.execute(RETIRE.format("retired"))
            yield connection

    monkeypatch.setattr(full, "trial", retired)
    with edited(full, "8", toothless):
        fails(r"'active_axes': \('3', '2'\)", suite.test_verified_figures, full)


def test_ui_contract_wrong(full: Any) -> None:
    """A contract that ends on other words fails its check."""
    with edited(full, "U", with_(BESIDE)):
        fails("beside", suite.test_ui_contract, full)


def test_finalized_is_not(full: Any, request: pytest.FixtureRequest) -> None:
    """Without its scan the phase is not finalized, and what stands is told."""
    full.reach("8")
    send(full, "TRUNCATE public.governance_scan_run CASCADE")
    try:
        fails("partial", suite.test_finalized, full, request)
    finally:
        full.back()


@pytest.mark.parametrize("number", ["1", "2", "3", "4", "5"])
def test_partial_goes_further(
    full: Any, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one tier more stands than is said, the check tells it."""
    reach = full.reach
    monkeypatch.setattr(full, "reach", lambda n: reach(str(int(n) + 1)))
    fails("finalized" if number == "5" else number, suite.test_partial, full, number)


def test_rerun_is_not_refused(full: Any) -> None:
    """A preflight that only speaks lets a second run in: the check fails."""
    with edited(full, "0", toothless):
        fails("it did not say", suite.test_second_run_is_refused, full)


def test_out_of_scope_moves(full: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What moves beside the packet on the way is named with both values."""
    reach = full.reach

    def moving(stage: str) -> None:
        reach(stage)
        if stage == "8":
            send(full, ACTIVATE.format("true"))

    monkeypatch.setattr(full, "reach", moving)
    try:
        fails(r"moved \(entry, later\): ", suite.test_nothing_else_moves, full)
    finally:
        send(full, ACTIVATE.format("false"))


@pytest.mark.parametrize(
    ("check", "number"),
    [
        ("test_rollback_proves_itself", "R"),
        ("test_rollback_is_idempotent", "R"),
        ("test_rollback_by_tier", "R1"),
    ],
)
def test_rollback_leaves_something(full: Any, check: str, number: str) -> None:
    """A rollback that leaves a table behind fails its proof, by that table."""
    try:
        with edited(full, number, with_(LEFT)):
            fails("left_behind", getattr(suite, check), full)
    finally:
        send(full, "DROP TABLE IF EXISTS public.left_behind")


def test_seed_rollback_leaves_something(ownership: Any) -> None:
    """A rollback of the seed that leaves a table behind fails its proof."""
    try:
        with edited(ownership, "R", with_(LEFT)):
            fails("left_behind", suite.test_seed_rollback_proves_itself, ownership)
    finally:
        send(ownership, "DROP TABLE IF EXISTS public.left_behind")


def test_recompile_keeps_a_view(full: Any) -> None:
    """A teardown that keeps a view of the release is noticed."""
    view = "CREATE VIEW public.v_ui_left AS SELECT 1 AS one"
    with edited(full, "R", with_(view)):
        fails("assert 1 == 0", suite.test_structure_compiles_again, full)


def test_scan_is_not_stable(full: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding that a later scan sees for the first time is counted as new."""
    trial = full.trial

    @contextlib.contextmanager
    def forgotten(stage: str) -> Iterator[Any]:
        with trial(stage) as connection:
            connection.execute(
                "DELETE FROM public.governance_drift_state WHERE state_id ="
                " (SELECT min(state_id) FROM public.governance_drift_state)"
            )
            yield connection

    monkeypatch.setattr(full, "trial", forgotten)
    fails(r"\[15, 1, 0\]|\(15, 1, 0\)", suite.test_scan_is_stable, full)


@pytest.mark.parametrize("number", ["0", "1", "2"])
def test_shadow_does_not_collide(full: Any, number: str) -> None:
    """Where a file that has to refuse the inert shadow only speaks, that is told."""
    told = {"0": "was not stopped|it did not|REFUSING", "1": "there already"}
    with edited(full, number, toothless):
        fails(
            told.get(number, "was not stopped"),
            suite.test_inert_shadow_collides,
            full,
        )


def test_seeded_is_not_refused(ownership: Any, full: Any) -> None:
    """A preflight that only speaks does not refuse a seeded database."""
    full.reach("0")
    with edited(full, "0", toothless):
        fails(
            "DID NOT RAISE", suite.test_full_refuses_a_seeded_database, ownership, full
        )
