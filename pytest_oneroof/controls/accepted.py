"""Faults of a production, on a rehearsal clone that is declared one.

Each call gets a clone of its own: what a production's checks compare is committed.
At exit the fault is made after the entry was read.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import sql

from pytest_oneroof.clone.rehearsal import Rehearsal
from pytest_oneroof.controls.catalog import Fault
from pytest_oneroof.controls.made import make
from pytest_oneroof.controls.rehearsed import open_session, rehearsed
from pytest_oneroof.controls.stages import Stage
from pytest_oneroof.pack import Pack
from pytest_oneroof.postgres.connect import connect, with_database
from pytest_oneroof.production.acceptance import AcceptanceRun
from pytest_oneroof.production.preflight import ChannelRules
from pytest_oneroof.production.reader import READER, reader_url
from pytest_oneroof.run.clone_side import CloneRun
from pytest_oneroof.run.keys import production_key

EXIT = "exit"
# A session counts as idle in transaction after a second.
IDLE = 1.2


class StagedProduction:
    """The production of a run, as its checks ask for it."""

    def __init__(self, run: AcceptanceRun) -> None:
        self.run = run

    def checked(self, item: pytest.Item) -> Iterator[Any]:
        """Yield the read-only connection of a check."""
        connection = self.run.begin(item.nodeid)
        try:
            yield connection
        finally:
            self.run.finish()


class ProductionStage(Stage):
    """A clone for each call, read through the channel as a production is."""

    name = "production"

    def __init__(
        self, run: CloneRun, config: pytest.Config, pack: Pack, files: tuple[str, ...]
    ) -> None:
        super().__init__()
        self._pack = pack
        self._run = run
        self._config = config
        self._files = files
        self._fault: Fault | None = None

    @contextlib.contextmanager
    def broken(self, fault: Fault | None, name: str) -> Iterator[None]:
        """Remember the fault: it is made for each call."""
        if self._run.server is None:
            pytest.skip("a production's faults need the embedded server")
        self._fault = fault
        yield

    @contextlib.contextmanager
    def calling(self, item: pytest.Function) -> Iterator[None]:
        """Make a clone, the entry and the fault in the order of the check's moment."""
        late = item.callspec.params.get("moment") == EXIT
        stash = self._config.stash
        with rehearsed(self._run) as made, contextlib.ExitStack() as stack:
            for file in self._files:
                made.run(self._pack.path(file))
            made.close()
            self._admit_reader(made)
            assert self._run.server is not None
            url = with_database(reader_url(self._run.server), made.name)
            name = made.name
            if self._fault is not None and self._fault.declares and not late:
                name = self._fault.declares
            rules = ChannelRules(productions=(made.name,))
            acceptance = AcceptanceRun(url, rules, self._pack)
            if not late:
                self._break(made, stack)
            acceptance.start()
            stack.callback(acceptance.stop)
            acceptance.rules = ChannelRules(productions=(name,))
            if late:
                self._break(made, stack)
                if self._fault is not None and self._fault.declares:
                    acceptance.rules = ChannelRules(productions=(self._fault.declares,))
            before = stash.get(production_key, None)
            staged: Any = StagedProduction(acceptance)
            stash[production_key] = staged
            try:
                yield
            finally:
                if before is None:
                    del stash[production_key]
                else:
                    stash[production_key] = before

    def _admit_reader(self, made: Rehearsal) -> None:
        with contextlib.closing(connect(made.admin_url)) as admin:
            admin.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    sql.Identifier(made.name), sql.Identifier(READER)
                )
            )

    def _break(self, made: Rehearsal, stack: contextlib.ExitStack) -> None:
        fault = self._fault
        if fault is None:
            return
        with contextlib.closing(connect(made.admin_url)) as admin:
            make(admin, fault)
        if fault.opens:
            stack.callback(open_session(made, fault).close)
            time.sleep(IDLE)
