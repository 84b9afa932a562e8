"""Isolation: eight checks that the clone is the one meant, alone and inert."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from psycopg import sql as composed
from pytest_oneroof.suites.figures import (
    Connection,
    compare,
    expect,
    read_figures,
    tell,
)
from pytest_oneroof.suites.support import rows, sql

from pytest_oneroof import resources
from pytest_oneroof.ownership.marker import PREFIX
from pytest_oneroof.run.clone_side import CloneRun
from pytest_oneroof.run.keys import run_key
from pytest_oneroof.statements import scripts

DROP_SCRIPT = "sql/axis/Z_axis_substrate_drop_clone.sql"


def data(name: str) -> Any:
    """Return a value of the suite's fixture."""
    return resources.read_json("fixtures/isolation.json")[name]


def this_run(request: pytest.FixtureRequest) -> CloneRun:
    """Return the run that took the clone."""
    return request.config.stash[run_key]


def test_k1_expected_clone(
    oneroof_clone: Connection, request: pytest.FixtureRequest
) -> None:
    """The database is exactly the one that the run took, by name, oid and marker."""
    run = this_run(request)
    assert run.lease is not None
    found = read_figures(oneroof_clone, "isolation/identity", {"prefix": PREFIX})
    expected = {
        "name": run.lease.database,
        "oid": run.clone.oid,
        "nonce": run.clone.marker.nonce,
    }
    tell(compare(expected, found), "the clone of this run")
    pattern = run.settings.clone_pattern
    assert re.fullmatch(pattern, found["name"]), (
        f"the name {found['name']!r} does not match {pattern}"
    )


def test_k2_nobody_and_nowhere(oneroof_clone: Connection) -> None:
    """Nobody else is on the clone, and no path leads out of it."""
    others = rows(oneroof_clone, sql("isolation/sessions.sql"))
    paths = [
        f"{kind} {name}"
        for kind, name in rows(oneroof_clone, sql("isolation/paths_out.sql"))
        if kind != "job table" or has_jobs(oneroof_clone, name)
    ]
    tell(
        compare(
            {"other sessions": "none", "paths out": "none"},
            {
                "other sessions": "; ".join(found for (found,) in others) or "none",
                "paths out": "; ".join(paths) or "none",
            },
        ),
        "the clone is not isolated",
    )


def has_jobs(connection: Connection, table: str) -> bool:
    """Tell whether a scheduler's table, by its quoted name, holds a job."""
    query = f"SELECT EXISTS (SELECT FROM {table})"
    return bool(rows(connection, query)[0][0])


def test_k3_seeded_and_covered(oneroof_clone: Connection) -> None:
    """The clone is seeded, and no cell of its 35 x 6 is open."""
    expect(oneroof_clone, "coverage/owner_gap", listing="coverage/open_cells.sql")
    own = read_figures(oneroof_clone, "coverage/ownership_anchors")["own"]
    least = data("own_at_least")
    assert own >= least, f"own: expected {least} or more, found {own}"


def test_k4_scanner_bounded(oneroof_clone: Connection) -> None:
    """Five states of five groups, 35 objects of 35 collections, and one cursor."""
    expect(
        oneroof_clone,
        "coverage/write_shape.candidate_state",
        "coverage/write_shape.candidate_object",
        "coverage/base_figures.object_groups",
        "coverage/base_figures.objects",
        "isolation/cursors",
    )


def test_k5_dispatch_inert(oneroof_clone: Connection) -> None:
    """Nothing is emitted, no governance type is active, every event is validated."""
    expect(oneroof_clone, "coverage/event_state", "isolation/validation_trigger")


def test_k6_drop_plan(
    oneroof_clone: Connection, request: pytest.FixtureRequest
) -> None:
    """The drop script clears a marked substrate; one statement drops the clone."""
    before = read_figures(oneroof_clone, "isolation/substrate")
    with oneroof_clone.transaction():
        if before["axis_tables"] == 0:
            oneroof_clone.execute(sql("isolation/substrate_probe.sql"))
            expect(oneroof_clone, "isolation/substrate", phase="probe made")
        run_drop_script(oneroof_clone)
        expect(oneroof_clone, "isolation/substrate", phase="probe dropped")
        expect(oneroof_clone, "coverage/owner_gap")
        raise psycopg.Rollback
    after = read_figures(oneroof_clone, "isolation/substrate")
    tell(compare(before, after), "after the undo")
    plan = read_figures(oneroof_clone, "isolation/drop_plan", {"prefix": PREFIX})
    request.node.user_properties.append(("oneroof_drop_plan", show_plan(plan)))
    clone = this_run(request).clone
    drop = composed.SQL("DROP DATABASE IF EXISTS {}")
    expected = {
        "statement": drop.format(composed.Identifier(clone.database)).as_string(),
        "nonce": clone.marker.nonce,
        "blockers": "none",
    }
    tell(compare(expected, plan), "the plan to drop the clone")


def run_drop_script(connection: Connection) -> None:
    """Run the drop script, without its BEGIN and COMMIT; fail where it refuses."""
    try:
        text = resources.read_text(DROP_SCRIPT)
    except OSError:
        pytest.fail(f"there is no drop plan: {DROP_SCRIPT} is missing", pytrace=False)
    try:
        connection.execute(scripts.body(text, DROP_SCRIPT).encode())
    except psycopg.Error as error:
        pytest.fail(f"{DROP_SCRIPT} failed: {error}", pytrace=False)


def show_plan(plan: dict[str, Any]) -> str:
    """Return the plan to drop the clone as one line, and print it."""
    told = f"marker {plan['nonce']}, blockers: {plan['blockers']}"
    line = f"{plan['statement']} -- {told}"
    print(f"from database postgres: {line}")
    return line


def test_k7_axis_tables_known(oneroof_clone: Connection) -> None:
    """There is no axis table, or every row of it is marked TEST_CLONE."""
    expect(oneroof_clone, "isolation/substrate")
    found = rows(oneroof_clone, sql("isolation/axis_tables.sql"))
    marked = 0
    unknown = []
    for name, has_mark in found:
        total, ours = count_marked(oneroof_clone, name) if has_mark else (0, 0)
        marked += ours
        if not has_mark:
            unknown.append(f"{name} has no column created_by")
        elif total != ours:
            unknown.append(f"{name} holds {total - ours} rows without TEST_CLONE")
    if found and not marked:
        unknown.append("no row at all says whose the tables are")
    known = {"axis tables": "; ".join(unknown) or "known"}
    tell(compare({"axis tables": "known"}, known), f"{len(found)} axis tables")


def count_marked(connection: Connection, table: str) -> tuple[int, int]:
    """Return the rows of an axis table, and those that a rehearsal marked."""
    query = composed.SQL(
        "SELECT count(*), count(*) FILTER (WHERE created_by LIKE %s) FROM public.{}"
    ).format(composed.Identifier(table))
    found = connection.execute(query, [data("mark")]).fetchone()
    assert found is not None
    return found[0], found[1]


def test_k8_no_worker(oneroof_clone: Connection) -> None:
    """No lease is held, no job and no scan runs; the two scans have ended."""
    expect(oneroof_clone, "isolation/no_worker")
