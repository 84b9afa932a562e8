"""What a role can do past READ ONLY by routines: refused, or tolerated by name.

Pure but for `read_past`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from pytest_oneroof.postgres.outward import WayOut, read_ways_out
from pytest_oneroof.postgres.ways import tell_ways
from pytest_oneroof.production.powers import SHOWN, Reason
from pytest_oneroof.production.reach import Reach, reaching, read_routines, undecided

TOLERATE = (
    "or tolerate it in the ini file, where every report names it: "
    "oneroof_allowed_extensions, oneroof_allowed_routines"
)


@dataclass(frozen=True)
class Tolerated:
    """Extensions, and routines or views with their schema, that the user tolerates."""

    extensions: tuple[str, ...] = ()
    routines: tuple[str, ...] = ()

    def names(self, routine: str) -> bool:
        """Tell whether a routine or view, as the catalog names it, is tolerated."""
        return routine.removeprefix("view ").partition("(")[0] in self.routines

    def way(self, way: WayOut) -> bool:
        """Tell whether a way out is tolerated."""
        return way.extension in self.extensions or self.names(way.object)


@dataclass(frozen=True)
class Past:
    """Ways out by the catalog, reaches by the text, and what no text decides."""

    ways: tuple[WayOut, ...] = ()
    reaches: tuple[Reach, ...] = ()
    undecided: tuple[str, ...] = ()


NOTHING = Tolerated()
NONE = Past()


def read_past(connection: psycopg.Connection[Any]) -> Past:
    """Return what the connected role can do past READ ONLY; no superuser asks this."""
    routines = read_routines(connection)
    ways = read_ways_out(connection)
    return Past(ways, reaching(routines), undecided(routines))


def past_reasons(past: Past, tolerated: Tolerated) -> Iterator[Reason]:
    """Yield a reason for each way out or reach that is not tolerated."""
    for told in tell_ways(way for way in past.ways if not tolerated.way(way)):
        yield Reason("outward", told.found, told.why, f"{told.remedy}\n{TOLERATE}")
    for reach in past.reaches:
        if not tolerated.names(reach.routine):
            yield Reason(
                "reach",
                f"the role may use {reach.routine}: {reach.how}",
                "READ ONLY does not stop it, and nothing need show it afterwards",
                _without(reach.routine) + TOLERATE,
            )


def uncovered(
    past: Past, tolerated: Tolerated, lent: Iterable[str] = ()
) -> Iterator[str]:
    """Yield what is tolerated, or not decidable, and so not covered by a proof.

    `lent` are SECURITY DEFINER routines of mightier owners.
    """
    for extension in sorted({way.extension or "" for way in past.ways}):
        if extension in tolerated.extensions:
            yield f"extension {extension}"
    named = {*lent, *(w.object for w in past.ways), *(r.routine for r in past.reaches)}
    yield from sorted(filter(tolerated.names, named))
    if past.undecided:
        names = ", ".join(past.undecided[:SHOWN])
        rest = len(past.undecided) - SHOWN
        yield f"SQL made at run time in {names}" + (
            f" and {rest} more" if rest > 0 else ""
        )


def _without(routine: str) -> str:
    if routine.startswith("view "):
        return ""
    return (
        f"REVOKE EXECUTE ON ROUTINE {routine} FROM PUBLIC;\n"
        "and GRANT it to the roles that need it\n"
    )
