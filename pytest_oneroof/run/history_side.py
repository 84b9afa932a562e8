"""A run's place in its target's history: read before it concludes, added at its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.evidence.facts import CLONE, PRODUCTION, RunFacts
from pytest_oneroof.evidence.verdict import declared, judge
from pytest_oneroof.history.chain import SHORT, Head
from pytest_oneroof.history.compare import last_accepted, reasons_against
from pytest_oneroof.history.entry import entry_of, target_name
from pytest_oneroof.history.since import since, since_line
from pytest_oneroof.history.store import History
from pytest_oneroof.report.document import document

if TYPE_CHECKING:
    from pytest_oneroof.run.conductor import RunPlugin

STAMP = "%Y-%m-%dT%H:%M:%SZ"


class HistoryKeeper:
    """One run's look at its history, and its own line in it."""

    def __init__(self, owner: RunPlugin, folder: Path) -> None:
        self.owner = owner
        self.history = History(folder, _target(owner))
        self.at = datetime.now(UTC).strftime(STAMP)
        self.head: Head | None = None
        self.moved = False
        self._entries: tuple[Mapping[str, Any], ...] | None = None

    def reasons(self, facts: RunFacts) -> list[str]:
        """Return what the history has against the run.

        It does not hold; or a production is not as it was last accepted.
        """
        try:
            self._entries = self.history.entries()
        except OneroofError as error:
            return [" ".join(str(error).split())]
        if facts.target != PRODUCTION:
            return []
        found = reasons_against(last_accepted(self._entries), self._entry(facts))
        self.moved = bool(found)
        return found

    def told(self, facts: RunFacts) -> Mapping[str, Any] | None:
        """Return what the document tells of the history; None: it does not hold."""
        if self._entries is None:
            return None
        return since(self.history.target, self._entries, self._entry(facts))

    def add(self, facts: RunFacts) -> None:
        """Add the run. Raise OneroofError where that cannot be done."""
        if self._entries is not None:
            self.head = self.history.append(self._entry(facts))

    def lines(self, facts: RunFacts) -> list[str]:
        """Return what the closing section tells: what changed, and how it is kept."""
        if facts.history is None:
            return []
        line = since_line(facts.history)
        if self.head is None:
            return [line]
        number, sha256 = self.head.number, self.head.sha256[:SHORT]
        lines = [f"{line}; recorded as run {number}, sha256 {sha256}"]
        if self.moved:
            lines.append(
                f"once it is known why: oneroof history accept {self.history.folder} "
                f"--target {self.history.target} --run {number} --reason TEXT"
            )
        return lines

    def _entry(self, facts: RunFacts) -> dict[str, Any]:
        plan = declared(self.owner.pack)
        told = document(facts, judge(facts, plan), plan)
        return entry_of(told, at=self.at, schema=_schema(self.owner, facts))


def _target(owner: RunPlugin) -> str:
    """Return the name of what a run is about, the same from day to day."""
    pack, settings, end = owner.pack.name, owner.settings, owner.production.end
    if not settings.clone:
        # Two servers may have a production of one name each.
        database = end.database if end is not None else ""
        return target_name(pack, PRODUCTION, database, owner.production.server)
    if settings.clone_url is None:
        return target_name(pack, "stand-in", f"pg{settings.pg_version}")
    return target_name(pack, CLONE, settings.target or "")


def _schema(owner: RunPlugin, facts: RunFacts) -> str:
    """Return the fingerprint of the target's schema at exit."""
    if facts.target == PRODUCTION:
        baselines = owner.production.baselines
        return baselines[1].schema.digest if baselines else ""
    found = (share.schema[1] for share in owner.tally.shares if share.schema)
    return next(found, "")
