"""What a check is seen to touch, by the texts that it sends."""

from __future__ import annotations

import re

import pytest

from pytest_oneroof.controls.catalog import Catalog, Explained
from pytest_oneroof.controls.definitions import Definitions, from_definitions
from pytest_oneroof.controls.generated import Rule, explained, generate
from pytest_oneroof.controls.touched import (
    Touched,
    columns_of,
    with_views,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("INSERT INTO public.orders (a) VALUES (1)", {"orders"}),
        ('update only "orders" set a = 1', {"orders"}),
        ("DELETE\n FROM x.orders", {"orders"}),
        ("TRUNCATE TABLE orders", {"orders"}),
        ("MERGE INTO orders USING b ON true", {"orders"}),
        ("SELECT * FROM orders FOR KEY SHARE", set()),
    ],
)
def test_written_tables_are_read_from_a_text(text: str, written: set[str]) -> None:
    """The table after a writing verb is written, any other word is used."""
    used, found = words_of([text])
    assert found == written
    assert "orders" in used


def test_a_view_stands_for_its_tables() -> None:
    """What lies behind a view, also behind another view, is used with it."""
    views = {"top": frozenset({"middle"}), "middle": frozenset({"t", "top"})}
    found = with_views(Touched(frozenset({"top"}), frozenset({"u"})), views)
    assert found == Touched(frozenset({"top", "middle", "t"}), frozenset({"u"}))


def test_each_rule_of_a_table_leant_on_is_a_fault() -> None:
    """Rules of other tables are left out, and what forbids nothing is explained."""
    rules = [
        Rule("t", "t", "constraint", "t_pkey", "t_pkey", True),
        Rule("t", "t", "index", "ix_t", "ix_t", False),
        Rule("t", "other.t", "trigger", "Trg", '"Trg"', True),
        Rule("u", "u", "constraint", "u_pkey", "u_pkey", True),
    ]
    key, index, trigger = generate(rules, {"t"}, Catalog())
    assert key.does == ("ALTER TABLE t DROP CONSTRAINT t_pkey CASCADE",)
    assert (key.ident, key.equivalent) == ("constraint.t.t_pkey", "")
    assert index.equivalent.startswith("an index that is not unique")
    assert trigger.does == ('ALTER TABLE other.t DISABLE TRIGGER "Trg"',)
    assert trigger.ident == "trigger.other.t.Trg"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT o.a FROM orders AS o JOIN public.b AS t ON t.c = o.d", "oa od bc"),
        ('SELECT "held"."a" FROM "public"."orders" AS held', "oa"),
        ("SELECT pg_catalog.lower(a) FROM orders", ""),
    ],
)
def test_columns_are_read_by_the_alias_of_their_table(text: str, expected: str) -> None:
    """A column named by another word than a table's alias is nobody's."""
    found = {f"{table[0]}{column}" for table, column in columns_of(text)}
    assert found == set(expected.split())


COLUMN = ("orders", "orders", "a", "a", "public.orders", "integer", 3)
CHECK = ("orders", "orders", "c", "orders_check", "CHECK ((a = 1))")


@pytest.mark.parametrize(
    ("registries", "expected"), [(("public.orders",), 2), (("public.b",), 0), ((), 0)]
)
def test_columns_of_registries_alone_are_broken(
    registries: tuple[str, ...], expected: int
) -> None:
    """A column is changed where the pack names its table, and a check reads it."""
    read = {"s:r": Touched(columns=frozenset({("orders", "a")})), "s:b": Touched()}
    found = Definitions((), (), (), [COLUMN], ())
    faults = list(from_definitions(found, read, registries))
    assert len(faults) == expected
    assert all(fault.shown_to == {"s:r"} for fault in faults)


def test_what_explains_a_rule_gone_explains_it_loosened() -> None:
    """A rule not known of production is not asserted in any of its parts."""
    read = {"s:w": Touched(written=frozenset({"orders"}))}
    found = Definitions((), (), [CHECK], (), ())
    faults = list(from_definitions(found, read, ()))
    assert [fault.ident.rpartition(".")[2] for fault in faults] == [
        "10-equal-turned",
        "12-1-one-more",
        "always",
    ]
    reason = Explained(re.compile(r"constraint\.orders\.orders_check"), "not known")
    told = list(explained(faults, Catalog(explained=(reason,))))
    assert {fault.equivalent for fault in told} == {"not known"}
    assert {f.equivalent for f in explained(faults, Catalog())} == {""}
