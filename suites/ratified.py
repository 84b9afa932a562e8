"""Who has to answer for what, as ratified: `fixtures/owners.json`. Pure.

The map is a record of the decision, apart from the SQL that seeds the anchors: it
is compared with what the base tables and the views say, row for row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Told = dict[str, str]
NOBODY = "nobody"
REQUEST = "an approved request"


@dataclass(frozen=True)
class Ratified:
    """The ratified map, and what it says of a phase's rows, by group and scope."""

    data: Mapping[str, Any]

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scopes in which everything needs an owner."""
        return tuple(self.data["scopes"])

    @property
    def groups(self) -> Mapping[str, Any]:
        """Each group's owner and collections."""
        groups: Mapping[str, Any] = self.data["groups"]
        return groups

    @property
    def group_of(self) -> dict[str, str]:
        """The group of each collection."""
        return {
            name: code
            for code, group in self.groups.items()
            for name in group["collections"]
        }

    def owned(self, phase: str) -> bool:
        """Tell whether anybody owns in this phase."""
        return bool(self.data["phases"][phase]["owned"])

    def anchors(self, phase: str) -> Told:
        """Return what has to be told of each group and scope."""
        if not self.owned(phase):
            return {}
        approved = self.data["phases"][phase]["approved_by"]
        return {
            f"{code}/{scope}": describe_anchor(
                group["owner"],
                self.data["bodies"][group["owner"]],
                "in force",
                approved,
            )
            for code, group in self.groups.items()
            for scope in self.scopes
        }

    def nodes(self, phase: str, group_of: Mapping[str, str]) -> Told:
        """Return the effective owner of each group and collection in each scope."""
        if not self.owned(phase):
            return {}
        told = {}
        for scope in self.scopes:
            for code, group in self.groups.items():
                told[f"group {code}/{scope}"] = describe_owner(
                    group["owner"], "accountable", "direct", 0, f"group {code}"
                )
            for name, code in group_of.items():
                owner = self.groups.get(code, {}).get("owner", NOBODY)
                told[f"collection {name}/{scope}"] = describe_owner(
                    owner, "accountable", "inherited", 1, f"group {code}"
                )
        return told

    def members(self, *, proven: bool) -> Told:
        """Return what each governed collection is; with `proven`, only known groups."""
        loose = frozenset(self.data["inferred"] if proven else ())
        governed = self.data["governed_as"]
        return {
            name: describe_member("any group" if name in loose else code, governed)
            for name, code in self.group_of.items()
        }


def found_anchors(rows: Iterable[Mapping[str, Any]], expected: Told) -> Told:
    """Return the rows of `owners/anchors.sql` as told, by group and scope.

    A row that is not in force and no expected one's is history: of a pair with
    several rows the one in force is told, of several in force all.
    """
    by_pair: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_pair.setdefault(f"{row['group_code']}/{row['scope']}", []).append(row)
    told = {}
    for pair, its in by_pair.items():
        current = [row for row in its if row["force"] == "in force"]
        if current or pair in expected:
            told[pair] = " and ".join(
                describe_anchor(
                    row["owner"],
                    row["standing"],
                    row["force"],
                    _approval(row, expected.get(pair, "")),
                )
                for row in current or its
            )
    return told


def _approval(row: Mapping[str, Any], expected: str) -> str:
    """Return by whom an anchor is approved: a reference, or that it is a request."""
    if not expected.endswith(REQUEST) or row["approval"] == NOBODY:
        return str(row["approval"])
    if row["request"] == "approved":
        return REQUEST
    return f"{row['approval']} ({row['request'] or 'no such request'})"


def describe_anchor(owner: str, standing: str, force: str, approval: str) -> str:
    """Return one anchor in words."""
    return f"{owner} ({standing}), {force}, approved by {approval}"


def describe_owner(
    owner: str, kind: str, resolution: str, depth: int, anchor: str
) -> str:
    """Return one effective owner in words."""
    return f"{owner}, {kind}, {resolution} from {anchor} at depth {depth}"


def describe_member(group: str, governed: Mapping[str, Any]) -> str:
    """Return in words in which group a collection is governed, and as what."""
    return f"{group}, " + ", ".join(str(value) for value in governed.values())


def found_nodes(rows: Iterable[Mapping[str, Any]]) -> Told:
    """Return the rows of `owners/cells.sql` as told, by node and scope."""
    return {
        f"{row['object_type']} {row['object_ref']}/{row['scope']}": describe_owner(
            row["owner"],
            row["kind"],
            row["resolution"],
            row["depth"],
            f"{row['source_anchor_type']} {row['source_anchor_ref']}",
        )
        for row in rows
    }


def found_members(
    rows: Iterable[Mapping[str, Any]], loose: Iterable[str], columns: Iterable[str]
) -> Told:
    """Return the rows of `owners/members.sql` as told, by collection."""
    wanted, anywhere = tuple(columns), frozenset(loose)
    return {
        row["name"]: describe_member(
            "any group" if row["name"] in anywhere else str(row["group_code"]),
            {column: row[column] for column in wanted},
        )
        for row in rows
    }


def groups_by_size(group_of: Mapping[str, str]) -> dict[str, int]:
    """Return how many collections each group has."""
    sizes: dict[str, int] = {}
    for code in group_of.values():
        sizes[code] = sizes.get(code, 0) + 1
    return sizes
