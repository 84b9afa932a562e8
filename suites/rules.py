"""The rules that tables are known to have, and whether they are in force.

What a check writes is bounded by constraints, unique indexes and triggers: without
them the same figures would say less. `fixtures/rules.json` holds what is known of
production, told by what a rule does (`sql/rules/standing.sql`); further rules may
stand beside.
"""

from __future__ import annotations

from collections import Counter

import pytest
from psycopg import sql as composed
from pytest_oneroof.suites.figures import Connection
from pytest_oneroof.suites.support import rows, sql

from pytest_oneroof import resources

ANY = "*"


def assert_rules(connection: Connection, *tables: str) -> None:
    """Assert that every rule known of these tables of `public` is in force.

    Fails with the ones that are missing, disabled or other than known.
    """
    known = resources.read_json("fixtures/rules.json")
    missing = []
    for table in tables:
        # In the text, so that the table is seen to be looked at.
        name = composed.Literal(f"public.{table}").as_string().encode()
        query = sql("rules/standing.sql").replace(b"%(table)s", name)
        found = Counter(told for (told,) in rows(connection, query))
        lacking = Counter(known[table]) - found
        missing += [f"  {table}: {rule}" for rule in lacking if _lacks(rule, found)]
    if missing:
        count = len(missing)
        lines = [f"{count} rule{'s'[: count != 1]} not in force as known:", *missing]
        pytest.fail("\n".join(lines), pytrace=False)


def _lacks(rule: str, found: Counter[str]) -> bool:
    """Tell whether a rule is missing; one that ends in `*` is known in part."""
    if not rule.endswith(ANY):
        return True
    return not any(told.startswith(rule.removesuffix(ANY)) for told in found)
