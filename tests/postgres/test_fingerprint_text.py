"""Canonical text: one spelling for one meaning, and no two meanings in one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_oneroof.fingerprint.brackets import read_tree, unquote
from pytest_oneroof.fingerprint.canonical import canonical

ONE_MEANING = {
    "strings": (
        "(s = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
        "(s = ANY (ARRAY[('a'::character varying)::text, 'b'::text]))",
        "(s = ANY (ARRAY['a'::text, 'b'::text]::text[]))",
        "(s = ANY (ARRAY['a'::text, 'b'::text]))",
        "(s = ANY ('{a,b}'::text[]))",
        """(s = ANY ('{"a", "b"}'::text[]))""",
    ),
    "bounded strings": (
        "(ARRAY['abc'::text, x])::character varying(2)[]",
        "ARRAY[('abc'::text)::character varying(2), (x)::character varying(2)]",
    ),
    "columns": ("(ARRAY[a, t.b])::text[]", "ARRAY[(a)::text, (t.b)::text]"),
    "integers": ("ARRAY[1, 2]", "'{1,2}'::integer[]"),
    "bigints": ("ARRAY[(1)::bigint, '2'::bigint]", "'{1,2}'::bigint[]"),
    "numerics": ("ARRAY[1.50, (2)::numeric]", "'{1.50,2}'::numeric[]"),
    "booleans": ("ARRAY[true, false]", "'{t,f}'::boolean[]"),
    "empty": ("ARRAY[]::text[]", "'{}'::text[]"),
    "nested": (
        "ARRAY[ARRAY['a'::text], ARRAY[NULL::text]]",
        "'{{a},{NULL}}'::text[]",
        "(ARRAY[ARRAY['a'::character varying],"
        " ARRAY[NULL::character varying]])::text[]",
    ),
    "quoting": (
        """ARRAY['it''s'::text, E'back\\\\slash'::text, 'NULL'::text, ''::text]""",
        """E'{it''s,"back\\\\\\\\slash","NULL",""}'::text[]""",
    ),
    "enums": (
        "'{sad}'::public.mood[]",
        "ARRAY['sad'::public.mood]",
        "ARRAY['sad'::public.mood]::public.mood[]",
    ),
    "between": (
        "CHECK ((((a >= 1) AND (a <= 5)) AND (b > 2)))",
        "CHECK (((a >= 1) AND ((a <= 5) AND (b > 2))))",
        "CHECK (((a >= 1) AND (a <= 5) AND (b > 2)))",
    ),
    "or": ("((a OR b) OR (c AND d))", "(a OR (b OR (c AND d)))"),
    "keywords": ('(t."json" = "period")', "(t.json = period)"),
    "blanks": ("(a\n   +  b)", "(a + b)"),
}

TWO_MEANINGS = (
    ("ARRAY['a'::text]", "ARRAY['b'::text]"),
    ("'{a,b}'::text[]", "'{b,a}'::text[]"),
    ("'{a,b}'::text[]", "'{a,b}'::character varying[]"),
    ("'{a,b}'::text[]", "'{a,b}'::text"),
    ("'{\"a,b\"}'::text[]", "'{a,b}'::text[]"),
    ("'{NULL}'::text[]", "'{\"NULL\"}'::text[]"),
    ("'{ a }'::text[]", "'{\" a \"}'::text[]"),
    ("'[0:1]={a,b}'::text[]", "'{a,b}'::text[]"),
    ("ARRAY[1, 2]", "ARRAY['1'::text, '2'::text]"),
    ("(ARRAY[a])::text[]", "(ARRAY[a])::character varying[]"),
    ("('abc'::character varying(2))::text", "'abc'::text"),
    ("('abc'::character(5))::text", "'abc'::text"),
    ("((a AND b) OR c)", "(a AND (b OR c))"),
    ("(a AND (b AND c OR d))", "(a AND b AND c OR d)"),
    ("(a OR (b AND c OR d))", "(a OR b) AND (c OR d)"),
    ("(NOT (a AND b))", "((NOT a) AND b)"),
    ("('sad'::text)::public.mood", "'sad'::public.mood"),
    ("f(a, (b AND c))", "f(a AND b, c)"),
    ("(1.5)::integer", "('1.5'::text)::integer"),
    ("(x)::bigint", "x"),
    ("1::bigint", "1"),
    ("'a  b'::text", "'a b'::text"),
    ("'\"a\"'::text", "'a'::text"),
    ('"true"', "true"),
    ('"A"', "a"),
    ("(a - b)", "(a -b - c)"),
)


@pytest.mark.parametrize("spellings", ONE_MEANING.values(), ids=ONE_MEANING)
def test_gives_one_text_to_one_meaning(spellings: tuple[str, ...]) -> None:
    """What dump and restore or a major version respell has one canonical text."""
    assert len({canonical(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(("one", "other"), TWO_MEANINGS)
def test_keeps_two_meanings_apart(one: str, other: str) -> None:
    """Texts that mean different things have different canonical texts."""
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "SELECT t.a, count(*) FILTER (WHERE t.b) FROM public.t GROUP BY t.a;",
            "SELECT a, count(*) FILTER (WHERE b) FROM public.t GROUP BY a;",
        ),
        (
            "WITH c AS ( SELECT t.a FROM t) SELECT c.a FROM c c(a) ORDER BY c.a;",
            "WITH c AS ( SELECT t.a FROM t) SELECT a FROM c c(a) ORDER BY a;",
        ),
        (
            "SELECT g.i, (g.p).x FROM generate_series(1, 3) WITH ORDINALITY g(i, p);",
            "SELECT i, (p).x FROM generate_series(1, 3) WITH ORDINALITY g(i, p);",
        ),
        (
            "SELECT t.* FROM t TABLESAMPLE system (10) WHERE (EXISTS ( SELECT 1"
            " FROM s WHERE (s.a = t.a))) AND t.b;",
            "SELECT t.* FROM t TABLESAMPLE system (10) WHERE (EXISTS ( SELECT 1"
            " FROM s WHERE (s.a = t.a))) AND b;",
        ),
    ],
    ids=["table", "with", "function", "subquery"],
)
def test_drops_the_qualifiers_of_a_single_relation(old: str, new: str) -> None:
    """A view over one relation reads alike from 15 (first) and from 16 on."""
    assert canonical(old) != canonical(new)
    assert canonical(old, query=True) == canonical(new, query=True)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a.x FROM (a JOIN b ON ((a.x = b.x)));",
        "SELECT a.x, b.y FROM a, b;",
        "SELECT a.x, b.y FROM a JOIN b ON ((a.x = b.x));",
        "SELECT j.x FROM (a JOIN b USING (x)) AS j;",
        "SELECT t.* FROM t;",
        "SELECT a.x FROM a UNION SELECT b.x FROM b;",
        "SELECT a.f(1), (1)::a.t, ('b' COLLATE a.c) FROM a;",
        "SELECT ( SELECT a.x FROM b) FROM a;",
        "SELECT 1 FROM a.a;",
    ],
)
def test_keeps_the_qualifiers_that_say_something(text: str) -> None:
    """With several relations, in subqueries and before functions they stay."""
    assert canonical(text, query=True) == canonical(text)


def test_lays_out_clauses_and_conditions_in_lines() -> None:
    """A long definition has one line for each column, clause and condition."""
    text = (
        "SELECT a, b FROM t WHERE (("
        + " AND ".join(f"(column_{n} IS NOT NULL)" for n in range(5))
        + "))"
    )
    assert canonical(text).splitlines()[:6] == [
        "SELECT a,",
        "  b",
        "FROM t",
        "WHERE (",
        "  (",
        "    (column_0 IS NOT NULL)",
    ]


def test_unquotes_only_plain_lower_case_names() -> None:
    """Names that need quotes in every version keep them."""
    text = '"json" "Json" "a b" "true" "x1_"'
    assert unquote(text) == 'json "Json" "a b" "true" x1_'


def _expressions() -> st.SearchStrategy[str]:
    strings = st.text("ab'\\\"{},N ", max_size=4).map(
        lambda s: "E'" + s.replace("\\", "\\\\").replace("'", "''") + "'"
    )
    leaves = st.one_of(
        strings.map(lambda s: f"{s}::text"),
        st.sampled_from(
            ["a", "t.b", "1", "1.5", "NULL::text", "(x)::bigint", "f(a, b)"]
        ),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(
                lambda items: f"({' AND '.join(items)})"
            ),
            st.lists(inner, min_size=2, max_size=3).map(
                lambda items: f"({' OR '.join(items)})"
            ),
            st.lists(inner, min_size=1, max_size=3).map(
                lambda items: f"(ARRAY[{', '.join(items)}])::text[]"
            ),
            inner.map(lambda item: f"(CASE WHEN {item} THEN 1 ELSE 2 END)"),
            inner.map(lambda item: f"( SELECT {item} AS c FROM t WHERE {item})"),
        ),
        max_leaves=8,
    )


@settings(deadline=None)
@given(_expressions())
def test_is_stable_under_repetition(text: str) -> None:
    """The canonical text of a canonical text is itself."""
    once = canonical(text)
    assert canonical(once) == once


@settings(deadline=None)
@given(st.text("ab'\\\"{},N \n", max_size=12))
def test_never_changes_a_string(value: str) -> None:
    """Whatever stands in a string literal stays there."""
    literal = "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    assert canonical(f"(a = {literal}::text)") == f"(a = {literal}::text)"


@settings(deadline=None)
@given(_expressions())
def test_reads_every_token_once(text: str) -> None:
    """Nothing but blanks is lost between text and tree."""

    def spell(nodes: object) -> str:
        assert isinstance(nodes, list)
        return "".join(
            n
            if isinstance(n, str)
            else f"{n.opening}{spell(n.body)}{')' if n.opening == '(' else ']'}"
            for n in nodes
        )

    assert spell(read_tree(text)).replace(" ", "") == text.replace(" ", "")
