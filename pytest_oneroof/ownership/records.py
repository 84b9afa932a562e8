"""Records of the databases we make, on disk before the database exists.

CREATE DATABASE and the marker's COMMENT are two transactions: between them a
crash leaves a database without a marker. Its record, fsynced before, proves
that it is ours. A record also says which run has a clone in use, so that the
next run knows of a crash.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from pytest_oneroof.postgres.embedded import write_whole


@dataclass(frozen=True)
class Record:
    """One database: its name and nonce, its server, and who has it in use.

    `used_by` is the process id of the run that works on it, 0 for none.
    """

    database: str
    nonce: str
    system_identifier: str
    used_by: int = 0


class Records:
    """The records in one folder, one file for each database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, record: Record) -> None:
        """Write a record to the disk, whole, before returning."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(record))
        write_whole(self._path(record.system_identifier, record.database), text)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, system_identifier: str, database: str) -> Record | None:
        """Return a database's record, or None.

        One that cannot be read, or says something else than its place, is none.
        """
        with contextlib.suppress(OSError, ValueError, TypeError):
            text = self._path(system_identifier, database).read_text()
            record = Record(**json.loads(text))
            said = (record.system_identifier, record.database)
            return record if said == (system_identifier, database) else None
        return None

    def list_of(self, system_identifier: str) -> list[Record]:
        """Return the records of one server, by database name."""
        names = sorted(p.stem for p in self.folder.glob(f"{system_identifier}/*.json"))
        records = (self.read(system_identifier, unquote(name)) for name in names)
        return [record for record in records if record is not None]

    def remove(self, system_identifier: str, database: str) -> None:
        """Forget a database; idempotent."""
        self._path(system_identifier, database).unlink(missing_ok=True)

    def _path(self, system_identifier: str, database: str) -> Path:
        folder = self.folder / system_identifier
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{quote(database, safe='')}.json"
