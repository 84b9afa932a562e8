"""Ways out of a database, as its catalogs show them; on PostgreSQL with contrib."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from pytest_oneroof.postgres.connect import connect, with_database
from pytest_oneroof.postgres.extensions import EXTENSIONS
from pytest_oneroof.postgres.outward import WayOut, read_ways_out
from pytest_oneroof.postgres.ways import closing, tell_ways

NAME, ROLE, GROUP, OWNER = "ways_out", "ways_checker", "ways_group", "ways_owner"
# A symbol that exists, of a library that is not reviewed.
DBLINK = "AS '$libdir/dblink', 'dblink_connect' LANGUAGE c"
NOT_ADMITTED = {"dblink", "postgres_fdw", "file_fdw", "xml2", "adminpack", "pg_surgery"}


@dataclass(frozen=True)
class Case:
    """What is done, and what of it is found: (kind, object, how it is reached)."""

    statements: tuple[str, ...]
    found: tuple[tuple[str, str, str | None], ...]
    closable: bool = True


@pytest.fixture(scope="module")
def database(users_server: str) -> Iterator[str]:
    """The administrator's URL of a database with every extension at hand."""
    with connect(users_server) as admin:
        admin.execute(f"CREATE DATABASE {NAME}".encode())
        admin.execute(f"CREATE ROLE {ROLE} LOGIN NOINHERIT".encode())
        admin.execute(f"CREATE ROLE {OWNER}; CREATE ROLE {GROUP}".encode())
        admin.execute(f"GRANT {GROUP} TO {ROLE}".encode())
    url = with_database(users_server, NAME)
    with connect(url) as admin:
        names = admin.execute("SELECT name FROM pg_available_extensions").fetchall()
        for (name,) in names:
            admin.execute(f'CREATE EXTENSION IF NOT EXISTS "{name}" CASCADE'.encode())
    yield url
    with connect(users_server) as admin:
        admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)".encode())
        admin.execute(f"DROP ROLE {ROLE}, {OWNER}, {GROUP}".encode())


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection[object]]:
    """The administrator in a transaction that is rolled back; dblink and all closed."""
    connection = connect(database, autocommit=False)
    for statement in closing(seen(connection)):
        connection.execute(statement.encode())
    yield connection
    connection.rollback()
    connection.close()


def seen(
    admin: psycopg.Connection[object], *, allowed: tuple[str, ...] = ()
) -> tuple[WayOut, ...]:
    """Return the ways out of the role, in the administrator's transaction."""
    admin.execute(f"SET LOCAL SESSION AUTHORIZATION {ROLE}".encode())
    try:
        return read_ways_out(admin, allowed=allowed)
    finally:
        admin.execute("SET LOCAL SESSION AUTHORIZATION DEFAULT")


def test_what_is_admitted_stays_inside_and_what_is_not_is_closed(
    database: str,
) -> None:
    """Of all of contrib only what leaves the database is found; REVOKE closes it."""
    with connect(database, autocommit=False) as connection:
        installed = {
            n for (n,) in connection.execute("SELECT extname FROM pg_extension")
        }
        assert len(installed) > 40
        found = seen(connection)
        outs = {way.extension for way in found}
        reviewed = {row.extension for row in EXTENSIONS}
        assert outs - {"pg_prewarm"} <= NOT_ADMITTED
        assert installed <= reviewed | NOT_ADMITTED | {"plpgsql"}
        assert {way.object for way in found if way.extension == "pg_prewarm"} == {
            "public.autoprewarm_start_worker()",
            "public.autoprewarm_dump_now()",
        }
        assert len([way for way in found if way.extension == "dblink"]) > 30
        told = [told.found for told in tell_ways(found)]
        assert any(
            line.startswith("38 routines in language c of extension dblink: public.")
            and line.endswith("and 35 more; executable by PUBLIC")
            for line in told
        )
        for statement in closing(found):
            connection.execute(statement.encode())
        assert seen(connection) == ()
        connection.rollback()
        without = {way.extension for way in seen(connection, allowed=("dblink",))}
        assert without == outs - {"dblink"}
        connection.rollback()


