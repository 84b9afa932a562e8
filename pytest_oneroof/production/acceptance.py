"""One process's share of reading a production: the channel, entry and exit.

`start` it once, `stop` it always; `begin` and `finish` serve one check at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg

from pytest_oneroof.errors import ServerError
from pytest_oneroof.fingerprint.schema import SchemaFingerprint, read_schema
from pytest_oneroof.pack import Pack
from pytest_oneroof.pack.fit import Fit, fit_pack
from pytest_oneroof.production.baseline import (
    Baseline,
    compare_schemas,
    drift,
    read_baseline,
)
from pytest_oneroof.production.channel import ProductionChannel, Reading
from pytest_oneroof.production.connection import ReadOnlyConnection
from pytest_oneroof.production.figures import (
    ASKS_NOTHING,
    Asks,
    Figures,
    Organic,
    compare_metrics,
)
from pytest_oneroof.production.preflight import ChannelRules, Facts


@dataclass
class AcceptanceExit:
    """What the end found; plain values.

    `differences` maps a metric, or ``schema KIND NAME``, to (entry, exit), and
    `schema` tells each in words; `drift` maps an organic figure to (entry, exit,
    exact); `unproved` tells each reading that is not proved harmless, and an exit
    that could not be read; `not_shown` names checks that could not be shown.
    """

    database: str = ""
    phase: str = ""
    gate: str = ""
    blockers: str = ""
    differences: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    schema: list[str] = field(default_factory=list)
    drift: dict[str, tuple[int, int, bool]] = field(default_factory=dict)
    metrics: int = 0
    objects: int = 0
    readings: int = 0
    statements: int = 0
    unproved: list[str] = field(default_factory=list)
    not_shown: list[str] = field(default_factory=list)


class AcceptanceRun:
    """The production side of a run, over one read-only channel.

    With `baselines` (a serial run, an xdist controller) it reads entry and exit,
    each in a transaction of its own; without (an xdist worker) it only serves
    checks. `fit` is the pack by which production is looked at, once it is read.
    """

    def __init__(
        self,
        url: str,
        rules: ChannelRules,
        pack: Pack,
        *,
        baselines: bool = True,
        asks: Asks = ASKS_NOTHING,
    ) -> None:
        self.url = url
        self.rules = rules
        self.fit = Fit(pack)
        self.asks = asks
        self.baselines = baselines
        self.channel: ProductionChannel | None = None
        self.entry: Baseline | None = None
        self.exit: Baseline | None = None

    def start(self) -> None:
        """Connect, have the preflight judge the role, and read the entry baseline.

        Raise ChannelRefused with every reason; ServerError where production
        cannot be reached or read. Idempotent.
        """
        if self.channel is not None:
            return
        self.channel = ProductionChannel(self.url, self.rules)
        try:
            if self.baselines:
                self.fit = self._read_fit()
                self.asks.fitted(self.fit)
                self.entry = self.read("entry")
        except BaseException:
            self.stop()
            raise

    @property
    def facts(self) -> Facts:
        """What the preflight found of database and role."""
        assert self.channel is not None
        return self.channel.facts

    @property
    def uncovered(self) -> tuple[str, ...]:
        """What the role may do that no proof of a reading covers."""
        return () if self.channel is None else self.channel.uncovered

    def begin(self, check: str) -> ReadOnlyConnection:
        """Return the connection of one check, in a transaction of its own."""
        self.start()
        assert self.channel is not None
        return self.channel.begin(check)

    def finish(self) -> Reading:
        """End the running check's transaction and return its proof."""
        assert self.channel is not None
        return self.channel.finish()

    def read(self, moment: str) -> Baseline:
        """Return a baseline, read in a transaction of its own.

        Another baseline than that of the entry must not come from its snapshot,
        or entry = exit would prove nothing.
        """
        assert self.channel is not None
        facts = self.channel.facts
        try:
            with self.channel.reading(f"the {moment} baseline") as connection:
                return read_baseline(
                    connection,
                    Figures(self.fit.pack, self.asks.figures),
                    in_recovery=facts.in_recovery,
                    sees_sessions=facts.sees_sessions,
                )
        except psycopg.Error as error:
            raise ServerError(
                f"the {moment} baseline of {facts.database!r} cannot be read: {error}"
            ) from error

    def _read_fit(self) -> Fit:
        assert self.channel is not None
        with self.channel.reading("the pack's tables") as connection:
            return fit_pack(self.fit.pack, connection)

    def read_schema(self) -> SchemaFingerprint:
        """Return the schema fingerprint, read in a transaction of its own."""
        self.start()
        assert self.channel is not None
        with self.channel.reading("the schema") as connection:
            return read_schema(connection)

    def read_exit(self) -> Baseline:
        """Return the exit baseline, read once."""
        if self.exit is None:
            self.exit = self.read("exit")
        return self.exit

    def end(self) -> AcceptanceExit:
        """Return what exit compared with entry shows; production is still read.

        An exit that cannot be read is no equal exit: it is told among `unproved`.
        """
        if self.channel is None:
            return AcceptanceExit()
        told = AcceptanceExit(database=self.facts.database)
        unread = []
        if self.entry is not None:
            try:
                told = _compared(self.entry, self.read_exit())
            except ServerError as error:
                unread = [str(error)]
        readings = self.channel.readings
        told.readings = len(readings)
        told.statements = sum(reading.statements for reading in readings)
        told.unproved = [str(r) for r in readings if r.verdict != "clean"] + unread
        return told

    def stop(self) -> None:
        """Close the channel; idempotent."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None


def _compared(entry: Baseline, exit_: Baseline) -> AcceptanceExit:
    schema = compare_schemas(entry, exit_)
    differences: dict[str, tuple[Any, Any]] = dict(
        compare_metrics(entry.metrics, exit_.metrics)
    )
    for difference in schema:
        name = f"schema {difference.kind} {difference.identity}"
        differences[name] = (difference.before, difference.after)
    return AcceptanceExit(
        database=entry.database,
        phase=str(exit_.phase or ""),
        gate=exit_.gate.status if exit_.gate else "",
        blockers=exit_.gate.tokens if exit_.gate else "",
        differences=differences,
        schema=[str(difference) for difference in schema],
        drift={name: _told(*pair) for name, pair in drift(entry, exit_).items()},
        metrics=len(entry.metrics),
        objects=len(entry.schema.objects),
        not_shown=[entry.idle.reason] if not entry.idle.shown else [],
    )


def _told(entry: Organic, exit_: Organic) -> tuple[int, int, bool]:
    return entry.value, exit_.value, entry.exact and exit_.exact
