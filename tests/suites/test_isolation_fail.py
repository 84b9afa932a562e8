"""Isolation checks fail by more than what is broken in the clone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources
from pytest_oneroof.postgres.connect import connect

BREAKS = Path(__file__).with_name("isolation_breaks.py")
CHECKS = 8
BROKEN = 3

# Made by the administrator: a check's role may do none but the publication.
PATHS = (
    "CREATE FOREIGN DATA WRAPPER bare",
    "CREATE SERVER elsewhere FOREIGN DATA WRAPPER bare",
    "CREATE USER MAPPING FOR PUBLIC SERVER elsewhere",
    "CREATE FOREIGN TABLE afar (id integer) SERVER elsewhere",
    "CREATE PUBLICATION told",
    "CREATE FUNCTION ender(integer) RETURNS boolean LANGUAGE internal"
    " AS 'pg_terminate_backend'",
    "CREATE FUNCTION caller() RETURNS void LANGUAGE plpgsql"
    " AS $$ BEGIN PERFORM dblink_exec('x', 'y'); END $$",
    "CREATE SCHEMA cron",
    "CREATE TABLE cron.job (jobid integer)",
    "CREATE SUBSCRIPTION taken CONNECTION 'dbname=nowhere' PUBLICATION p"
    " WITH (connect = false, slot_name = NONE)",
)
FOUND = [
    ("foreign server", "elsewhere"),
    ("foreign table", "afar"),
    ("job table", "cron.job"),
    ("publication", "told"),
    ("routine in untrusted language internal", "ender(integer)"),
    ("routine that calls dblink", "caller()"),
    ("subscription", "taken"),
    ("user mapping", "public on elsewhere"),
]


def read(connection: psycopg.Connection[Any], name: str) -> list[tuple[Any, ...]]:
    """Return the rows of one of the suite's read files."""
    text = resources.read_text(f"sql/isolation/{name}.sql")
    return connection.execute(text.encode()).fetchall()


def test_what_is_about_the_run_fails_too(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """No drop script, another clone's marker, another form of name: each is told."""
    pytester.makepyfile(test_breaks=BREAKS.read_text(encoding="utf-8"))
    result = run_oneroof(
        "--oneroof-clone", "--oneroof-suite", "isolation", "test_breaks.py"
    )
    proved = CHECKS + BROKEN
    result.assert_outcomes(passed=proved)
    result.stdout.fnmatch_lines([f"proof * {proved} clean of {proved} checks; *"])


def test_every_path_out_is_found(fresh_database: str) -> None:
    """Each kind of path out of a database is listed by K2, and nothing else is."""
    with connect(fresh_database) as admin:
        assert read(admin, "paths_out") == []
        for statement in PATHS:
            admin.execute(statement.encode())
        try:
            assert sorted(read(admin, "paths_out")) == FOUND
        finally:
            admin.execute(b"DROP SUBSCRIPTION taken")


def test_another_session_is_found(fresh_database: str) -> None:
    """A second session on the database is listed with role and application."""
    with connect(fresh_database) as own:
        assert read(own, "sessions") == []
        with connect(fresh_database, application="somebody") as other:
            pid = other.info.backend_pid
            role = other.info.user
            assert read(own, "sessions") == [(f"session {pid} of {role}, somebody",)]
            (_, _, blockers) = own.execute(
                resources.read_text("sql/isolation/drop_plan.sql").encode(),
                {"prefix": "pytest-oneroof clone "},
            ).fetchall()[0]
            assert blockers == f"session {pid}"
