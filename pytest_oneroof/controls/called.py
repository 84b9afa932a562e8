"""Calling a check while another item runs: pytest's own state is set aside.

A check is called as pytest would, fixtures and all, but nothing of it is reported.
What lives longer than one call (a module's fixtures) is kept for the next one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from pytest_oneroof.controls.verdict import NOTICED, PASSED, UNREACHED

Around = Callable[[pytest.Item], AbstractContextManager[Any]]
_STOPS = (KeyboardInterrupt, SystemExit, pytest.exit.Exception)


class Caller:
    """Calls checks of one session. Close it when no more are called."""

    def __init__(self, session: pytest.Session) -> None:
        self._session: Any = session
        self._state = type(self._session._setupstate)()

    def call(self, item: pytest.Function, around: Around) -> tuple[str, str]:
        """Call a check; return its outcome, and what it said where it failed.

        Only the check itself notices: where a fixture fails before it, it was not
        reached. `around` is entered when the fixtures are there.
        """
        kept = list(item.user_properties), list(item._report_sections)
        with self._aside():
            try:
                return self._call(item, around)
            finally:
                item.user_properties[:], item._report_sections[:] = kept

    def close(self) -> None:
        """Finish what is still set up; idempotent."""
        with self._aside():
            self._state.teardown_exact(None)

    def _call(self, item: Any, around: Around) -> tuple[str, str]:
        self._state.teardown_exact(item.parent)
        item._initrequest()
        try:
            outcome = _outcome(lambda: self._state.setup(item), UNREACHED)
            if outcome[0] == PASSED:
                _note_setup(item)
                with around(item):
                    outcome = _outcome(item.runtest, NOTICED)
        finally:
            after = _outcome(lambda: self._state.teardown_exact(item.parent), NOTICED)
            # Else its own run would take the fixtures of this call.
            item._initrequest()
        return after if outcome[0] == PASSED else outcome

    @contextlib.contextmanager
    def _aside(self) -> Iterator[None]:
        before, self._session._setupstate = self._session._setupstate, self._state
        try:
            yield
        finally:
            self._session._setupstate = before


def _note_setup(item: Any) -> None:
    """Let pytest note that the setup passed: tmp_path asks for it at its end."""
    call = pytest.CallInfo.from_call(lambda: None, when="setup")
    item.ihook.pytest_runtest_makereport(item=item, call=call)


def _outcome(act: Callable[[], Any], failed: str) -> tuple[str, str]:
    """Do something; return that it passed, or `failed` with what was raised."""
    try:
        act()
    except _STOPS:
        raise
    except pytest.skip.Exception as skipped:
        return UNREACHED, f"skipped: {skipped}"
    except BaseException as error:
        return failed, _said(error)
    return PASSED, ""


def _said(error: BaseException) -> str:
    """Return what an error says; of a group, what each in it says."""
    if isinstance(error, BaseExceptionGroup):
        return "\n".join((str(error), *map(_said, error.exceptions)))
    return f"{error}" or type(error).__name__
