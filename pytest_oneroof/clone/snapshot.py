"""Snapshots of a clone: a dump in a file with its seal beside it, and back again.

What is restored is compared with its seal twice: before anything is created, and
while it flows into the new database, so that the bytes sealed are the bytes run.
"""

from __future__ import annotations

import dataclasses
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pytest_oneroof.clone.archive import Header, read_header
from pytest_oneroof.clone.blockers import application_of
from pytest_oneroof.clone.dump import dumping, pump, restoring
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.making import half_made
from pytest_oneroof.clone.sealed_file import NewFile, Sum, read_seal, require_seal
from pytest_oneroof.clone.settings import keep_settings
from pytest_oneroof.clone.space import read_room, require_room
from pytest_oneroof.clone.watch import Flow, Watch
from pytest_oneroof.clone.wish import Wish, finish
from pytest_oneroof.ownership.proofs import OurDatabase
from pytest_oneroof.postgres.tools import Tools, find_tools


@dataclass(frozen=True)
class Snapshot:
    """A snapshot that was written: its files, what seals it, how it flowed."""

    file: Path
    seal: Path
    sha256: str
    size: int
    flow: Flow
    tools: Tools


@dataclass(frozen=True)
class Restored:
    """A clone that was restored, from which database, and what is worth telling."""

    found: OurDatabase
    header: Header
    sha256: str
    flow: Flow
    notes: tuple[str, ...]


def snapshot(host: Host, found: OurDatabase, file: Path, watch: Watch) -> Snapshot:
    """Dump a clone to a new file and seal it; call it with the clone held.

    The file appears under its name when it is whole, and only if there is none.
    Raise SettingsError for a file or seal that exists, CloneError.
    """
    tools = find_tools(host.admin.info.server_version // 10000)
    name = application_of(found.marker.nonce)
    started = time.perf_counter()
    with NewFile(file, host.records.folder) as new:
        total = Sum(new.write)
        watch.begin(f"{found.name} → {file.name}")
        with dumping(tools, host.url(found.name), name, compress=True) as source:
            flowed = pump(source, total.add, watch.count)
        entry = total.entry(file.name)
        seal = new.finish(entry, {"database_bytes": host.size(found.oid)})
    flow = Flow.since(started, flowed)
    return Snapshot(file, seal, entry.sha256, flowed, flow, tools)


def snapshot_anew(
    host: Host, found: OurDatabase, folder: Path, watch: Watch
) -> Snapshot:
    """Snapshot a clone into a folder of ours, and remove the one before it there.

    The new one is whole and sealed before the old one goes; only files that bear
    the names which this gives are removed. Call it with the clone held.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    done = snapshot(host, found, folder / f"{found.name}_{stamp}.dump", watch)
    ours = re.compile(re.escape(found.name) + r"_[0-9]{8}T[0-9]{12}Z\.dump(\.sha256)?")
    for file in sorted(folder.iterdir()):
        if ours.fullmatch(file.name) and file not in (done.file, done.seal):
            file.unlink(missing_ok=True)
    return done


def restore(host: Host, file: Path, wish: Wish, watch: Watch) -> Restored:
    """Make a clone of a snapshot whose seal holds; nothing stays when that fails.

    Raise SealBroken, SettingsError for a file that is no dump, CloneError.
    """
    wish.require_place(host)
    entry, facts = read_seal(file)
    watch.begin(f"checking {file.name}", entry.size)
    require_seal(file, entry, watch.count)
    header = read_header(file, host.admin.info.server_version // 10000)
    # Without the size it had, a dump is taken to be a quarter of its database.
    size = int(facts.get("database_bytes") or 4 * (entry.size or 0))
    room = read_room(host, size)
    require_room(room, f"the snapshot {file.name}")
    watch.note(str(room))
    source = header.marker.source if header.marker else header.database
    marker = dataclasses.replace(
        wish.marker(f"{source} (snapshot {file.name})"),
        baseline=header.marker.baseline if header.marker else "",
    )
    name = application_of(marker.nonce)
    started = time.perf_counter()
    with half_made(host, wish.name, marker, header.empty()) as half:
        host.allow_connections(half, allowed=True)
        watch.begin(f"{file.name} → {wish.name}", entry.size)
        with (
            file.open("rb") as archive,
            restoring(header.tools, host, half) as sink,
        ):
            total = Sum(sink.write)
            flowed = pump(archive, total.add, watch.count)
        total.require(file, entry)
        flow = Flow.since(started, flowed)
        notes: list[str] = []
        keep_settings(host, half, header.settings, notes.append)
        with host.entered(half, application=name) as inside:
            inside.connection.execute("ANALYZE")
        found, told = finish(host, half, marker, wish, watch)
    told = [f"client tools {header.tools}", str(room), *notes, *told]
    return Restored(found, header, entry.sha256, flow, tuple(told))
