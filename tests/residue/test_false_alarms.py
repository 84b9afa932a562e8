"""Checks that leave nothing are never said to have left something."""

from __future__ import annotations

from collections.abc import Callable

import pytest

EXAMPLES = 10_000
CHECK = f"""
from hypothesis import given, settings, strategies as st

TABLES = st.sampled_from(["law_catalog", "modules", "taxonomy", "job_queue"])
LAWS = "INSERT INTO law_catalog (law_code) VALUES (%s) RETURNING law_code"
STATEMENTS = st.one_of(
    st.tuples(st.just("SELECT count(*) FROM {{}}"), TABLES),
    st.tuples(st.just("DELETE FROM {{}} WHERE false"), TABLES),
    st.tuples(st.just("LOCK TABLE {{}}"), TABLES),
    st.tuples(st.just("SAVEPOINT a; SELECT 1 FROM {{}}; ROLLBACK TO a"), TABLES),
    st.tuples(st.just("CREATE TEMPORARY TABLE {{}}_copy ()"), TABLES),
    st.tuples(st.just("SET LOCAL work_mem = '5MB'"), TABLES),
    st.tuples(st.just("SELECT setval('law_catalog_id_seq', 700)"), TABLES),
    st.tuples(st.just("SELECT pg_advisory_lock(7)"), TABLES),
    st.tuples(st.just("PREPARE q AS SELECT 1"), TABLES),
    st.tuples(st.just("UPDATE law_catalog SET title = 'x'"), TABLES),
)


@settings(max_examples={EXAMPLES}, deadline=None, database=None)
@given(
    st.lists(STATEMENTS, max_size=2, unique_by=lambda pair: pair[0]),
    st.text(st.characters(codec="utf-8", exclude_characters=chr(0)), max_size=20),
)
def test_random(oneroof_clone, statements, code):
    for text, table in statements:
        oneroof_clone.execute(text.format(table))
    assert oneroof_clone.execute(LAWS, [code]).fetchone() == (code,)
"""


def test_ten_thousand_random_checks_are_clean(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """Of 10,000 random examples, each with its proof, none is a false alarm."""
    pytester.makepyfile(CHECK)
    result = run_oneroof(
        "--oneroof-clone",
        "--hypothesis-show-statistics",
        "test_ten_thousand_random_checks_are_clean.py",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "proof      1 clean of 1 checks; * 0 committed by checks; put back: *",
            "state      entry = exit *",
            "verdict    GO (clone)",
            f"*- {EXAMPLES} passing, 0 failing, *",
        ]
    )
