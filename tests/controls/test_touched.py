"""What a check is seen to touch, by the texts that it sends."""

from __future__ import annotations

import pytest

from pytest_oneroof.controls.catalog import Catalog
from pytest_oneroof.controls.generated import Rule, generate
from pytest_oneroof.controls.touched import Touched, with_views, words_of


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
