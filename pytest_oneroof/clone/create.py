"""Copying a database to a new clone: by template, or live by pg_dump | pg_restore."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg

from pytest_oneroof.clone.blockers import application_of
from pytest_oneroof.clone.dump import dumping, pump, restoring
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.making import half_made
from pytest_oneroof.clone.origin import (
    AUTO,
    DUMP,
    TEMPLATE,
    Origin,
    choose_way,
    locale_of,
)
from pytest_oneroof.clone.settings import keep_settings
from pytest_oneroof.clone.space import Room, read_room, require_room
from pytest_oneroof.clone.watch import Flow, Watch
from pytest_oneroof.clone.wish import Wish, finish
from pytest_oneroof.errors import CloneError
from pytest_oneroof.fingerprint.compare import Scope, compare, read_schema, render
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import Empty, OurDatabase
from pytest_oneroof.postgres.connect import unbound
from pytest_oneroof.postgres.tools import find_tools

NO_SUCH_LOCALE = (
    psycopg.errors.WrongObjectType,
    psycopg.errors.InvalidParameterValue,
    psycopg.errors.FeatureNotSupported,
)


@dataclass(frozen=True)
class Made:
    """A clone that was made: by which way, and what is worth telling."""

    found: OurDatabase
    way: str
    flow: Flow
    room: Room
    notes: tuple[str, ...]


@dataclass
class Creation:
    """One attempt to make a clone of an origin, which is only read."""

    host: Host
    origin: Origin
    wish: Wish
    watch: Watch
    notes: list[str] = field(default_factory=list)

    def run(self, by: str = AUTO) -> Made:
        """Make the clone; nothing of it stays when that fails.

        Raise CloneError, ServerError. Sessions on the origin are never ended:
        where they come while it is to be a template, it is dumped instead.

        :param by: the way that is asked for: auto, template or dump.
        """
        self.wish.require_place(self.host)
        way, why = choose_way(self.host, self.origin, by)
        try:
            return self._go(way, why)
        except psycopg.errors.ObjectInUse:
            if by == TEMPLATE:
                raise CloneError(
                    f"{self.origin.name!r} cannot be a template: somebody came to it\n"
                    "to fix this, leave --by out, or give --by dump"
                ) from None
        return self._go(DUMP, "somebody came to it while it was to be a template")

    def _go(self, way: str, why: str) -> Made:
        origin, wish, watch = self.origin, self.wish, self.watch
        by_template = way == TEMPLATE
        place = origin.name if by_template else None
        room = read_room(self.host, origin.size, database=place)
        require_room(room, f"a copy of {origin.name!r}")
        self.notes[:] = [f"copied by {way}: {why}", str(room)]
        for line in self.notes:
            watch.note(line)
        watch.begin(f"{origin.name} → {wish.name}", origin.size)
        marker = wish.marker(origin.name)
        started = time.perf_counter()
        with (self._copied if by_template else self._dumped)(marker) as (half, size):
            flow = Flow.since(started, size)
            found, told = finish(self.host, half, marker, wish, watch)
        return Made(found, way, flow, room, (*self.notes, *told))

    @contextlib.contextmanager
    def _copied(self, marker: Marker) -> Iterator[tuple[OurDatabase, int]]:
        source = self.origin.source()
        name, say = self.wish.name, self.notes.append
        with half_made(self.host, name, marker, source, say=say) as half:
            self.host.allow_connections(half, allowed=True)
            self.watch.count(self.origin.size)
            yield half, self.origin.size

    @contextlib.contextmanager
    def _dumped(self, marker: Marker) -> Iterator[tuple[OurDatabase, int]]:
        tools = find_tools(self.origin.major)
        self.notes.append(f"client tools {tools}")
        name = application_of(marker.nonce)
        with contextlib.ExitStack() as stack:
            half = self._empty(marker, stack)
            self.host.allow_connections(half, allowed=True)
            with (
                dumping(tools, self.origin.url, name, compress=False) as source,
                restoring(tools, self.host, half) as sink,
            ):
                size = pump(source, sink.write, self.watch.count)
            self.notes.append(self._compared(half, name))
            keep_settings(self.host, half, self.origin.settings, self.notes.append)
            yield half, size

    def _empty(self, marker: Marker, stack: contextlib.ExitStack) -> OurDatabase:
        """Create an empty database with the origin's locale; unknown ones become C."""
        name = self.wish.name
        try:
            empty = Empty(locale_of(self.origin))
            return stack.enter_context(half_made(self.host, name, marker, empty))
        except NO_SUCH_LOCALE as error:
            told = str(error).strip().splitlines()[0]
            self.notes.append(f"the copy sorts by locale C: {told}")
        empty = Empty(locale_of(self.origin, plain=True))
        return stack.enter_context(half_made(self.host, name, marker, empty))

    def _compared(self, half: OurDatabase, application: str) -> str:
        """Tell how the restored schema compares; refresh the copy's statistics."""
        scope = Scope(grants=False)
        with unbound(self.origin.url) as connection:
            before = read_schema(connection, scope=scope)
        with self.host.entered(half, application=application) as inside:
            inside.connection.execute("ANALYZE")
            after = read_schema(inside.connection, scope=scope)
        if differences := compare(before, after):
            told = render(differences)
            return f"schema, grants left out, is not the origin's: {told}"
        return f"schema, grants left out, as the origin's: {len(after.objects)} objects"
