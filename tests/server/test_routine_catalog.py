"""Names that the policy would refuse, on a server where dblink is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from pytest_oneroof.check.routine_catalog import RoutineCatalog
from pytest_oneroof.postgres.connect import connect, with_database
from pytest_oneroof.statements.policy import Circumstances, judge_guarded

STUBS = """
CREATE EXTENSION dblink;
CREATE SCHEMA mine;
CREATE FUNCTION mine.dblink_exec(text, text) RETURNS text LANGUAGE sql
  AS 'SELECT $1';
CREATE FUNCTION mine.pg_reload_conf() RETURNS bool LANGUAGE plpgsql
  AS 'BEGIN RETURN true; END';
CREATE FUNCTION mine.pg_cancel_backend(int) RETURNS bool RETURN true;
CREATE FUNCTION public.http_get(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
"""


@pytest.fixture(scope="module")
def database(users_server: str) -> Iterator[str]:
    """The URL of a database with the extension dblink, and stubs named like it."""
    with connect(users_server) as admin:
        admin.execute("CREATE DATABASE with_dblink")
    url = with_database(users_server, "with_dblink")
    with connect(url) as admin:
        admin.execute(STUBS)
    yield url
    with connect(users_server) as admin:
        admin.execute("DROP DATABASE with_dblink")


@pytest.fixture
def session(database: str) -> Iterator[psycopg.Connection[Any]]:
    """A session on it, whose work is undone."""
    with psycopg.connect(database) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize(
    ("path", "text", "refused"),
    [
        ("", "SELECT dblink_exec('a', 'b')", True),
        ("", "SELECT public.dblink_exec('a', 'b')", True),
        ("", "SELECT mine.dblink_exec('a', 'b')", False),
        ("mine", "SELECT dblink_exec('a', 'b')", False),
        ("mine", "SELECT public.dblink_exec('a', 'b')", True),
        # Of the extension's own, those with other arguments are found too.
        ("mine, public", "SELECT dblink_exec('a', 'b')", True),
        ("mine, public", "SELECT dblink_connect('a')", True),
        # When these run, another path may be set.
        ("mine", "DO $$ BEGIN PERFORM dblink_exec('a', 'b'); END $$", True),
        ("mine", "SET search_path = public; SELECT dblink_exec('a', 'b')", True),
        ("", "SELECT http_get('x')", False),
        ("", "DO $$ BEGIN PERFORM http_get('x'); END $$", False),
        ("", "SELECT http_post('x')", False),
        ("mine", "SELECT pg_reload_conf()", True),
        ("mine, pg_catalog", "SELECT pg_reload_conf()", False),
        ("mine, pg_catalog", "SELECT pg_catalog.pg_reload_conf()", True),
        ("", "SELECT pg_cancel_backend(1)", True),
        ("mine, pg_catalog", "SELECT pg_cancel_backend(1)", False),
        ("", "SELECT pg_cancel_backend(1), http_get('x')", True),
        ("", "SELECT http_get('x'), lo_export(1, '/x')", True),
        ("", "SELECT http_get('x'); COMMIT", True),
        ("", "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'a'", True),
        ("", "CREATE FUNCTION f() RETURNS int LANGUAGE nowhere AS 'a'", True),
    ],
)
def test_a_name_is_what_the_catalog_knows_it_for(
    session: psycopg.Connection[Any], path: str, text: str, *, refused: bool
) -> None:
    """What is called decides: an extension's routine, or a stub of that name."""
    if path:
        session.execute(f"SET search_path = {path}".encode())
    where = Circumstances(catalog=RoutineCatalog(session.pgconn))
    assert bool(judge_guarded(text, where).refusal) is refused


def test_a_trusted_language_is_not_refused(session: psycopg.Connection[Any]) -> None:
    """A language that the database trusts cannot act outside of it."""
    session.execute(
        "CREATE TRUSTED LANGUAGE tame HANDLER plpgsql_call_handler;"
        " CREATE LANGUAGE wild HANDLER plpgsql_call_handler"
    )
    where = Circumstances(catalog=RoutineCatalog(session.pgconn))
    refusals = [
        judge_guarded(f"DO LANGUAGE {language} 'x'", where).refusal
        for language in ("tame", "wild")
    ]
    assert [bool(refusal) for refusal in refusals] == [False, True]


def test_without_an_answer_a_name_stands(session: psycopg.Connection[Any]) -> None:
    """In a failed transaction, or in a pipeline, nothing can be asked: refused."""
    text = "SELECT http_get('x')"
    where = Circumstances(catalog=RoutineCatalog(session.pgconn))
    assert judge_guarded(text, where).refusal is None
    with session.pipeline():
        assert judge_guarded(text, where).refusal is not None
    with pytest.raises(psycopg.errors.UndefinedTable):
        session.execute("SELECT * FROM absent")
    assert judge_guarded(text, where).refusal is not None
