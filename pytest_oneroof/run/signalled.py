"""A run that SIGTERM or SIGHUP ends: with its summary, and nothing left behind."""

from __future__ import annotations

from typing import NoReturn

import pytest

from pytest_oneroof import signals


def end_by_signals(config: pytest.Config) -> None:
    """Have SIGTERM and SIGHUP end the session as Ctrl-C does, with status 2."""
    config.add_cleanup(signals.watch(_leave))


def _leave(why: str, status: int) -> NoReturn:
    # pytest prints its summary only at exit statuses that it knows.
    pytest.exit(f"oneroof: {why}", returncode=pytest.ExitCode.INTERRUPTED)
