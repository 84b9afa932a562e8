"""One break for each isolation check, applied inside the guarded transaction.

Copied into an inner pytest project by `test_isolation_fail.py` and run there: each
test breaks one thing, calls the shipped check, and expects it to fail by name.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources
from pytest_oneroof.postgres import scripts
from pytest_oneroof.state import run_key

Failed = (AssertionError, pytest.fail.Exception)
OTHER = "directus_gov_test_20260602"
DROP_SCRIPT = "sql/axis/Z_axis_substrate_drop_clone.sql"
UNMARKED = (
    "CREATE TABLE public.axis_value (value_code text, created_by text);"
    "INSERT INTO public.axis_value VALUES ('one', 'somebody'), ('two', 'TEST_CLONE_X')"
)

# What is done to the clone, and what the check has to say then. K1's break is
# another name that the run expects, as a database cannot rename itself.
BREAKS = {
    "k1": (f"expect {OTHER}", f"name: expected {OTHER}, found directus_gov_test_"),
    "k2": (
        "CREATE PUBLICATION out_of_here",
        "paths out: expected none, found publication out_of_here",
    ),
    "k3": (
        "DELETE FROM public.governance_object_ownership",
        "gap: expected 0, found 210\n"
        "  coverage/open_cells.sql: collection:agents/approval, ",
    ),
    "k4": (
        "INSERT INTO public.gov_worker_cursor (worker_name, source_name)"
        " VALUES ('another', 'source')",
        "cursors: expected 1, found 2",
    ),
    "k5": (
        "ALTER TABLE public.event_outbox"
        " DISABLE TRIGGER trg_event_outbox_type_validate",
        "enabled: expected True, found False",
    ),
    "k6": (
        UNMARKED,
        "table axis_value holds 1 rows without the TEST_CLONE marker",
    ),
    "k7": (UNMARKED, "axis_value holds 1 rows without TEST_CLONE"),
    "k8": (
        "INSERT INTO public.dot_iu_runtime_lease (lease_key, lease_owner, lease_until)"
        " VALUES ('DOT-1', 'worker', now() + interval '1 hour')",
        "leases: expected 0, found 1",
    ),
}
FURTHER = {
    "k5": (
        "UPDATE public.event_type_registry SET active = true"
        " WHERE event_type = 'coverage.scan_completed'",
        "gov_active: expected 0, found 1",
    ),
    "k7": (
        "CREATE TABLE public.axis_registry (axis_code text)",
        "axis_registry has no column created_by",
    ),
    "k8": (
        "UPDATE public.candidate_scan_run SET status = 'running'",
        "running_scans: expected 0, found 2\n  ended_scans: expected 2, found 0",
    ),
}


def shipped_checks() -> dict[str, Callable[..., None]]:
    """Return the shipped checks by their ids."""
    module = importlib.import_module("pytest_oneroof.suites.test_isolation")
    return {
        name.split("_")[1]: function
        for name, function in vars(module).items()
        if name.startswith("test_")
    }


def run_check(name: str, connection: Any, request: pytest.FixtureRequest) -> None:
    """Call a shipped check with the fixtures that it asks for."""
    check = shipped_checks()[name]
    given = {"oneroof_clone": connection, "request": request}
    check(**{key: given[key] for key in inspect.signature(check).parameters})


def test_every_check_has_its_break() -> None:
    """There is one break for each shipped check, in the same order."""
    assert list(BREAKS) == list(shipped_checks())


@pytest.mark.parametrize(
    ("name", "does", "tells"),
    [
        pytest.param(name, *case, id=f"{name}{suffix}")
        for suffix, cases in (("", BREAKS), ("-further", FURTHER))
        for name, case in cases.items()
    ],
)
def test_check_fails(
    name: str,
    does: str,
    tells: str,
    oneroof_clone: Any,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check passes before its break, and fails by name after it."""
    with oneroof_clone.transaction():
        run_check(name, oneroof_clone, request)
        raise psycopg.Rollback
    if name == "k1":
        monkeypatch.setattr(request.config.stash[run_key].lease, "database", OTHER)
    else:
        oneroof_clone.execute(does)
    with pytest.raises(Failed) as failure:
        run_check(name, oneroof_clone, request)
    assert tells in str(failure.value)


def test_drop_script_that_forgets_a_table(
    oneroof_clone: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K6 fails when the drop script leaves a table of the substrate."""
    whole = scripts.body

    def forgetful(text: str, name: str) -> str:
        return whole(text, name).replace("public.coverage_rule,", "")

    monkeypatch.setattr(scripts, "body", forgetful)
    with pytest.raises(Failed, match="on table coverage_rule depends on table"):
        run_check("k6", oneroof_clone, request)


def test_drop_script_that_is_missing(
    oneroof_clone: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K6 fails when there is no drop script."""
    whole = resources.read_text

    def missing(name: str) -> str:
        return whole(name + ".gone" if name == DROP_SCRIPT else name)

    monkeypatch.setattr(resources, "read_text", missing)
    with pytest.raises(Failed, match=f"no drop plan: {DROP_SCRIPT} is missing"):
        run_check("k6", oneroof_clone, request)


def test_mark_of_another_clone(
    oneroof_clone: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K1 and the plan of K6 fail when the marker is not the one that was admitted."""
    clone = request.config.stash[run_key].clone
    marker = type(clone.marker)(**{**vars(clone.marker), "nonce": "0" * 16})
    monkeypatch.setitem(vars(clone), "marker", marker)
    for name in ("k1", "k6"):
        with pytest.raises(Failed, match="nonce: expected 0000000000000000, found "):
            run_check(name, oneroof_clone, request)


def test_name_of_another_form(
    oneroof_clone: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K1 fails when the name is the expected one, but no clone's."""
    settings = request.config.stash[run_key].settings
    monkeypatch.setitem(vars(settings), "clone_pattern", "clone_[0-9]+")
    with pytest.raises(Failed, match=r"does not match clone_\[0-9\]\+"):
        run_check("k1", oneroof_clone, request)
