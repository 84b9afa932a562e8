"""Checks that send shapes of the corpus, as a plan says; run by `test_corpus.py`.

A plan is a list of checks: their isolation, their shapes, and whether the session is
killed at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest
from corpus import PREAMBLE, SHAPES
from corpus_calls import CALLS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PLAN = Path(__file__).with_name("plan.json")
EXAMPLES = int(os.environ["CORPUS_EXAMPLES"])
NAMES = sorted(SHAPES.keys() | CALLS.keys())
KILL = b"SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())"


def send(db: Any, name: str) -> None:
    """Send one shape; only errors of psycopg are expected, where they are."""
    if name in CALLS:
        CALLS[name](db)
        return
    shape = SHAPES[name]
    with expected(shape.error), db.transaction() if shape.error else untouched():
        for text in shape.texts:
            db.execute(text)


def expected(error: str) -> Any:
    if error == "must":
        return pytest.raises(psycopg.Error)
    return contextlib.suppress(psycopg.NotSupportedError) if error else untouched()


def untouched() -> Any:
    return contextlib.nullcontext()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one check of each line of the plan."""
    if "names" in metafunc.fixturenames:
        lines = json.loads(PLAN.read_text())
        metafunc.parametrize(
            ("names", "isolation", "killed"),
            [
                pytest.param(
                    names,
                    isolation,
                    killed,
                    id=f"{number}-{isolation}-{'+'.join(names)}",
                    marks=pytest.mark.oneroof(isolation=isolation),
                )
                for number, (names, isolation, killed) in enumerate(lines)
            ],
        )


@pytest.fixture
def db(oneroof_clone: Any) -> Any:
    """The check's connection, what the shapes want in it."""
    oneroof_clone.execute(PREAMBLE)
    return oneroof_clone


def test_check(db: Any, names: list[str], isolation: str, *, killed: bool) -> None:
    """All shapes but the last are undone: they make things of the same names."""
    if isolation == "savepoint":
        db.commit()
    for name in names[:-1]:
        with db.transaction(force_rollback=True):
            send(db, name)
    send(db, names[-1])
    if isolation == "savepoint" and len(names) % 2:
        db.commit()
    if killed:
        db.pgconn.exec_(KILL)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(NAMES), st.text(st.characters(codec="utf-8"), max_size=9))
def test_examples(db: Any, name: str, word: str) -> None:
    """Each shape in an example of its own, beside a row of the clone."""
    send(db, name)
    if not name.startswith(("settings", "definitions", "stubs")):
        word = word.replace("\0", "")
        db.execute("INSERT INTO public.law_catalog (law_code) VALUES (%s)", [word])
