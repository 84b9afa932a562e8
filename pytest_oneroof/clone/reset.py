"""Bringing a clone back to its baseline by a fresh copy of its template."""

from __future__ import annotations

import dataclasses

from pytest_oneroof.clone.adopt import new_marker
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.lifecycle import drop, source_name
from pytest_oneroof.clone.making import half_made, swap
from pytest_oneroof.clone.space import read_room, require_room
from pytest_oneroof.clone.watch import Watch
from pytest_oneroof.ownership.proofs import OurDatabase


def reset_from(
    host: Host, found: OurDatabase, template: OurDatabase, watch: Watch
) -> OurDatabase:
    """Put a fresh copy of a template of ours in a clone's place; drop the old one.

    The copy is whole before the clone gives way to it, in one transaction: a kill
    at any moment leaves one of both. Call it with the clone held.
    """
    size = host.size(template.oid)
    room = read_room(host, size, database=template.name)
    require_room(room, f"a fresh copy of {template.name!r}")
    watch.note(str(room))
    watch.begin(f"{template.name} → {found.name}", size)
    fresh = new_marker(found.marker.source, kind=found.marker.kind, like=found.marker)
    marker = dataclasses.replace(fresh, baseline=template.marker.baseline)
    with half_made(host, found.name, marker, template) as half:
        made = swap(host, half, found, marker)
    drop_replaced(host, found)
    return made


def template_of(
    host: Host, found: OurDatabase, *, built: str | None
) -> OurDatabase | None:
    """Return the template that a clone can be reset to, or None.

    Its own, or `built`, the one that the embedded server was built with; only one
    with the clone's roles, as only that is the baseline of this very clone.
    """
    names = (source_name(found), built)
    templates = [host.find_ours(name) for name in names if name]
    return next(
        (t for t in templates if t and t.marker.role == found.marker.role), None
    )


def drop_replaced(host: Host, old: OurDatabase) -> None:
    """Drop a clone that another one took the place of."""
    replaced = next((f for f in host.all_ours() if f.oid == old.oid), None)
    if replaced is not None:
        drop(host, replaced)
