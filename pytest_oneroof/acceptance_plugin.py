"""The plugin of an acceptance: `pytest -m readonly` with a production's URL.

As a run on the clone it collects, counts and reports; but the target is the
production, which is read and never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_oneroof.errors import GuardRefused, OneroofError, SettingsError
from pytest_oneroof.pack import Pack
from pytest_oneroof.pack.fit import Fit
from pytest_oneroof.report import acceptance, terminal
from pytest_oneroof.run import suites as shipped
from pytest_oneroof.run.conductor import REFUSED, RunPlugin
from pytest_oneroof.run.keys import acceptance_key, production_key
from pytest_oneroof.settings import Settings


class AcceptancePlugin(RunPlugin):
    """One acceptance, in a serial process, a controller or a worker."""

    heading = "oneroof acceptance"

    def __init__(self, config: pytest.Config, settings: Settings, pack: Pack) -> None:
        super().__init__(config, settings, pack)
        self.production.always = True
        config.stash[acceptance_key] = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Have the preflight judge the role, and read the entry baseline."""
        if self.config.option.collectonly:
            return
        self.config.stash[production_key] = self.production
        try:
            if self.worker is not None:
                self._fit(self._told_fit(self.worker))
            self.production.start()
        except GuardRefused as refusal:
            self._leave(refusal, REFUSED)
        except SettingsError as error:
            self._leave(error, pytest.ExitCode.USAGE_ERROR)
        except OneroofError as error:
            self._leave(error, pytest.ExitCode.TESTS_FAILED)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """Put the shipped items before the project's own; -m leaves the readers."""
        if self.is_controller and not self.config.option.collectonly:
            return
        shown = shipped.collect_items(session, self.pack, self.wanted(), self.selected)
        self.items.offer(shown)
        items[:0] = shown

    def _told_fit(self, worker: Mapping[str, Any]) -> Fit:
        """Return what the controller found of the pack: a worker reads no baseline."""
        told = str(worker["oneroof_left_out"])
        return Fit(self.pack.without_checks(), told) if told else Fit(self.pack)

    def stop(self) -> None:
        """Leave production; idempotent."""
        self.production.stop()

    def pytest_report_header(self) -> list[str]:
        """Return production, role, phase, gate and suites, with their sources."""
        lines = self.production.header()
        if not lines:
            return []
        return [*lines, *self._suite_lines()]

    def target(self) -> str:
        """Say what this run is."""
        return "acceptance"

    def detail_lines(self) -> list[str]:
        """Return what `-v` adds to the closing section."""
        end = self.production.end
        lines = acceptance.detail_lines(self.tally, end, suite_of=shipped.suite_of)
        return [*lines, *self.reporting.detail_lines()]

    def short_lines(self) -> list[str]:
        """Return what `-q` tells before the verdict."""
        return terminal.short_lines(self.tally, suite_of=shipped.suite_of)[:1]