CASES = {
    "C by hand": Case(
        (f"CREATE FUNCTION public.mine(text) RETURNS text {DBLINK}",),
        (("routine", "public.mine(text)", None),),
    ),
    "an extension's routine replaced": Case(
        (f"CREATE OR REPLACE FUNCTION soundex(text) RETURNS text {DBLINK} STRICT",),
        (("routine", "public.soundex(text)", None),),
    ),
    "an extension's routine with another symbol of its library": Case(
        (
            "GRANT EXECUTE ON FUNCTION pg_truncate_visibility_map(regclass) TO PUBLIC",
        ),
        (("routine", "public.pg_truncate_visibility_map(regclass)", None),),
    ),
    "an extension elsewhere": Case(
        ("CREATE SCHEMA other", "ALTER EXTENSION citext SET SCHEMA other"), ()
    ),
    "another name for a server function": Case(
        (
            "CREATE FUNCTION public.peek(text) RETURNS text LANGUAGE internal"
            " AS 'pg_read_file_all'",
        ),
        (("routine", "public.peek(text)", None),),
    ),
    "another name for what everybody may": Case(
        (
            "CREATE FUNCTION public.size(text) RETURNS integer LANGUAGE internal"
            " AS 'textlen'",
        ),
        (),
    ),
    "a language that only calls itself trusted": Case(
        (
            f"CREATE FUNCTION public.handle() RETURNS language_handler {DBLINK}",
            "CREATE TRUSTED LANGUAGE odd HANDLER public.handle",
            "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE odd AS 'x'",
        ),
        (("language", "odd", None), ("routine", "public.mine()", None)),
    ),
    "an untrusted language": Case(
        (
            f"CREATE FUNCTION public.handle() RETURNS language_handler {DBLINK}",
            "CREATE LANGUAGE odd HANDLER public.handle",
            "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE odd AS 'x'",
        ),
        (("routine", "public.mine()", None),),
    ),
    "an untrusted language without a routine": Case(
        (
            f"CREATE FUNCTION public.handle() RETURNS language_handler {DBLINK}",
            "CREATE LANGUAGE odd HANDLER public.handle",
        ),
        (),
    ),
    "a trigger's function without EXECUTE": Case(
        (
            f"CREATE FUNCTION public.mine() RETURNS trigger {DBLINK}",
            "REVOKE EXECUTE ON FUNCTION public.mine() FROM PUBLIC",
            "CREATE TABLE public.fired (a integer)",
            "CREATE TRIGGER fire AFTER INSERT ON public.fired"
            " EXECUTE FUNCTION public.mine()",
        ),
        (("routine", "public.mine()", "trigger fire on table public.fired"),),
        closable=False,
    ),
    "a trigger's function without EXECUTE or trigger": Case(
        (
            f"CREATE FUNCTION public.mine() RETURNS trigger {DBLINK}",
            "REVOKE EXECUTE ON FUNCTION public.mine() FROM PUBLIC",
        ),
        (),
    ),
    "an event trigger's function": Case(
        (
            f"CREATE FUNCTION public.mine() RETURNS event_trigger {DBLINK}",
            "REVOKE EXECUTE ON FUNCTION public.mine() FROM PUBLIC",
            "CREATE EVENT TRIGGER fire ON ddl_command_end"
            " EXECUTE FUNCTION public.mine()",
        ),
        (("routine", "public.mine()", "event trigger fire"),),
        closable=False,
    ),
    "a type's function": Case(
        (
            "CREATE OR REPLACE FUNCTION seg_in(cstring) RETURNS seg STRICT IMMUTABLE"
            " AS '$libdir/cube', 'cube_in' LANGUAGE c",
            "REVOKE EXECUTE ON FUNCTION seg_in(cstring) FROM PUBLIC",
        ),
        (("routine", "public.seg_in(cstring)", "type public.seg"),),
        closable=False,
    ),
    "an aggregate's function": Case(
        (
            f"CREATE FUNCTION public.mine(text, text) RETURNS text {DBLINK}",
            "CREATE AGGREGATE public.all_of (text) (sfunc = mine, stype = text)",
            "REVOKE EXECUTE ON FUNCTION public.mine(text, text) FROM PUBLIC",
        ),
        (("routine", "public.mine(text,text)", "function public.all_of(text)"),),
        closable=False,
    ),
    "an operator's function without EXECUTE": Case(
        (
            f"CREATE FUNCTION public.mine(text, text) RETURNS text {DBLINK}",
            "CREATE OPERATOR public.@@@ (LEFTARG = text, RIGHTARG = text,"
            " FUNCTION = public.mine)",
            "REVOKE EXECUTE ON FUNCTION public.mine(text, text) FROM PUBLIC",
        ),
        (),
    ),
    "server functions": Case(
        (
            "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC",
            f"GRANT EXECUTE ON FUNCTION lo_import(text) TO {ROLE}",
            f"GRANT EXECUTE ON FUNCTION lo_export(oid, text) TO {OWNER}",
        ),
        (
            ("server function", "lo_import(text)", None),
            ("server function", "pg_read_file(text)", None),
        ),
    ),
    "what everybody may, granted again": Case(
        ("GRANT EXECUTE ON FUNCTION lower(text) TO PUBLIC",), ()
    ),
    "settings": Case(
        (
            f"GRANT SET ON PARAMETER session_replication_role TO {ROLE}",
            f"GRANT ALTER SYSTEM ON PARAMETER log_min_messages TO {GROUP}",
            f"GRANT SET ON PARAMETER log_statement TO {ROLE}",
        ),
        (
            ("setting", "log_min_messages", None),
            ("setting", "session_replication_role", None),
        ),
        closable=False,
    ),
    "a wrapper": Case(
        (f"GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO {GROUP}",),
        (("wrapper", "postgres_fdw", None),),
    ),
    "a group's right that is not inherited": Case(
        (
            f"GRANT EXECUTE ON FUNCTION dblink_exec(text) TO {GROUP}",
        ),
        (("routine", "public.dblink_exec(text)", None),),
    ),
    "another role's right": Case(
        (f"GRANT EXECUTE ON FUNCTION dblink_exec(text) TO {OWNER}",), ()
    ),
    "another role's right, lent": Case(
        (
            f"GRANT EXECUTE ON FUNCTION dblink_exec(text) TO {OWNER}",
            "CREATE FUNCTION public.lends() RETURNS integer LANGUAGE sql"
            " SECURITY DEFINER AS 'SELECT 1'",
            f"ALTER FUNCTION public.lends() OWNER TO {OWNER}",
        ),
        (("routine", "public.dblink_exec(text)", None),),
    ),
    "an owner's right": Case(
        (
            f"CREATE FUNCTION public.mine(text) RETURNS text {DBLINK}",
            "REVOKE EXECUTE ON FUNCTION public.mine(text) FROM PUBLIC",
            f"GRANT CREATE ON SCHEMA public TO {GROUP}",
            f"ALTER FUNCTION public.mine(text) OWNER TO {GROUP}",
        ),
        (("routine", "public.mine(text)", None),),
        closable=False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_ways_are_found_by_what_they_are(
    admin: psycopg.Connection[object], name: str
) -> None:
    """Whatever it is called and wherever it stands; what can be closed, then is."""
    case = CASES[name]
    assert seen(admin) == ()
    for statement in case.statements:
        admin.execute(statement.encode())
    found = seen(admin)
    assert tuple((way.kind, way.object, way.how) for way in found) == case.found
    if found:
        assert all(told.found and told.why for told in tell_ways(found))
        assert [way.closable for way in found] == [case.closable] * len(found)
    for statement in closing(found):
        admin.execute(statement.encode())
    assert seen(admin) == (() if case.closable else found)


def test_a_lent_right_names_the_routine_that_lends_it(
    admin: psycopg.Connection[object],
) -> None:
    """Of a SECURITY DEFINER routine its owner's rights count, and it is named."""
    for statement in CASES["another role's right, lent"].statements:
        admin.execute(statement.encode())
    (told,) = tell_ways(seen(admin))
    assert told.found.endswith(
        "executable by the owner of the SECURITY DEFINER routine public.lends()"
    )
    assert told.remedy == (
        f"REVOKE EXECUTE ON ROUTINE public.dblink_exec(text) FROM {OWNER};"
    )


def test_other_operators_and_types_in_the_search_path_hide_nothing(
    admin: psycopg.Connection[object],
) -> None:
    """Names are PostgreSQL's own while it is read, and as they were afterwards."""
    admin.execute(CASES["C by hand"].statements[0].encode())
    admin.execute("CREATE SCHEMA odd")
    for kind in ("oid", "text", "name"):
        admin.execute(
            f"CREATE FUNCTION odd.no({kind}, {kind}) RETURNS boolean LANGUAGE sql"
            f" IMMUTABLE AS 'SELECT false'; CREATE OPERATOR odd.= (LEFTARG = {kind},"
            f" RIGHTARG = {kind}, FUNCTION = odd.no)".encode()
        )
    admin.execute(
        "CREATE DOMAIN odd.regprocedure AS text; CREATE TYPE odd.oid AS (a int)"
    )
    admin.execute("GRANT USAGE ON SCHEMA odd TO PUBLIC")
    admin.execute("SET LOCAL search_path = odd, public, pg_catalog")
    assert [way.object for way in seen(admin)] == ["public.mine(text)"]
    assert admin.execute("SHOW search_path").fetchone() == ("odd, public, pg_catalog",)
