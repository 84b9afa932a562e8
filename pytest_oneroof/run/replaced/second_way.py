"""Tests of replaced fixtures that need more than the check's one connection.

Most projects make a second connection from `postgresql.info`; the clone takes none.
Such a test is seen when it asks for the way, or by the refusal of its connection. It is
begun again there and then, in isolation `database`, and the next run knows it.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pytest_oneroof.check.remedies import is_refusal, refusal
from pytest_oneroof.errors import CloneError
from pytest_oneroof.run.clone_side import CloneRun
from pytest_oneroof.run.keys import proofs_key, run_key
from pytest_oneroof.run.suites import suite_of
from pytest_oneroof.run.witness import code_of

CACHE = "oneroof/second_ways"
TOLD = "oneroof_second_way"
MARKER = '@pytest.mark.oneroof(isolation="database")'
REFUSED = "its second connection was refused by the clone"
ENDS = (KeyboardInterrupt, SystemExit, pytest.exit.Exception)

why_key: pytest.StashKey[str] = pytest.StashKey()
moved_key: pytest.StashKey[str] = pytest.StashKey()


def may_leave(item: pytest.Item) -> bool:
    """Tell whether a test may be given a database of its own in place of the clone.

    Not where its marker names an isolation, and not without an administrator.
    """
    run = item.config.stash.get(run_key, None)
    if run is None or run.stage is not None or suite_of(item.nodeid) is not None:
        return False
    named = any("isolation" in mark.kwargs for mark in item.iter_markers("oneroof"))
    return not named and (not run.settings.clone_url or bool(run.settings.admin_url))


def tells_at_once(item: pytest.Item) -> bool:
    """Tell whether parts of a test are reported as they end, so for good."""
    names = getattr(code_of(item), "co_names", ())
    return "subtests" in getattr(item, "fixturenames", ()) or "subTest" in names


def leave(item: pytest.Item, why: str) -> NoReturn:
    """Note that a test needs a database of its own, and stop it here."""
    if may_leave(item):
        item.stash[why_key] = why
    raise CloneError(
        f"{item.nodeid} cannot run in the clone's one guarded transaction: {why}\n"
        f"instead: {MARKER}, where each fixture has a database of its own (on a "
        "user's server this needs --oneroof-admin-url URL)"
    )


class SecondWays:
    """The plugin that begins such tests again, tells of them, and remembers them."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.known: dict[str, str] = {}
        self.found: dict[str, tuple[str, bool]] = {}
        if (cache := getattr(config, "cache", None)) is not None:
            self.known = dict(cache.get(CACHE, {}))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Set a test up; anew where its fixtures need a database of their own."""
        if (why := self.known.get(item.nodeid)) and may_leave(item):
            _move(item, why)
        since = _log_end(item)
        error: BaseException | None = None
        try:
            return (yield)
        except ENDS:
            raise
        except BaseException as raised:
            error = raised
            if not _needs_more(item, error, since):
                raise
        _set_up_again(item, error)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Call a test; once more where it turns out to need its own database."""
        since = _log_end(item)
        error: BaseException | None = None
        try:
            result = yield
        except ENDS:
            raise
        except BaseException as raised:
            error = raised
            if not _needs_more(item, error, since):
                raise
        if error is None and not _needs_more(item, None, since):
            return result
        _set_up_again(item, error)
        item.runtest()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach to a test's last report why it had a database of its own."""
        report = yield
        if call.when == "teardown" and moved_key in item.stash:
            told = (item.stash[moved_key], why_key in item.stash)
            report.__dict__[TOLD] = told
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note it in the process that sees all reports."""
        if told := getattr(report, TOLD, None):
            self.found[report.nodeid] = (told[0], told[1])

    def pytest_sessionfinish(self) -> None:
        """Remember the tests for the next run."""
        cache = getattr(self.config, "cache", None)
        if self.found and cache is not None and not hasattr(self.config, "workerinput"):
            new = {nodeid: why for nodeid, (why, _) in self.found.items()}
            cache.set(CACHE, {**self.known, **new})

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell in one line which tests had a database of their own, and why."""
        if self.found:
            terminalreporter.write_line(_line(self.found))


def _line(found: dict[str, tuple[str, bool]]) -> str:
    twice = sum(again for _, again in found.values())
    nodeid, (why, _) = next(iter(found.items()))
    begun = f", {twice} begun twice (the next run knows them)" if twice else ""
    return (
        f"oneroof: in isolation database by themselves: {len(found)}{begun}; "
        f"the first: {nodeid}: {why}"
    )


def _needs_more(item: pytest.Item, error: BaseException | None, since: int) -> bool:
    """Tell whether a test has left the clone, and why in its stash."""
    if why_key in item.stash and moved_key not in item.stash:
        return True
    if moved_key in item.stash or not may_leave(item):
        return False
    run = item.config.stash[run_key]
    database = run.clone.database
    if (error is not None and is_refusal(error, database)) or (
        refusal(database) in _logged(run, since)
    ):
        item.stash[why_key] = REFUSED
        return True
    return False


def _set_up_again(item: pytest.Item, error: BaseException | None) -> None:
    """Tear the test alone down, prove it, and set it up in isolation 'database'.

    Only fixtures of the test itself can have had the clone; those of its module and
    session stay. What was not clean is raised: no second try makes that good.
    """
    its: Any = item
    state = item.session._setupstate
    state.teardown_exact(item.parent)  # type: ignore[arg-type]
    item.stash.get(proofs_key, []).clear()
    # Where pytest keeps what a unittest.TestCase has raised.
    its.__dict__.pop("_excinfo", None)
    _move(item, item.stash[why_key])
    its._initrequest()
    state.setup(item)


def _move(item: pytest.Item, why: str) -> None:
    """Give a test isolation 'database', and make such databases possible."""
    item.stash[moved_key] = why
    item.add_marker(pytest.mark.oneroof(isolation="database"), append=False)
    item.config.stash[run_key].make_databases_possible()


def _log(run: CloneRun | None) -> Path | None:
    """Return the embedded server's log; that of a user's server is not ours to read."""
    return run.server.home / "log" if run is not None and run.server else None


def _log_end(item: pytest.Item) -> int:
    file = _log(item.config.stash.get(run_key, None))
    return file.stat().st_size if file is not None else 0


def _logged(run: CloneRun, since: int) -> str:
    """Return what the server has logged since: drivers' errors may be swallowed."""
    file = _log(run)
    if file is None:
        return ""
    with file.open("rb") as log:
        log.seek(since)
        return log.read().decode(errors="replace")
