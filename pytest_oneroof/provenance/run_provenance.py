"""The provenance of a run's clone: judged once in each run, in a fraction of a second.

The embedded clone is as its baseline, which every run proves anew: its scan is
kept beside it. A user's clone is looked at in every run, in fewer rows than by
`oneroof provenance`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import Pack
from pytest_oneroof.postgres.embedded import write_whole
from pytest_oneroof.provenance import provenance
from pytest_oneroof.provenance.secret_rules import detector_version
from pytest_oneroof.provenance.secrets_allow import read_allowed
from pytest_oneroof.provenance.secrets_scan import Bounds, Scan, scan

Connection = psycopg.Connection[Any]

BRIEF = Bounds(rows=100, seconds=5)


@dataclass(frozen=True)
class Looking:
    """How a run looks: by which rules and pack, what is allowed, where a scan is kept.

    `kept` is None for a clone whose content nobody vouches for.
    """

    rules: Rules
    pack: Pack
    allow: Path | None = None
    live_hosts: Sequence[str] = ()
    kept: Path | None = None


def judge_clone(connection: Connection, looking: Looking) -> dict[str, Any]:
    """Return the verdict over the connected clone as plain values; read only.

    They are those of `provenance.answer`, with its lines and the scan's line, and
    whether the pack asks for a verdict at all.
    Raise SettingsError for an allow-file that cannot be used.
    """
    candidate = provenance.read_candidate(
        connection,
        looking.rules,
        looking.pack,
        scanned=_scan(connection, looking),
    )
    told = provenance.answer(candidate, looking.pack)
    plain: dict[str, Any] = json.loads(json.dumps(told.data))
    return {
        **plain,
        "judged": judges(looking.pack),
        "secrets": candidate.scan.line,
        "lines": list(told.lines),
    }


def judges(pack: Pack) -> bool:
    """Tell whether a pack says what a clone has to be, to stand for its production."""
    return bool(pack.provenance.candidates or pack.provenance.expectation)


def _scan(connection: Connection, looking: Looking) -> Scan:
    if looking.kept is None:
        return scan(
            connection,
            allow=looking.allow,
            live_hosts=looking.live_hosts,
            bounds=BRIEF,
        )
    key = _key(looking)
    if (found := _read(looking.kept, key)) is not None:
        return found
    made = scan(connection, allow=looking.allow, live_hosts=looking.live_hosts)
    # What cannot be kept is looked at again by the next run.
    with contextlib.suppress(OSError):
        write_whole(looking.kept, json.dumps({"key": key, "scan": asdict(made)}))
    return made


def _read(kept: Path, key: str) -> Scan | None:
    try:
        values = json.loads(kept.read_text())
        return Scan.from_dict(values["scan"]) if values["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(looking: Looking) -> str:
    """Return what, besides the content, a scan depends on."""
    allowed = sorted(read_allowed(looking.allow)) if looking.allow else []
    parts = [detector_version(), repr(allowed), *looking.live_hosts]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
