"""Who owns which cell: the rows of the heat map, and what they come to.

What is read is named by the pack's `[verdict] cells`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from pytest_oneroof.pack import Pack


@dataclass(frozen=True)
class Cell:
    """One object in one scope; without an owner it is open.

    `resolution` is direct or inherited, `anchor` what carries the ownership row.
    """

    group: str
    object: str
    scope: str
    owner: str | None
    owner_name: str | None
    resolution: str | None
    depth: int | None
    anchor_type: str | None
    anchor: str | None

    @property
    def name(self) -> str:
        """The cell as people write it."""
        return f"{self.object}/{self.scope}"


def read_cells(connection: psycopg.Connection[Any], pack: Pack) -> list[list[Any]]:
    """Return the rows of the heat map as plain values, [] where the pack has none."""
    if pack.verdict.cells is None:
        return []
    query = pack.read_text(pack.verdict.cells)
    with connection.transaction():
        return [list(row) for row in connection.execute(query.encode())]


def cells_of(rows: Iterable[Sequence[Any]]) -> tuple[Cell, ...]:
    """Return the cells of rows as `read_cells` gives them, each object's together."""
    objects: dict[tuple[str, str], list[Cell]] = {}
    for row in rows:
        cell = Cell(*row)
        objects.setdefault((cell.group, cell.object), []).append(cell)
    return tuple(cell for cells in objects.values() for cell in cells)


def open_cells(cells: Iterable[Cell]) -> list[Cell]:
    """Return the cells without an owner."""
    return [cell for cell in cells if cell.owner is None]


def ownership(cells: Sequence[Cell]) -> dict[str, Any]:
    """Return counts, owners (most cells first), open cells and the whole grid."""
    found = Counter((cell.owner, cell.owner_name) for cell in cells if cell.owner)
    scopes = sorted({cell.scope for cell in cells})
    rows: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        rows.setdefault((cell.group, cell.object), []).append(cell)
    return {
        "objects": len(rows),
        "scopes": scopes,
        "scope_count": len(scopes),
        "cells": len(cells),
        "owned": sum(found.values()),
        "direct": sum(1 for cell in cells if cell.resolution == "direct"),
        "inherited": sum(1 for cell in cells if cell.resolution == "inherited"),
        "open": [cell.name for cell in open_cells(cells)],
        "open_count": len(open_cells(cells)),
        "owners": [
            {"owner": owner, "name": name, "cells": count}
            for (owner, name), count in sorted(
                found.items(), key=lambda item: (-item[1], str(item[0][0]))
            )
        ],
        "grid": [
            {
                "group": group,
                "object": object_,
                "cells": [_told(cell) for cell in row],
            }
            for (group, object_), row in rows.items()
        ],
    }


def _told(cell: Cell) -> dict[str, Any]:
    return {
        "scope": cell.scope,
        "owner": cell.owner,
        "resolution": cell.resolution,
        "depth": cell.depth,
        "anchor_type": cell.anchor_type,
        "anchor": cell.anchor,
    }
