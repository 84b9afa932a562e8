"""Ordinary checks, in any order, are never refused and never said to leave something.

A sample is tried here, `tox -e corpus` tries 10,000 of each. CORPUS_SEED draws those
of a run again, CORPUS_WORKERS says how many processes run them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from corpus import SHAPES
from corpus_calls import CALLS
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from test_busy_cluster import churning

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "residue.md"
NAMES = sorted(SHAPES.keys() | CALLS.keys())
FILES = ("corpus.py", "corpus.txt", "corpus_calls.py", "inner_corpus.py")
CHECKS = int(os.environ.get("CORPUS_CHECKS", "90"))
EXAMPLES = int(os.environ.get("CORPUS_CHECKS", "200"))
WORKERS = os.environ.get("CORPUS_WORKERS", "0")
KILLED_EACH = min(100, CHECKS // 3)
# So many shapes are sent in one check where each is tried.
TOGETHER = 9
ISOLATIONS = ("rollback", "savepoint")
Line = tuple[list[str], str, bool]


def drawn(number: int, *, killed_each: int = 0) -> list[Line]:
    """Return the lines of a plan of so many checks, drawn by Hypothesis."""
    lines: list[Line] = []
    chosen = int(os.environ.get("CORPUS_SEED", random.randrange(2**32)))
    print(f"CORPUS_SEED={chosen} draws the same checks again")

    @seed(chosen)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True),
        st.sampled_from(ISOLATIONS),
    )
    def draw(names: list[str], isolation: str) -> None:
        killed = killed_each > 0 and len(lines) % killed_each == killed_each - 1
        lines.append((names, isolation, killed))

    draw()
    return lines


@pytest.fixture
def run_plan(
    pytester: pytest.Pytester,
    run_oneroof: Callable[..., pytest.RunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., None]:
    """Run the checks of a plan; each must pass, and be proved clean."""

    def run(lines: list[Line], *, only: str = "test_check", examples: int = 1) -> None:
        for name in FILES:
            shutil.copy(HERE / name, pytester.path / name)
        (pytester.path / "plan.json").write_text(json.dumps(lines))
        monkeypatch.setenv("CORPUS_EXAMPLES", str(examples))
        count = len(lines) if only == "test_check" else 1
        result = run_oneroof(
            "--oneroof-clone",
            "-q",
            "-rN",
            f"-n{WORKERS}",
            "-k",
            only,
            "inner_corpus.py",
        )
        outcomes = result.parseoutcomes()
        outcomes.pop("deselected", None)
        assert outcomes == {"passed": count}, "\n".join(result.outlines[-80:])
        (proof,) = [line for line in result.outlines if " clean of " in line]
        assert f"{count} clean of {count} checks" in proof
        assert "0 committed by checks" in proof
        result.stdout.fnmatch_lines(["*GO (clone)"])

    return run


def test_each_shape(run_plan: Any) -> None:
    """Each shape runs, and leaves nothing, in either isolation."""
    together = [NAMES[n : n + TOGETHER] for n in range(0, len(NAMES), TOGETHER)]
    run_plan([(names, how, False) for how in ISOLATIONS for names in together])


def test_random_checks(run_plan: Any) -> None:
    """Shapes one after the other, as they come, are neither refused nor dirty."""
    run_plan(drawn(CHECKS))


def test_random_examples(run_plan: Any) -> None:
    """The same as examples of Hypothesis, each with its own proof."""
    run_plan([], only="test_examples", examples=EXAMPLES)


def test_with_killed_sessions(run_plan: Any) -> None:
    """A session killed at the end of every hundredth check: all clean."""
    run_plan(drawn(CHECKS, killed_each=KILLED_EACH))


def test_beside_foreign_commits(run_plan: Any, fresh_database: str) -> None:
    """A thousand commits a second in another database: all clean."""
    lines = drawn(CHECKS)
    with churning(fresh_database) as churn:
        run_plan(lines)
    assert churn.committed > 100


def test_the_corpus_is_as_large_as_the_page_says() -> None:
    """docs/residue.md says how many shapes are tried."""
    told = f"{len(SHAPES)} shapes of statements and {len(CALLS)} of calls of psycopg"
    assert told in " ".join(DOCS.read_text(encoding="utf-8").split())
    assert len(SHAPES) >= 300
