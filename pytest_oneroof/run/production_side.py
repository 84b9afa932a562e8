"""The production side of a run, as a plugin: entry, checks by fixture, exit.

In an acceptance it reads the production of the run; in a run on the clone the
production URL that was given, or the embedded stand-in. Under xdist the controller
runs the suites with moments itself, entry before any worker's check and exit after
all of them ended.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneroof.clone.residue import Proof, verdict_of
from pytest_oneroof.errors import ResidueError
from pytest_oneroof.evidence.tally import Share
from pytest_oneroof.fingerprint.schema import SchemaFingerprint
from pytest_oneroof.ownership.marker import PREFIX
from pytest_oneroof.pack import Suite
from pytest_oneroof.production.acceptance import AcceptanceExit, AcceptanceRun
from pytest_oneroof.production.baseline import Baseline
from pytest_oneroof.production.channel import Reading
from pytest_oneroof.production.connection import ReadOnlyConnection
from pytest_oneroof.production.figures import Phase
from pytest_oneroof.production.gate import GateVerdict
from pytest_oneroof.production.preflight import ChannelRules
from pytest_oneroof.production.reader import reader_url
from pytest_oneroof.run import suites as shipped
from pytest_oneroof.run.keys import proofs_key

if TYPE_CHECKING:
    from pytest_oneroof.run.conductor import RunPlugin

ENTRY, EXIT = "entry", "exit"
NONE_GIVEN = (
    "no production given: --oneroof-production-url URL (the stand-in belongs to the "
    "embedded server, and this clone is on yours)"
)


class ProductionPlugin:
    """Serves `oneroof_production`, and runs suites at both ends of the run.

    With `always` (an acceptance) entry and exit are read in any case; else only
    when a suite with moments runs. Its owner starts, finishes and stops it.
    """

    def __init__(self, owner: RunPlugin, *, always: bool = False) -> None:
        self.owner = owner
        self.config = owner.config
        self.always = always
        self.run: AcceptanceRun | None = None
        self.end: AcceptanceExit | None = None
        self.baselines: tuple[Baseline, Baseline] | None = None
        self.version = ""
        # The system identifier of the server that was read.
        self.server = ""
        self._missing = False
        self._reading: ReadOnlyConnection | None = None
        self._session: pytest.Session | None = None
        self._uncounted = 0
        self._counted = -1

    # ------------------------------------------------------------- start and stop

    def start(self) -> None:
        """Read the entry baseline, where this process reads it.

        Raise ChannelRefused with every reason, ServerError.
        """
        if self.owner.worker is None and (self.always or self._suites()):
            run = self._running(baselines=True)
            self._missing = run is None
            if run is not None:
                run.start()
                self.owner.tally.tolerated += run.uncovered

    def finish(self) -> None:
        """Compare exit with entry; what differs counts against the run."""
        if self.run is not None and self.run.entry is not None:
            self.end = self.run.end()
            self.version = self.run.facts.server_version.split()[0]
            self.server = self.run.facts.system_identifier
            if self.run.exit is not None:
                self.baselines = (self.run.entry, self.run.exit)
            if self.end.differences or self.end.unproved:
                self.owner.tally.shares.append(_share(self.end))
        self.stop()

    def stop(self) -> None:
        """Leave production; idempotent."""
        if self.run is not None:
            self.run.stop()
            self.run = None

    # ------------------------------------------------------------------- a check

    def checked(self, item: pytest.Item) -> Iterator[Any]:
        """Yield an item's read-only connection, then judge what it did."""
        run = self._running(baselines=False)
        if run is None:
            pytest.skip(NONE_GIVEN)
        self._reading = run.begin(item.nodeid)
        try:
            yield self._reading
        finally:
            self._reading = None
            _judge(item, run.finish(), strict=self.owner.settings.strict)

    def schema(self) -> SchemaFingerprint:
        """Return production's schema, read through the channel; skip without any.

        In a transaction of its own where this process read no entry, so before a
        check's own has begun.
        """
        run = self._running(baselines=False)
        if run is None:
            pytest.skip(NONE_GIVEN)
        if run.entry is not None:
            return run.entry.schema
        return run.read_schema()

    @contextlib.contextmanager
    def example(self) -> Iterator[None]:
        """Give one Hypothesis example a savepoint, so that it may fail by itself."""
        if self._reading is None:
            yield
            return
        with self._reading.transaction(force_rollback=True):
            yield

    def _running(self, *, baselines: bool) -> AcceptanceRun | None:
        if self.run is None:
            url = self._url()
            if url is None:
                return None
            rules = ChannelRules.of(self.owner.settings, clone_marker=PREFIX)
            self.run = AcceptanceRun(
                url,
                rules,
                self.owner.pack,
                baselines=baselines,
                asks=self.owner.asks(fits=self.always),
            )
        return self.run

    def _url(self) -> str | None:
        if self.owner.settings.production_url:
            return self.owner.settings.production_url
        clone = self.owner.clone
        if clone is None or clone.server is None:
            return None
        return reader_url(clone.server)

    # -------------------------------------------------------------------- the suite

    def _suites(self) -> tuple[Suite, ...]:
        """Return the wanted suites that run at moments of the run."""
        return tuple(suite for suite in self.owner.wanted() if suite.moments)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the entry checks first and the exit checks last; none on a worker."""
        entry, rest, exit_ = self._by_moment(items)
        if self.owner.worker is not None:
            self.owner.items.leave_out([*entry, *exit_])
            items[:] = rest
        else:
            items[:] = [*entry, *rest, *exit_]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """On an xdist controller, run the suites with moments around the workers."""
        if not self.owner.is_controller or self.config.option.collectonly:
            return (yield)
        items = self._collect(session)
        entry, _, exit_ = self._by_moment(items)
        _run(session, entry)
        self._session, self._uncounted = session, len(items)
        result = yield
        self._count(session)
        _run(session, exit_)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        """Keep the count whole when workers have begun."""
        if self._session is not None:
            self._count(self._session)

    def _by_moment(
        self, items: list[pytest.Item]
    ) -> tuple[list[pytest.Item], list[pytest.Item], list[pytest.Item]]:
        """Return what runs at entry, between, and at exit."""
        found: dict[str, list[pytest.Item]] = {ENTRY: [], "": [], EXIT: []}
        for item in items:
            found[self._moment_of(item)].append(item)
        return found[ENTRY], found[""], found[EXIT]

    def _moment_of(self, item: pytest.Item) -> str:
        suite = self.owner.pack.suite(shipped.suite_of(item.nodeid))
        if suite is None or not suite.moments:
            return ""
        callspec = getattr(item, "callspec", None)
        moment = callspec.params.get("moment") if callspec else None
        if moment not in suite.moments:
            raise pytest.UsageError(
                f"{item.nodeid}: suite {suite.name!r} runs at {suite.moments}, so that "
                "its checks are parametrised by 'moment'"
            )
        return str(moment)

    def _count(self, session: pytest.Session) -> None:
        """Add the controller's own items to those that its workers collected."""
        if self._uncounted and session.testscollected != self._counted:
            session.testscollected += self._uncounted
            self._counted = session.testscollected

    def _collect(self, session: pytest.Session) -> list[pytest.Item]:
        suites = self._suites()
        names = {suite.name for suite in suites}
        selected = tuple(a for a in self.owner.selected if shipped.suite_of(a) in names)
        items = shipped.collect_items(session, self.owner.pack, suites, selected)
        self.owner.items.offer(items)
        # As of any items: what -m, -k and --deselect say counts for these too.
        modify: Callable[..., Any] = self.config.pluginmanager.subset_hook_caller(
            "pytest_collection_modifyitems", remove_plugins=[self.owner, self]
        )
        modify(session=session, config=self.config, items=items)
        return items

    # -------------------------------------------------------------- what is shown

    def header(self) -> list[str]:
        """Return lines on what is read, by which role, and how it was found."""
        run = self.run
        if run is None or run.channel is None:
            return []
        facts = run.facts
        standby = ", hot standby" if facts.in_recovery else ""
        lines = [
            f"oneroof: production {facts.database} on PostgreSQL "
            f"{facts.server_version.split()[0]}{standby}, read as {facts.role} "
            f"({self.where()})"
        ]
        if run.uncovered:
            lines.append(
                f"oneroof: NOT COVERED on production: {'; '.join(run.uncovered)}"
            )
        stand = _stand(run.entry.phase, run.entry.gate) if run.entry else ""
        return [*lines, f"oneroof: {stand}"] if stand else lines

    def closing_lines(self) -> list[str]:
        """Return lines on production for the end of a run on the clone."""
        if self.end is None:
            return [f"production not shown: {NONE_GIVEN}"] if self._missing else []
        state = "changed" if self.end.differences else "entry = exit"
        parts = [state]
        parts += [f"phase {self.end.phase}"] if self.end.phase else []
        if self.end.gate:
            parts.append(_gate(self.end.gate, self.end.blockers))
        told = ", ".join(parts)
        lines = [f"production {self.end.database} ({self.where()}): {told}"]
        return [*lines, *(f"production {told}" for told in self.end.not_shown)]

    def where(self) -> str:
        """Return 'stand-in', or where the production's URL came from."""
        settings = self.owner.settings
        return (
            settings.told("production_url") if settings.production_url else "stand-in"
        )


