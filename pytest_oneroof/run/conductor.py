"""The plugin of an active run: hooks that take the clone, collect, report."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_oneroof.errors import GuardRefused, OneroofError, SettingsError
from pytest_oneroof.evidence.conclusion import Conclusion
from pytest_oneroof.evidence.tally import FAULTS, Share, Tally, joined
from pytest_oneroof.pack import Pack, Suite
from pytest_oneroof.pack.fit import Fit
from pytest_oneroof.production.figures import Asks
from pytest_oneroof.report import closing, terminal
from pytest_oneroof.run import hooks, say
from pytest_oneroof.run import suites as shipped
from pytest_oneroof.run.clone_side import CloneRun, with_newest_clone
from pytest_oneroof.run.isolation import examples_isolated, needs_databases, uses_clone
from pytest_oneroof.run.items_side import ItemsPlugin
from pytest_oneroof.run.keys import (
    failed_key,
    production_key,
    proofs_key,
    run_key,
    settings_key,
)
from pytest_oneroof.run.production_side import ProductionPlugin
from pytest_oneroof.run.progress import Meter
from pytest_oneroof.run.readonly import selects_readonly
from pytest_oneroof.run.replaced.fixtures import ReplacedFixtures
from pytest_oneroof.run.replaced.second_way import SecondWays
from pytest_oneroof.run.report_side import ReportPlugin
from pytest_oneroof.settings import Settings

if TYPE_CHECKING:
    from pytest_oneroof.controls.plugin import ControlsPlugin

REFUSED = 10
PACK_PLUGIN = "oneroof-pack"


class RunPlugin:
    """One run with --oneroof-clone, in a serial process, a controller or a worker."""

    heading = "oneroof"

    def __init__(self, config: pytest.Config, settings: Settings, pack: Pack) -> None:
        self.config = config
        self.settings = settings
        self.pack = pack
        # Why the pack's suites are not collected, or ''.
        self.left_out = ""
        self.worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.session: pytest.Session | None = None
        self.conclusion: Conclusion | None = None
        self.progress = Meter()
        self.clone: CloneRun | None = None
        self.deselected = 0
        self.paths_given = self._paths_given()
        config.args, self.selected = self._arguments()
        if settings.replace_postgresql:
            replaced = ReplacedFixtures(
                settings, complete=not self.paths_given and not self.is_controller
            )
            config.pluginmanager.register(replaced, "oneroof-replaced")
        self._register_pack()
        self.items = ItemsPlugin(self)
        config.pluginmanager.register(self.items, "oneroof-items")
        if settings.replace_postgresql:
            # After the items': a second try is seen by it as the first one is.
            config.pluginmanager.register(SecondWays(config), "oneroof-second-ways")
        self.production = ProductionPlugin(self)
        config.pluginmanager.register(self.production, "oneroof-production")
        self.controlling: ControlsPlugin | None = None
        if settings.controls:
            from pytest_oneroof.controls.plugin import ControlsPlugin

            self.controlling = ControlsPlugin(self)
            config.pluginmanager.register(self.controlling, "oneroof-controls")
        self.reporting = ReportPlugin(self)
        config.pluginmanager.register(self.reporting, "oneroof-report")

    # ------------------------------------------------------------- start and stop

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Take the clone before anything is collected; refuse once, not per test."""
        if self.config.getoption("collectonly", False):
            return
        worker = self.worker["workerid"] if self.worker else ""
        try:
            self.settings = with_newest_clone(self.settings, self.pack)
            self.config.stash[settings_key] = self.settings
            self.clone = CloneRun(
                self.settings, self.pack, self._say, worker, self.asks()
            )
            if self.is_controller:
                self.clone.prepare()
            else:
                self.clone.start()
                self.config.stash[run_key] = self.clone
            self.config.stash[production_key] = self.production
            self.production.start()
        except GuardRefused as refusal:
            self._leave(refusal, REFUSED)
        except SettingsError as error:
            self._leave(error, pytest.ExitCode.USAGE_ERROR)
        except OneroofError as error:
            self._leave(error, pytest.ExitCode.TESTS_FAILED)
        finally:
            self.progress.close()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(
        self, session: pytest.Session
    ) -> Generator[None, object, object]:
        """Compare exit with entry, and conclude: without GO no run ends with 0.

        When the other plugins are through, as an interrupted test's fixtures are
        finished in this hook too.
        """
        self.session = session
        self.items.finish()
        try:
            return (yield)
        except BaseException as error:
            self.tally.besides.append(f"the session's end failed: {error!r}")
            raise
        finally:
            self._finish(session)

    def _finish(self, session: pytest.Session) -> None:
        self.production.finish()
        if self.controlling is not None:
            self.controlling.finish()
        share: dict[str, Any] | None = None
        if self.clone is not None and run_key in self.config.stash:
            share = asdict(self.clone.finish())
        if self.worker is not None:
            told = {"share": share, **self.items.to_hand_in()}
            self.config.workeroutput["oneroof"] = json.dumps(told)  # type: ignore[attr-defined]
        elif share is not None:
            self.tally.shares.append(Share.from_values(share))
        self.reporting.finish(session)
        self.stop()

    def hold_status(self) -> None:
        """Let no other plugin have a run without GO end with exit status 0."""
        if self.session is not None and not self.session.exitstatus:
            self.session.exitstatus = self.reporting.status

    @property
    def tally(self) -> Tally:
        """What the run came to."""
        return self.items.tally

    def stop(self) -> None:
        """Give the clone back and leave the server; idempotent."""
        self.production.stop()
        if self.clone is not None:
            self.config.stash[run_key] = self.clone
            del self.config.stash[run_key]
            self.clone.stop()
            self.clone = None

    @property
    def is_controller(self) -> bool:
        """Whether this process distributes the tests to workers."""
        return self.worker is None and self.config.pluginmanager.hasplugin("dsession")

    # ----------------------------------------------------------------- collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """Put the shipped items first; leave out own tests without the clone."""
        own = [item for item in items if uses_clone(item)]
        if not self.takes_all:
            left_out = [item for item in items if not uses_clone(item)]
            if left_out:
                self.config.hook.pytest_deselected(items=left_out)
            items[:] = own
        if self.is_controller and not self.config.getoption("collectonly", False):
            return
        checks, faults = _split_faults(self.selected)
        shown = shipped.collect_items(
            session, self.pack, self.wanted(), () if faults else checks
        )
        items[:0] = shown
        self.items.offer(shown)
        self._prepare_databases(items)
        if self.controlling is not None:
            found = self.controlling.collect(session, items)
            if faults:
                # Checks are called under the faults, and are not all items themselves.
                self.items.leave_out(shown)
                items[: len(shown)] = shipped.select(shown, checks)
                found = shipped.select(found, faults)
            self.items.offer(found)
            items += found

    def _prepare_databases(self, items: list[pytest.Item]) -> None:
        """Warm the pool where an item will ask for it; refuse where it cannot."""
        asking = [item for item in items if needs_databases(item)]
        if not asking:
            return
        if self.settings.clone_url and self.settings.admin_url is None:
            raise pytest.UsageError(
                f"{asking[0].nodeid} needs a throw-away database: give the server's "
                "administrator, --oneroof-admin-url URL"
            )
        if self.clone is not None:
            self.clone.make_databases_possible()

    def wanted(self) -> tuple[Suite, ...]:
        """Return the suites that this run collects."""
        if not self.selected:
            return shipped.choose(
                self.pack, self.settings.suite, default=not self.paths_given
            )
        checks, faults = _split_faults(self.selected)
        names = [suite.name for suite in shipped.suites_of(self.pack, checks)]
        if faults and self.controlling is None:
            raise pytest.UsageError(f"{faults[0]}: give --oneroof-controls too")
        if faults and self.controlling is not None:
            names += self.controlling.suites_of(faults)
        return shipped.choose(self.pack, names, default=False)

    def _fit(self, fit: Fit) -> None:
        """Go on with the pack as it fits.

        Raise SettingsError where it does not, and its suites or checks were named.
        """
        if not fit.left_out:
            return
        left = {"all", *(suite.name for suite in fit.pack.suites)}
        named = [name for name in self.settings.suite if name not in left]
        checks = [a for a in self.selected if shipped.suite_of(a) not in left]
        if asked := [*named, *checks]:
            raise SettingsError(
                f"{fit.left_out}; asked for by name: {', '.join(asked)}"
            )
        self.pack, self.left_out = fit.pack, fit.left_out
        self.config.pluginmanager.unregister(name=PACK_PLUGIN)

    def asks(self, *, fits: bool = True) -> Asks:
        """Return what a side of this run asks of it; `fits`: it decides on the pack."""
        figures = hooks.figures_of(self.config)
        return Asks(self._fit, figures) if fits else Asks(figures=figures)

    def _register_pack(self) -> None:
        """Register the pack's fixtures and hooks; raise UsageError where that fails."""
        try:
            plugin = shipped.load_plugin(self.pack)
        except Exception as error:
            raise pytest.UsageError(
                f"the pack {self.pack.name!r}: its plugin {shipped.PLUGIN} cannot be "
                f"imported: {error!r}"
            ) from error
        if plugin is not None:
            self.config.pluginmanager.register(plugin, PACK_PLUGIN)

    @property
    def takes_all(self) -> bool:
        """Whether the project's own tests run whatever fixtures they name.

        A replaced fixture may be asked for by `getfixturevalue` alone.
        """
        return self.paths_given or bool(self.settings.replace_postgresql)

    def _paths_given(self) -> bool:
        if self.worker is not None:
            return bool(self.worker["oneroof_paths"])
        return self.config.args_source is pytest.Config.ArgsSource.ARGS

    def _arguments(self) -> tuple[list[str], tuple[str, ...]]:
        if self.worker is None:
            return _split(self.config.args)
        if self.worker["oneroof_selected"] and not self.worker["oneroof_arguments"]:
            return [], tuple(self.worker["oneroof_selected"])
        return self.config.args, tuple(self.worker["oneroof_selected"])

    # -------------------------------------------------------------------- reports

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Isolate and prove each Hypothesis example of the item."""
        with examples_isolated(item, self.clone, self.production.example):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Give an item's proof to its properties and a remedy to its error."""
        if call.excinfo is not None and self.clone is not None:
            self.clone.note_refused_session(call.excinfo.value)
        if item.stash.get(proofs_key, None):
            _tell_properties(item)
        report = yield
        if report.failed:
            item.stash[failed_key] = True
        return report

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker what the command line selected."""
        node.workerinput["oneroof_paths"] = self.paths_given
        node.workerinput["oneroof_selected"] = list(self.selected)
        node.workerinput["oneroof_arguments"] = list(self.config.args)
        node.workerinput["oneroof_left_out"] = self.left_out

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Keep each suite that goes step by step on one worker."""
        from pytest_oneroof.run import workers

        ordered = frozenset(suite.name for suite in self.wanted() if suite.ordered)
        return workers.make_scheduler(config, log, ordered) if ordered else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker's end found."""
        output = getattr(node, "workeroutput", None) or {}
        if "oneroof" not in output:
            return
        told = json.loads(output["oneroof"])
        self.items.handed_in(node, told)
        if told["share"] is not None:
            self.tally.shares.append(Share.from_values(told["share"]))

    # -------------------------------------------------------------- what is shown

    def pytest_report_header(self) -> list[str]:
        """Return server, clone, production, phase and suites, with their sources."""
        if self.clone is None:
            return []
        return self._header(self.clone)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the closing section."""
        verbosity = self.config.get_verbosity()
        ending = self.reporting.ending(self.target())
        if self.conclusion is None or ending is None:
            return
        terminalreporter.ensure_newline()
        if verbosity < 0:
            verdict = closing.verdict_line(self.conclusion, ending.target, full=True)
            short = [*self.short_lines(), *ending.failures, *ending.history]
            say.say_lines(terminalreporter, [*map(closing.Line, short), verdict])
            return
        terminalreporter.section(self.heading)
        details = self.detail_lines() if verbosity > 0 else []
        lines = [
            *map(closing.Line, details),
            *closing.closing(ending, full=verbosity > 0),
        ]
        say.say_lines(terminalreporter, lines)

    def detail_lines(self) -> list[str]:
        """Return what `-v` adds to the closing section."""
        lines = terminal.detail_lines(self.tally, suite_of=shipped.suite_of)
        if self.controlling is not None:
            lines += self.controlling.closing_lines()
        return [
            *lines,
            *self.production.closing_lines(),
            *self.reporting.detail_lines(),
        ]

    def short_lines(self) -> list[str]:
        """Return what `-q` tells before the verdict."""
        lines = terminal.short_lines(self.tally, suite_of=shipped.suite_of)
        if self.controlling is not None:
            lines += self.controlling.closing_lines()
        return lines

    def _header(self, clone: CloneRun) -> list[str]:
        told = self.settings.told
        lines = []
        if clone.server is not None:
            version = clone.server.major
            lines.append(
                f"oneroof: embedded PostgreSQL {version} ({told('pg_version')}) "
                f"in {clone.server.home} ({told('cache_dir')})"
            )
            if "profile" in self.settings.sources:
                lines.append(
                    f"oneroof: stand-in of profile {self.settings.profile} "
                    f"({told('profile')})"
                )
        if clone.sandbox is not None:
            state = "closed to others" if clone.sandbox.closed_to_others else "open"
            lines.append(
                f"oneroof: clone {clone.clone.database} on PostgreSQL "
                f"{clone.clone.server_version}, {state} ({told('clone_url')})"
            )
            if clone.clone.reachable:
                reachable = ", ".join(clone.clone.reachable)
                lines.append(f"oneroof: its check role also reaches: {reachable}")
            if clone.clone.not_covered:
                powers = ", ".join(clone.clone.not_covered)
                lines.append(f"oneroof: NOT COVERED by the proof: {powers}")
        if clone.phase:
            lines.append(f"oneroof: clone's phase {clone.phase}")
        lines += self.production.header()
        lines += self._suite_lines()
        lines += [f"oneroof: found: {line}" for line in clone.found()]
        return lines

    def _suite_lines(self) -> list[str]:
        """Return which suites run, and why others are left out."""
        names = ", ".join(suite.name for suite in self.wanted()) or "none"
        lines = [f"oneroof: {self.left_out}"] if self.left_out else []
        return [*lines, f"oneroof: suites {names} ({self.settings.told('suite')})"]

    def target(self) -> str:
        """Say what this run is: on a clone an acceptance is called a rehearsal."""
        readonly = selects_readonly(self.config.option.markexpr)
        return "rehearsal (clone)" if readonly else "(clone)"

    def _leave(self, error: OneroofError, status: int) -> NoReturn:
        """End the run, once, with the whole error on the terminal."""
        head, _, details = str(error).partition("\n")
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        if details and reporter is not None:
            reporter.write_line(str(error), red=True)
        pytest.exit(f"oneroof: {head if reporter else error}", returncode=status)

    def _say(self, line: str) -> None:
        """Tell progress, while the run is prepared; a worker's terminal is not its."""
        if self.worker is None:
            self.progress.say(line)


def _split(arguments: list[str]) -> tuple[list[str], tuple[str, ...]]:
    return shipped.split_arguments(arguments)


def _split_faults(
    selected: Iterable[str],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the selected ids of checks, and those of faults."""
    given = tuple(selected)
    faults = tuple(a for a in given if f"{a}::".startswith(FAULTS))
    return tuple(a for a in given if a not in faults), faults


def _tell_properties(item: pytest.Item) -> None:
    """Give an item's proof to junit, in its properties, in place of an earlier one."""
    proof = joined(item.stash[proofs_key])
    told = {
        "oneroof_verdict": proof.verdict,
        "oneroof_ids": str(proof.ids),
        "oneroof_committed": str(proof.committed),
        "oneroof_constraints": proof.constraints,
        "oneroof_restored": "; ".join(str(r) for r in proof.restored) or "nothing",
        "oneroof_left": "; ".join(str(r) for r in proof.dirty) or "nothing",
    }
    others = [pair for pair in item.user_properties if pair[0] not in told]
    item.user_properties[:] = [*others, *told.items()]
