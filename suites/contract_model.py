"""What each endpoint of the read contract has to say, worked out without any view.

Pure: rows of base tables in (``sql/contract/base_rows.sql``), JSON values out. The
views say the same by other means, so that an error of either is found out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One node in one scope, and its nearest accountable owner, if any."""

    kind: str
    ref: str
    scope: str
    owner: str | None = None
    anchor_kind: str = ""
    anchor: str = ""
    depth: int = 0

    @property
    def resolution(self) -> str:
        """How the owner is found: by the node's own row, or by its group's."""
        return "inherited" if self.depth else "direct"


class Model:
    """The base rows, and what the endpoints have to tell of them."""

    def __init__(self, base: Row) -> None:
        self.base = {name: rows or [] for name, rows in base.items()}
        self.scopes = [row["scope"] for row in self.base["scopes"]]
        self.groups = {row["ref"]: row["group"] for row in self.base["objects"]}
        self.cells = [self._cell("collection", ref) for ref in sorted(self.groups)]
        self.covered = [[c for c in cells if c.owner] for cells in self.cells]

    def expected(self, endpoint: str, argument: str = "") -> Any:
        """Return what an endpoint, called by its name, has to answer."""
        answers: dict[str, Callable[[], Any]] = {
            "summary": self._summary,
            "by-scope": self._by_scope,
            "by-owner": self._by_owner,
            "by-object": self._by_object,
            "gaps": self._gaps,
            "ownership-detail": lambda: self._detail(argument),
            "scan-status": self._scan_status,
            "events": self._events,
        }
        return answers[endpoint]()

    def _cell(self, kind: str, ref: str) -> list[Cell]:
        return [self._owned(kind, ref, scope) for scope in self.scopes]

    def _owned(self, kind: str, ref: str, scope: str) -> Cell:
        nodes = [(kind, ref)]
        if kind == "collection" and self.groups.get(ref):
            nodes.append(("group", self.groups[ref]))
        for depth, node in enumerate(nodes):
            for row in self.base["owners"]:
                if (row["type"], row["ref"], row["scope"]) != (*node, scope):
                    continue
                if depth == 0 or row["anchor"]:
                    return Cell(kind, ref, scope, row["code"], *node, depth)
        return Cell(kind, ref, scope)

    def _summary(self) -> Row:
        total = len(self.groups) * len(self.scopes)
        covered = sum(len(cells) for cells in self.covered)
        keys = Counter((o["type"], o["ref"], o["scope"]) for o in self.base["owners"])
        return {
            "total_cells": total,
            "covered_cells": covered,
            "gap_cells": total - covered,
            "coverage_pct": percentage(covered, total),
            "conflicts": sum(1 for owners in keys.values() if owners > 1),
            "objects": len(self.groups),
            "scopes": len(self.scopes),
            "ownership_anchors": sum(1 for o in self.base["owners"] if o["anchor"]),
        }

    def _by_scope(self) -> list[Row]:
        covered = Counter(cell.scope for cells in self.covered for cell in cells)
        objects = len(self.groups)
        return [
            {
                **row,
                "objects": objects,
                "covered": covered[row["scope"]],
                "gap": objects - covered[row["scope"]],
            }
            for row in self.base["scopes"]
        ]

    def _by_owner(self) -> list[Row]:
        groups = sorted({group for group in self.groups.values() if group})
        nodes = [*self.cells, *(self._cell("group", group) for group in groups)]
        found = Counter(
            (c.owner, c.resolution) for cells in nodes for c in cells if c.owner
        )
        names: Row = dict(self.base["names"])
        told = [
            {
                "owner": owner,
                "owner_name": names.get(owner),
                "accountable_cells": found[owner, "direct"] + found[owner, "inherited"],
                "direct": found[owner, "direct"],
                "inherited": found[owner, "inherited"],
            }
            for owner in sorted({owner for owner, _ in found if owner})
        ]
        return sorted(told, key=lambda row: (-row["accountable_cells"], row["owner"]))

    def _by_object(self) -> list[Row]:
        required = len(self.scopes)
        return [
            {
                "object_type": "collection",
                "object_ref": ref,
                "scopes_required": required,
                "scopes_covered": len(covered),
                "scopes_gap": required - len(covered),
            }
            for ref, covered in zip(sorted(self.groups), self.covered, strict=True)
        ]

    def _gaps(self) -> list[Row]:
        return [
            {"object_type": cell.kind, "object_ref": cell.ref, "scope": cell.scope}
            for cells in self.cells
            for cell in cells
            if not cell.owner
        ]

    def _detail(self, ref: str) -> list[Row]:
        if ref not in self.groups:
            return []
        return [
            {
                "scope": cell.scope,
                "owner_gov_code": cell.owner,
                "owner_kind": "accountable",
                "resolution": cell.resolution,
                "source_anchor_type": cell.anchor_kind,
                "source_anchor_ref": cell.anchor,
                "depth": cell.depth,
            }
            for cell in self._cell("collection", ref)
            if cell.owner
        ]

    def _scan_status(self) -> Row:
        run = latest(self.base["runs"], "run_id")
        cursor = latest(self.base["cursors"])
        return {
            "ruleset_version": run.get("ruleset_version"),
            "last_run_id": run.get("run_id"),
            "status": run.get("status"),
            "groups_scanned": run.get("groups_scanned"),
            "objects_materialized": run.get("objects_materialized"),
            "candidates_upserted": run.get("candidates_upserted"),
            "candidate_states": len(self.base["states"]),
            "candidate_objects": len(self.base["candidates"]),
            "worker_name": cursor.get("worker_name") or run.get("worker_name"),
            "watermark": cursor.get("last_watermark_id"),
            "events_seen": cursor.get("events_seen"),
        }

    def _events(self) -> list[Row]:
        emitted: Row = dict(self.base["emitted"])
        keys = ("event_type", "event_stream", "delivery_lane", "active")
        return [
            {key: row[key] for key in keys}
            | {"emitted": emitted.get(row["event_type"], 0)}
            for row in self.base["types"]
        ]


def percentage(part: int, whole: int) -> float | None:
    """Return part of whole in percent, two decimals, halves up; None of nothing."""
    if not whole:
        return None
    exact = Decimal(100 * part) / Decimal(whole)
    return float(exact.quantize(Decimal("0.01"), ROUND_HALF_UP))


def latest(rows: list[Row], breaks_ties: str = "") -> Row:
    """Return the row with the latest time, {} of none; ties by a key, the greatest."""

    def rank(row: Row) -> tuple[bool, float, str]:
        return row["at"] is not None, row["at"] or 0, str(row.get(breaks_ties, ""))

    return max(rows, key=rank, default={})
