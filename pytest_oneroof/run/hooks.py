"""What a run asks of the hooks of `hookspecs.py`, and how it takes the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import pytest

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.evidence.facts import RunFacts
from pytest_oneroof.run.suites import suite_of
from pytest_oneroof.section import Section

Connection = psycopg.Connection[Any]


def figures_of(config: pytest.Config) -> Callable[[Connection], dict[str, int]]:
    """Return what reads the figures that hooks add.

    It raises OneroofError for a figure that two hooks have, or that is no number.
    """

    def read(connection: Connection) -> dict[str, int]:
        found: dict[str, int] = {}
        answers = config.hook.pytest_oneroof_figures(
            config=config, connection=connection
        )
        for answer in filter(None, answers):
            _add(found, answer)
        return found

    return read


def prepare(item: pytest.Item, connection: Any) -> None:
    """Have the hooks prepare a check.

    As everywhere a conftest.py speaks for the tests of its folder; that of the
    project's root speaks for the pack's suites, too, wherever they lie.
    """
    whole = suite_of(item.nodeid) is not None
    hooks = item.session.gethookproxy(item.config.rootpath) if whole else item.ihook
    hooks.pytest_oneroof_before_check(item=item, connection=connection)


def reasons_of(config: pytest.Config, facts: RunFacts) -> list[str]:
    """Return the reasons against a run that hooks give; one that fails is a reason."""
    try:
        answers = config.hook.pytest_oneroof_verdict(config=config, facts=facts)
        return [str(reason) for answer in answers for reason in _several(answer)]
    except Exception as error:
        return [f"pytest_oneroof_verdict failed: {error!r}"]


def sections_of(config: pytest.Config, facts: RunFacts) -> tuple[Section, ...]:
    """Return the sections that hooks add to the report.

    Raise OneroofError where one fails, or gives something else.
    """
    try:
        answers = config.hook.pytest_oneroof_report(config=config, facts=facts)
        found = [section for answer in answers for section in _several(answer)]
    except Exception as error:
        raise OneroofError(f"pytest_oneroof_report failed: {error!r}") from error
    if wrong := [one for one in found if not isinstance(one, Section)]:
        raise OneroofError(
            f"pytest_oneroof_report gave {wrong[0]!r}, which is no Section"
        )
    return tuple(found)


def _add(found: dict[str, int], answer: Mapping[str, int]) -> None:
    for name, value in answer.items():
        if name in found:
            raise OneroofError(f"two hooks have the figure {name!r}")
        if not isinstance(value, int):
            raise OneroofError(f"the figure {name!r} is no whole number: {value!r}")
        found[name] = value


def _several(answer: Any) -> Iterator[Any]:
    if isinstance(answer, str | Section):
        yield answer
    elif answer is not None:
        yield from answer