def _stand(phase: Phase | None, gate: GateVerdict | None) -> str:
    """Return phase and gate in words, of these what the pack knows."""
    parts = [f"phase {phase}"] if phase is not None else []
    parts += [_gate(gate.status, gate.tokens)] if gate is not None else []
    return "; ".join(parts)


def _gate(status: str, blockers: str) -> str:
    return f"gate {status}" + (f" ({blockers})" if blockers else "")


def proof_of_reading(reading: Reading) -> Proof:
    """Return a reading as the proof that reports and packets carry."""
    return Proof(
        check=reading.check,
        verdict=reading.verdict,
        ids=int(reading.transaction_id is not None),
        reason=reading.reason,
        constraints="read-only transaction",
        notes=tuple(f"refused: {message}" for message in reading.refused),
        swallowed=reading.swallowed,
    )


def _judge(item: pytest.Item, reading: Reading, *, strict: bool) -> None:
    proof = proof_of_reading(reading)
    if proof.verdict == "clean":
        proof = verdict_of(proof, strict=strict)
    item.stash.setdefault(proofs_key, []).append(proof)
    if proof.verdict != "clean":
        raise ResidueError(str(proof))


def _share(end: AcceptanceExit) -> Share:
    differences = dict(end.differences)
    for name, (before, after) in end.differences.items():
        # Whole definitions stand in the section's own lines.
        if name.startswith("schema "):
            differences[name] = (_presence(before), _presence(after, before))
    for number, text in enumerate(end.unproved, 1):
        differences[f"proof {number}"] = ("clean", text.splitlines()[0])
    return Share(differences=differences, clone=f"production {end.database}")


def _presence(definition: str | None, other: str | None = None) -> str:
    if definition is None:
        return "absent"
    return "present" if other is None else "changed"


def _run(session: pytest.Session, items: list[pytest.Item]) -> None:
    for index, item in enumerate(items):
        following = items[index + 1] if index + 1 < len(items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
