"""What an operator orders, and the records that have to speak for it.

A run needs the record of its rehearsal, a rollback that of the run that it undoes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.fingerprint.compare import SchemaFingerprint
from pytest_oneroof.release.identity import Identity
from pytest_oneroof.release.plan import Packet
from pytest_oneroof.release.records import (
    Record,
    find_rehearsal,
    find_run,
    judge_rehearsal,
    judge_run,
    judge_source,
    load_record,
)
from pytest_oneroof.release.signing import REHEARSAL, signature_of, why_not_signed
from pytest_oneroof.release.standing import Hold, Standing

# A record, if there is one, and what speaks against relying on it.
Found = tuple[Record | None, tuple[Hold, ...]]


@dataclass(frozen=True)
class Order:
    """What an operator ordered: packet, URL, the name typed, where logs are kept.

    `record` is the file of the rehearsal, or for a rollback of the run; without it
    the newest in `folder`, or in `others`, counts. `signers` is the file of those
    who may sign a rehearsal; without it nobody has to.
    """

    packet: Packet
    url: str
    typed: str
    folder: Path
    ratified: str = ""
    record: Path | None = None
    others: tuple[Path, ...] = ()
    signers: Path | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where records are looked for."""
        return (self.folder, *self.others)

    def runs(self, target: Identity) -> list[Path]:
        """Return where the records of runs on a database are looked for."""
        return [folder_of_runs(folder, target) for folder in self.folders]


def folder_of_runs(folder: Path, target: Identity) -> Path:
    """Return where the logs of runs on a database are kept."""
    return folder / f"{target.system_identifier}-{target.database}"


def find_rehearsed(order: Order) -> Found:
    """Return the rehearsal by which the packet may run, and what speaks against it."""
    packet = order.packet
    way = f"rehearse it: oneroof rollout rehearse {packet.name}, or --rehearsal FILE"
    try:
        record = (
            find_rehearsal(order.folders, packet)
            if order.record is None
            else load_record(order.record)
        )
    except OneroofError as error:
        return None, (Hold("rehearsal", str(error), way),)
    if record is None:
        looked = " and ".join(str(folder) for folder in order.folders)
        found = f"no rehearsal of manifest {packet.sha256} is recorded below {looked}"
        return None, (Hold("rehearsal", found, way),)
    faults = [*judge_rehearsal(record, packet), *_unsigned(order, record)]
    return record, tuple(
        Hold("rehearsal", f"{record.file}: {fault}", way) for fault in faults
    )


def _unsigned(order: Order, record: Record) -> Iterator[str]:
    if order.signers is None:
        return
    signature = signature_of(record.file)
    if told := why_not_signed(record.data, signature, REHEARSAL, order.signers):
        yield f"{told} (oneroof rollout sign {record.file} --key FILE)"


def hold_schema(
    rehearsal: Record, target: Identity, schema: SchemaFingerprint
) -> tuple[Hold, ...]:
    """Hold a run where the target is not what was rehearsed on."""
    faults = judge_source(rehearsal, target, schema)
    way = "rehearse on a copy of it as it is now"
    return tuple(Hold("schema", fault, way) for fault in faults)


def find_undone(order: Order, standing: Standing) -> Found:
    """Return the record of the run that is to be taken back, and what is wrong."""
    packet, target = order.packet, standing.identity
    way = (
        "give its record: --record FILE; without one it is taken back by hand, with "
        f"psql: {packet.rollback[0].file} (docs/release.md)"
    )
    folders = order.runs(target)
    try:
        record = (
            find_run(folders, packet)
            if order.record is None
            else load_record(order.record)
        )
    except OneroofError as error:
        return None, (Hold("record", str(error), way),)
    if record is None:
        looked = " and ".join(str(folder) for folder in folders)
        found = f"no run of {packet.name} on {target} is recorded in {looked}"
        return None, (Hold("record", found, way),)
    stands = any(step.packet == packet.name for step in standing.present)
    faults = judge_run(record, packet, target, stands=stands)
    return record, tuple(
        Hold("record", f"{record.file}: {fault}", way) for fault in faults
    )
