"""One process's share of a run: the clone it took, entry and exit, and proofs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from pytest_oneroof.check import remedies
from pytest_oneroof.check.sandbox import Sandbox
from pytest_oneroof.clone import standin, taking
from pytest_oneroof.clone.guard import GuardedClone, admit
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.look import Look
from pytest_oneroof.clone.newest import newest_clone
from pytest_oneroof.clone.residue import with_dirty
from pytest_oneroof.clone.throwaway import ThrowawayPool
from pytest_oneroof.errors import OneroofError, ServerError
from pytest_oneroof.evidence.heat import read_cells
from pytest_oneroof.evidence.tally import Share
from pytest_oneroof.ownership.answering import with_answers
from pytest_oneroof.ownership.proofs import OurDatabase
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import Pack
from pytest_oneroof.pack.fit import Fit, fit_pack
from pytest_oneroof.postgres.catalog import read_facts
from pytest_oneroof.postgres.connect import connect, parse
from pytest_oneroof.postgres.embedded import EmbeddedServer, default_cache, write_whole
from pytest_oneroof.production.figures import (
    ASKS_NOTHING,
    Asks,
    Figures,
    Phase,
    compare_metrics,
)
from pytest_oneroof.provenance.run_provenance import Looking, judge_clone
from pytest_oneroof.redaction import redact
from pytest_oneroof.settings import Settings

Say = Callable[[str], Any]


def with_newest_clone(settings: Settings, pack: Pack) -> Settings:
    """Return the settings with the newest clone on the user's server, if none is named.

    Only where an administrator is given, and the pack has no stand-in to run on. Raise
    CloneError where no clone is there.
    """
    if settings.clone_url or not settings.admin_url or pack.standin.plan:
        return settings
    rules = with_answers(Rules.of(settings, own_server=True), settings.admin_url)
    cache = settings.cache_dir or default_cache()
    url = newest_clone(settings.admin_url, rules, cache)
    sources = {**settings.sources, "clone_url": "the newest that oneroof clone made"}
    return replace(settings, clone_url=url, sources=sources)


class CloneRun:
    """The clone side of a run. `start` it once, `stop` it always.

    `prepare` alone builds what is missing, for an xdist controller, whose
    workers take a clone each. `fit` is the pack by which the clone is looked at,
    once that was seen to fit.
    """

    def __init__(
        self,
        settings: Settings,
        pack: Pack,
        say: Say,
        worker: str = "",
        asks: Asks = ASKS_NOTHING,
    ) -> None:
        self.settings = settings
        self.fit = Fit(pack)
        self.asks = asks
        self.say = say
        self.worker = worker
        self.server: EmbeddedServer | None = None
        self.sandbox: Sandbox | None = None
        self.lease: Lease | None = None
        self.entry: dict[str, int] = {}
        self.phase: Phase | None = None
        self._pool: ThrowawayPool | None = None
        self._rules: Rules | None = None
        # Where checks are called under a fault: the negative controls.
        self.stage: Any = None

    @property
    def clone(self) -> GuardedClone:
        """The clone that the guard admitted."""
        assert self.sandbox is not None
        return self.sandbox.clone

    def note_refused_session(self, error: BaseException) -> None:
        """Note on an error what to do, where it is the closed clone's refusal."""
        if self.sandbox is not None:
            remedies.add_remedy_of_refusal(error, self.clone.database)

    @property
    def pack(self) -> Pack:
        """The pack, or what stays of it where it does not fit the clone."""
        return self.fit.pack

    def prepare(self) -> None:
        """Start the embedded server, and build what it lacks.

        On the user's own server, for an xdist controller: have the guard judge
        the clone once, and make what the workers' clones are copied from,
        before any of them connects.
        """
        if self.settings.clone_url is not None:
            with contextlib.closing(connect(self.settings.clone_url)) as connection:
                admit(read_facts(connection), self.rules())
                self.fit = fit_pack(self.pack, connection)
                self.asks.fitted(self.fit)
            self.make_source(self.settings.clone_url)
            return
        if self.server is not None:
            return
        self.server = standin.acquire(self.settings, self.pack, self.say)

    def start(self) -> None:
        """Take a clone, have the guard judge it, and read its entry state.

        Raise GuardRefused with every reason, before anything is written;
        ServerError, CloneError where the server or the clone cannot be used.
        """
        if self.settings.clone_url is None:
            self.prepare()
        self.lease = taking.take_clone(
            self.settings, self.server, self.worker, self.rules(), self.say
        )
        try:
            look = Look(taking.baseline_file(self.settings, self.server, self.lease))
            if self.lease.crashed:
                taking.mend(self.lease, look, self.say)
            self.sandbox = Sandbox(
                self.lease, self.rules(), look, strict=self.settings.strict
            )
            self.sandbox.aside(look.baseline)
            self.fit = self.sandbox.aside(lambda c: fit_pack(self.pack, c))
            self.asks.fitted(self.fit)
            figures = Figures(self.pack, self.asks.figures)
            self.entry = self.sandbox.aside(figures.metrics)
            self.phase = figures.phase(self.entry)
        except BaseException:
            self.stop()
            raise

    def pool(self) -> ThrowawayPool:
        """Return the pool of throw-away databases, made on first use.

        Raise ServerError without an administrator.
        """
        if self._pool is None:
            assert self.lease is not None
            if self.lease.host is None or self.lease.template is None:
                raise ServerError(
                    "a throw-away database needs the server's administrator: "
                    "--oneroof-admin-url URL"
                )
            host = self.lease.host.twin()
            base = self.lease.database[:40]
            template = self.lease.template
            self._pool = ThrowawayPool(host, template, base, self.lease.url)
        return self._pool

    def write_url(self, database: OurDatabase) -> Path:
        """Write a throw-away database's URL, with its password, to a private file."""
        folder = (self.settings.cache_dir or default_cache()) / "urls"
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / database.name, self.pool().url(database))
        return folder / database.name

    def make_source(self, url: str) -> None:
        """Make what copies of the user's clone are made of, if it is missing."""
        template = taking.make_source(self.settings, url, self.rules(), self.say)
        if self.lease is not None:
            self.lease.template = template

    def make_databases_possible(self) -> None:
        """Begin to make throw-away databases; a user's clone is copied first.

        Its session is closed meanwhile: no check runs yet.
        """
        assert self.lease is not None
        if self.lease.template is None and self.settings.clone_url is not None:
            assert self.sandbox is not None
            url = self.settings.clone_url
            self.sandbox.pause(lambda: self.make_source(url))
        self.pool().warm()

    def finish(self) -> Share:
        """Return what the exit state shows; the clone is still held."""
        if self.sandbox is None or self.lease is None:
            return Share()
        try:
            metrics = self.sandbox.aside(Figures(self.pack, self.asks.figures).metrics)
            cells = self.sandbox.aside(lambda c: read_cells(c, self.pack))
            provenance = self._provenance()
            proof = with_dirty(self.sandbox.end(), self.lease.changed_roles())
        except (OneroofError, psycopg.Error) as error:
            self.lease.spoiled = True
            said = redact(str(error)).strip() or "the server is gone"
            return Share(
                unread=said,
                found=self.found(),
                clone=self.lease.database,
                uncovered=list(self.clone.not_covered),
            )
        return Share(
            differences=compare_metrics(self.entry, metrics),
            metrics=len(metrics),
            proof=proof,
            found=self.found(),
            clone=self.lease.database,
            server=self.clone.server_version,
            entry=dict(self.entry),
            exit=metrics,
            cells=cells,
            schema=self.sandbox.look.digests(),
            provenance=provenance,
            uncovered=list(self.clone.not_covered),
        )

    def stop(self) -> None:
        """End the session, give the clone back, leave the server; idempotent."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None
        if self.sandbox is not None:
            self.sandbox.close()
            self.sandbox = None
        if self.lease is not None:
            self.lease.release()
            self.lease = None
        if self.server is not None:
            self.server.release()
            self.server = None

    def found(self) -> list[str]:
        """Return lines about what dead runs had left."""
        lines = list(self.lease.found) if self.lease else []
        if self.server is not None:
            lines = [*self.server.recovered, *lines]
        return lines

    def production_name(self) -> str:
        """Return what the header calls the production."""
        if self.settings.production_url:
            return redact(self.settings.production_url)
        if self.server is not None:
            return f"{self.server.state['production']} (stand-in)"
        return "none given"

    def rules(self) -> Rules:
        """Return what the guard measures clones of this run against."""
        if self._rules is None:
            url = self.settings.clone_url
            rules = Rules.of(self.settings, own_server=url is not None)
            self._rules = rules if url is None else with_answers(rules, url)
        return self._rules

    def _provenance(self) -> dict[str, Any]:
        """Return the verdict over where the clone comes from, from one process alone.

        Its findings are told and stop nothing, neither does their absence.
        """
        assert self.sandbox is not None
        if self.worker not in ("", "gw0"):
            return {}
        looking = Looking(
            self.rules(),
            self.pack,
            allow=self.settings.secrets_allow,
            live_hosts=self._live_hosts(),
            kept=self.server.home / "secrets.json" if self.server else None,
        )
        try:
            return self.sandbox.aside(lambda session: judge_clone(session, looking))
        except (OneroofError, psycopg.Error) as error:
            return {"unread": redact(str(error)).strip()}

    def _live_hosts(self) -> list[str]:
        """Return the production's host name, where its URL has one."""
        url = self.settings.production_url
        host = str(parse(url).get("host") or "") if url else ""
        return [host] if host and not host.startswith(("/", "@")) else []
