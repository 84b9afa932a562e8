"""The texts of a first pack, from what was read of its database. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from psycopg import sql

from pytest_oneroof.commands.first_pack.source import COUNTED, Source, Table

FOLDER = "checks"
FITTING = 5


def texts(source: Source) -> dict[str, str]:
    """Return the text of each file of the pack, by its path in the project."""
    return {
        "pytest.ini": _ini(),
        f"{FOLDER}/fixtures/pack.toml": _facts(source),
        f"{FOLDER}/fixtures/figures.json": "",
        f"{FOLDER}/sql/metrics.sql": _metrics(source.tables),
        f"{FOLDER}/sql/organic.sql": _organic(source.tables),
        f"{FOLDER}/suites/test_first.py": _first(source),
        f"{FOLDER}/ci.yml": _ci(source),
    }


def _ini() -> str:
    return f"""\
[pytest]
# `pytest` runs on the clone; docs/packs.md of pytest-oneroof tells all settings.
oneroof_clone = true
oneroof_pack = ./{FOLDER}
# The pack's suites are collected by the plugin: once, under oneroof/.
norecursedirs = {FOLDER} .* build dist node_modules venv
"""


def _facts(source: Source) -> str:
    slug = source.slug
    productions = [source.database, f"{source.system_identifier}/{source.database}"]
    fitting = [table.title for table in source.tables][:FITTING]
    return f"""\
name = {_quoted(slug)}
clone_pattern = {_quoted(f"{slug}_test_[0-9]{{8}}(_[a-z0-9_]+)?")}
# Never written to: add every address under which your production is known.
productions = {_quoted(productions)}

[fits]
# Without these tables the checks below are not run.
tables = {_quoted(fitting)}

[suites]
first = {{}}

[figures]
metrics = "sql/metrics.sql"
organic = "sql/organic.sql"
expected = "fixtures/figures.json"
"""


def _metrics(tables: Iterable[Table]) -> str:
    counted = [
        f"SELECT {_text(t.title)} AS metric, count(*) AS value FROM {t.quoted}"
        for t in tables
        if t.small
    ]
    return _joined(
        f"-- Figures that stay as they are: tables of up to {COUNTED} rows, counted.\n"
        "-- What moves by itself in your production belongs into organic.sql.\n",
        counted or ["SELECT ''::text AS metric, 0::bigint AS value WHERE false"],
    )


def _organic(tables: Iterable[Table]) -> str:
    estimated = [
        f"SELECT {_text(t.title)} AS metric,"
        " greatest(c.reltuples, 0)::bigint AS value, false AS exact"
        f" FROM pg_catalog.pg_class AS c WHERE c.oid = {_text(t.quoted)}::regclass"
        for t in tables
        if not t.small
    ]
    nothing = (
        "SELECT ''::text AS metric, 0::bigint AS value, false AS exact WHERE false"
    )
    return _joined(
        "-- Figures that move by themselves: shown with their drift, never failing.\n"
        "-- Large tables, and those under row security, by the server's estimate.\n",
        estimated or [nothing],
    )


def _joined(head: str, parts: Iterable[str]) -> str:
    return head + "\nUNION ALL\n".join(parts) + "\n"


def _first(source: Source) -> str:
    names = [table.title for table in source.tables][:FITTING]
    table = source.tables[0].quoted if source.tables else ""
    alter = f"ALTER TABLE {table} ADD COLUMN oneroof_example int"
    statement = alter if table else "CREATE TABLE oneroof_example (a int)"
    query = (
        f"SELECT oneroof_example FROM {table}"
        if table
        else ("SELECT a FROM oneroof_example")
    )
    return f'''\
"""First checks of {source.database}: one that reads, one that writes."""

import pytest

TABLES = {json.dumps(names, ensure_ascii=False)}


@pytest.mark.readonly
@pytest.mark.parametrize("table", TABLES)
def test_table_can_be_read(oneroof_target, table):
    """Reads only, so that it runs on the clone and on production."""
    schema, _, name = table.partition(".")
    query = "SELECT has_table_privilege(quote_ident(%s) || '.' || quote_ident(%s), %s)"
    found = oneroof_target.execute(query, [schema, name, "SELECT"])
    assert found.fetchone() == (True,)


def test_a_migration_can_be_rehearsed(oneroof_clone):
    """Writes to the clone: rolled back afterwards, and proved to have left nothing."""
    oneroof_clone.execute({statement!r})
    found = oneroof_clone.execute({f"{query} LIMIT 1"!r})
    assert found.description is not None
'''


def _ci(source: Source) -> str:
    return f"""\
# A job for GitHub Actions: copy it to .github/workflows/. The two secrets are URLs:
# of the server's administrator, and of the database that the clone is made from.
name: checks of {source.slug}
on:
  schedule: [{{ cron: "17 * * * *" }}]
  workflow_dispatch:
jobs:
  checks:
    runs-on: ubuntu-latest
    env:
      ONEROOF_ADMIN_URL: ${{{{ secrets.ONEROOF_ADMIN_URL }}}}
    steps:
      - uses: actions/checkout@v4
      - run: pip install 'pytest-oneroof'
      - run: oneroof clone create --from "${{{{ secrets.SOURCE_URL }}}}" --expires 2h
      - run: pytest --oneroof-report report --junitxml junit.xml
      - run: oneroof clone gc
        if: always()
"""


def _text(value: str) -> str:
    return sql.Literal(value).as_string(None)


def _quoted(value: object) -> str:
    """Return a text or a list of texts as TOML writes it, which is as JSON does."""
    return json.dumps(value, ensure_ascii=False)
