"""Passwords of a run's URLs kept out of what pytest shows: reports and assertions.

A password stands in more than the URL: in what a test made of it, in the locals of
psycopg's own frames. Whatever a report holds is masked before anybody gets it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import pytest

from pytest_oneroof.redaction import Url, mask, redact

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


class Masking:
    """Masks every report of a run, in the process that makes it."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self,
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Mask traceback, sections and properties of an item's report."""
        return _masked_report((yield))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Mask a report on collecting."""
        return _masked_report((yield))

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: Any) -> None:
        """Mask the traceback of an error of pytest or a plugin."""
        masked(excrepr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_assertrepr_compare(
        self, op: str, left: object, right: object
    ) -> list[str] | None:
        """Explain a comparison with a URL by both sides redacted, not by their text."""
        if not isinstance(left, Url) and not isinstance(right, Url):
            return None
        shown = [redact(repr(side)) for side in (left, right)]
        return [f"{shown[0]} {op} {shown[1]}"]


def _masked_report(report: Report) -> Report:
    for name in ("longrepr", "sections", "user_properties"):
        setattr(report, name, masked(getattr(report, name, None)))
    return report


def masked(value: Any) -> Any:
    """Return a value with every text in it masked, objects changed in place."""
    if isinstance(value, str):
        return mask(value)
    if type(value) in (list, tuple):
        return type(value)(masked(part) for part in value)
    if hasattr(value, "__dict__"):
        for name, part in vars(value).items():
            object.__setattr__(value, name, masked(part))
    return value
