"""Ways out in words: what was found, why it matters, and the statement that closes it.

Pure; what belongs to one extension is told, and closed, as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pytest_oneroof.postgres.outward import WayOut, groups

SHOWN = 3


class Told(NamedTuple):
    """One or more ways out in words; `closable` tells whether we may close them."""

    found: str
    why: str
    remedy: str
    closable: bool


def tell_ways(ways: Iterable[WayOut]) -> Iterator[Told]:
    """Yield each group of ways out in words."""
    for group in groups(ways):
        first = group[0]
        remedy = "\n".join(f"{line};" for line in _statements(group))
        yield Told(_found(group), _WHY[first.kind], remedy, first.closable)


def closing(ways: Iterable[WayOut]) -> list[str]:
    """Return the statements that close these ways where they can be closed."""
    found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for way in ways:
        if way.closable:
            right, what = RIGHTS[way.kind]
            found.setdefault((right, what, way.grantees), []).append(way.object)
    return [
        f"REVOKE {right} ON {what} {', '.join(names)} FROM {', '.join(grantees)}"
        for (right, what, grantees), names in found.items()
    ]


RIGHTS = {
    "routine": ("EXECUTE", "ROUTINE"),
    "server function": ("EXECUTE", "ROUTINE"),
    "wrapper": ("USAGE", "FOREIGN DATA WRAPPER"),
    "language": ("USAGE", "LANGUAGE"),
}


def _statements(group: tuple[WayOut, ...]) -> list[str]:
    first = group[0]
    if first.closable:
        return closing(group)
    if first.kind == "setting":
        grantees = ", ".join(first.grantees)
        return [f"REVOKE {first.language} ON PARAMETER {first.object} FROM {grantees}"]
    if first.how and first.how.startswith("trigger "):
        name, _, table = first.how.removeprefix("trigger ").rpartition(" on table ")
        return [f"DROP TRIGGER {name} ON {table}"]
    if first.how and first.extension:
        return [f'DROP EXTENSION "{first.extension}"']
    if first.how:
        # What is described as a function is an aggregate here.
        return [f"DROP {first.how.replace('function ', 'AGGREGATE ')}"]
    what = "ROUTINE" if first.kind == "routine" else RIGHTS[first.kind][1]
    return [f"ALTER {what} {way.object} OWNER TO CURRENT_USER" for way in group]


def _found(group: tuple[WayOut, ...]) -> str:
    first = group[0]
    names = ", ".join(way.object for way in group[:SHOWN])
    if len(group) > SHOWN:
        names += f" and {len(group) - SHOWN} more"
    if first.kind == "routine":
        told = f"{_counted(group)} in language {first.language} {_of(first)}: {names}"
        return f"{told}; {_reached(first)}"
    if first.kind == "server function":
        return f"{', '.join(first.grantees)} may execute the server function {names}"
    if first.kind == "setting":
        right = "change by ALTER SYSTEM" if first.language == "ALTER SYSTEM" else "SET"
        return f"{', '.join(first.grantees)} may {right} {names}"
    if first.kind == "wrapper":
        return f"the foreign data wrapper {names} may be used to make servers"
    return f"routines may be written in language {names}, whose handler is unknown here"


def _counted(group: tuple[WayOut, ...]) -> str:
    return "1 routine" if len(group) == 1 else f"{len(group)} routines"


def _of(way: WayOut) -> str:
    return f"of extension {way.extension}" if way.extension else "of no extension"


def _reached(way: WayOut) -> str:
    if way.how:
        return f"called, without EXECUTE, by {way.how}"
    if way.definer:
        return f"executable by the owner of the SECURITY DEFINER routine {way.definer}"
    if way.owned:
        return f"owned by {way.owner}, whose rights the role has"
    return f"executable by {', '.join(way.grantees) or 'the role'}"


_WHY = {
    "routine": "such code may act outside of the database, and no rollback undoes it",
    "server function": "it acts on the server, and no rollback undoes it",
    "setting": "it can disarm what holds a check, or change the server",
    "wrapper": "through a server of its own a check reaches other machines",
    "language": "such code may act outside of the database, and no rollback undoes it",
}
