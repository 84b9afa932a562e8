"""Owners: who answers for what, compared with the ratified map, row for row.

Counts cannot tell: thirty anchors are thirty, whomever they name. What is expected
stands in `fixtures/owners.json`, a record of the decision; what is found is read
from the base tables, and from the view that everybody else asks.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from psycopg import sql as composed
from pytest_oneroof.suites.figures import (
    Connection,
    compare,
    compare_rows,
    expected_phase,
    read_figures,
    row,
    tell,
)
from pytest_oneroof.suites.ratified import (
    Ratified,
    found_anchors,
    found_members,
    found_nodes,
    groups_by_size,
)
from pytest_oneroof.suites.rules import assert_rules
from pytest_oneroof.suites.support import PACK, named_rows, rows, sql

from pytest_oneroof import resources
from pytest_oneroof.check.connection import GuardedConnection
from pytest_oneroof.production.figures import PARTIAL, Figures

readonly = pytest.mark.readonly


def ratified() -> Ratified:
    """Return the ratified map."""
    return Ratified(resources.read_json("fixtures/owners.json"))


def members(connection: Connection) -> list[dict[str, str]]:
    """Return the governed collections, and those that should be."""
    query = sql("owners/members.sql")
    return named_rows(connection, query, {"known": list(ratified().group_of)})


def owners_phase(connection: Connection) -> str:
    """Return the phase whose owners have to hold.

    A production whose figures fit no phase is measured by what it should be: one
    with anchors by the seeded phase, so that each wrong anchor is named.
    """
    if isinstance(connection, GuardedConnection):
        return expected_phase(connection)
    figures = Figures(PACK)
    metrics = figures.metrics(connection)
    phase = figures.phase(metrics)
    assert phase is not None
    if phase.name != PARTIAL:
        return phase.name
    return "seeded" if metrics["own"] else "greenfield"


@row("o1")
@readonly
def test_ratified_owners(oneroof_target: Connection) -> None:
    """Each group has in each scope the ratified owner, approved and in force."""
    phase = owners_phase(oneroof_target)
    expected = ratified().anchors(phase)
    found = named_rows(oneroof_target, sql("owners/anchors.sql"))
    moved = compare_rows("anchors", expected, found_anchors(found, expected))
    tell(moved, f"group/scope, as ratified for phase {phase!r}")


@row("o2")
@readonly
def test_effective_owners(oneroof_target: Connection) -> None:
    """Of each group and collection, in each scope, the view names that owner."""
    phase = owners_phase(oneroof_target)
    group_of = {one["name"]: one["group_code"] for one in members(oneroof_target)}
    expected = ratified().nodes(phase, group_of)
    found = found_nodes(named_rows(oneroof_target, sql("owners/cells.sql")))
    moved = compare_rows("effective owners", expected, found)
    tell(moved, f"node/scope, as ratified for phase {phase!r}")


@row("o3")
@readonly
def test_governed_members(oneroof_target: Connection) -> None:
    """The 35 collections are governed, in the groups and the scopes of the map."""
    known = ratified()
    # What is not proven of a production is asserted of a clone alone.
    proven = not isinstance(oneroof_target, GuardedConnection)
    found = members(oneroof_target)
    expected = known.members(proven=proven)
    loose = known.data["inferred"] if proven else ()
    told = found_members(found, loose, known.data["governed_as"])
    tell(compare_rows("governed collections", expected, told), "as ratified")
    sizes = groups_by_size({one["name"]: one["group_code"] for one in found})
    tell(compare(groups_by_size(known.group_of), sizes), "collections of a group")
    query = sql("owners/scopes.sql")
    values = {"known": list(known.scopes)}
    scopes = dict(rows(oneroof_target, query, values))
    tell(compare_rows("scopes", dict.fromkeys(known.scopes, "active"), scopes), "scope")


@row("o4")
def test_only_what_is_in_force_owns(oneroof_clone: Connection) -> None:
    """An anchor that is not in force owns nothing: its group's cells are open."""
    known = ratified()
    for code, group in known.groups.items():
        cells = len(group["collections"])
        scope = known.scopes[cells % len(known.scopes)]
        for why, change in known.data["not_in_force"].items():
            check_gap(oneroof_clone, change, f"{code}/{scope}", {"gap": cells}, why)
        for why, change in known.data["in_force"].items():
            check_gap(oneroof_clone, change, f"{code}/{scope}", {"gap": 0}, why)
    assert_rules(oneroof_clone, "governance_object_ownership")


def check_gap(
    connection: Connection,
    change: str,
    pair: str,
    expected: Mapping[str, int],
    why: str,
) -> None:
    """Assert the open cells after one anchor was changed; undo that."""
    code, _, scope = pair.partition("/")
    with connection.transaction(force_rollback=True):
        query = (
            f"UPDATE public.governance_object_ownership SET {change}"
            " WHERE object_type = 'group' AND object_ref = %s AND scope = %s"
        )
        done = connection.execute(query.encode(), [code, scope])
        tell(compare({"anchors": 1}, {"anchors": done.rowcount}), pair)
        found = read_figures(connection, "coverage/owner_gap")
        tell(compare(expected, found), f"{pair}, its anchor {why}")


@row("o5")
def test_only_who_is_in_office_owns(oneroof_clone: Connection) -> None:
    """A body that has retired owns nothing; one that is a draft still does."""
    known = ratified()
    for body in known.data["bodies"]:
        cells = len(known.scopes) * sum(
            len(group["collections"])
            for group in known.groups.values()
            if group["owner"] == body
        )
        for status, gap in (("draft", 0), ("active", 0), ("retired", cells)):
            with oneroof_clone.transaction(force_rollback=True):
                oneroof_clone.execute(
                    "UPDATE public.governance_registry SET status = %s WHERE code = %s",
                    [status, body],
                )
                found = read_figures(oneroof_clone, "coverage/owner_gap")
                tell(compare({"gap": gap}, found), f"{body} is {status}")
    assert_rules(oneroof_clone, "governance_registry")


@row("o6")
@readonly
def test_grants(oneroof_target: Connection) -> None:
    """Nobody may do more on a table of governance than is known, nor less."""
    known = resources.read_json("fixtures/grants.json")
    expected: dict[str, str] = {}
    found: dict[str, str] = {}
    for table in known["tables"]:
        less = known["may_not"].get(table, {})
        for role, privileges in known["may"].items():
            kept = [p for p in privileges if p not in less.get(role, ())]
            expected[f"{table}, {role}"] = ", ".join(kept)
        found |= grants_on(oneroof_target, table)
    if not found:
        # Copied without grants: what is known of them cannot be too little here.
        expected = {}
    if not isinstance(oneroof_target, GuardedConnection):
        # Roles that production has besides may read, as far as is known.
        found = {
            name: told
            for name, told in found.items()
            if name in expected or told != "SELECT" or name.endswith(", PUBLIC")
        }
    tell(compare_rows("grants", expected, found), "table, role")


def grants_on(connection: Connection, table: str) -> dict[str, str]:
    """Return what each role but the owner may do on a relation."""
    # In the text, so that the relation is seen to be looked at.
    name = composed.Literal(f"public.{table}").as_string().encode()
    query = sql("owners/grants.sql").replace(b"%(relation)s", name)
    held: dict[str, list[str]] = {}
    for role, privilege in rows(connection, query):
        held.setdefault(f"{table}, {role}", []).append(privilege)
    return {name: ", ".join(sorted(told)) for name, told in held.items()}
