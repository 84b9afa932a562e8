"""Who may read a production: the preflight, its reasons and their remedies."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pytest_oneroof.errors import GuardRefused
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.identity import address
from pytest_oneroof.production import preflight
from pytest_oneroof.production.channel import ProductionChannel
from pytest_oneroof.production.past import Tolerated
from pytest_oneroof.production.powers import Power
from pytest_oneroof.production.preflight import (
    ChannelRefused,
    ChannelRules,
    Facts,
    judge,
)

from .conftest import READER, Cluster, Production, copied

FACTS = Facts(
    database="directus",
    oid=16384,
    system_identifier="7000",
    server_version="16.14",
    in_recovery=False,
    role="reader",
    sees_sessions=True,
    comment=None,
    sees_lost_clients=True,
    addresses=frozenset({address("db.example", 5432)}),
    powers=(),
)
RULES = ChannelRules(clone_marker="pytest-oneroof clone ")

GRANTS = {
    "insert": (
        "GRANT INSERT ON public.system_issues TO {role}",
        "the role has INSERT on table public.system_issues",
    ),
    "update-of-a-column": (
        "GRANT UPDATE (title) ON public.system_issues TO {role}",
        "the role has UPDATE on column public.system_issues.title",
    ),
    "truncate": (
        "GRANT TRUNCATE ON public.system_issues TO {role}",
        "the role has TRUNCATE on table public.system_issues",
    ),
    "trigger": (
        "GRANT TRIGGER ON public.system_issues TO {role}",
        "the role has TRIGGER on table public.system_issues",
    ),
    "delete-by-public": (
        "GRANT DELETE ON public.tasks TO PUBLIC",
        "PUBLIC, and so every role, has DELETE on table public.tasks",
    ),
    "update-of-a-view": (
        "GRANT UPDATE ON public.v_governance_object_inventory TO {role}",
        "the role has UPDATE on table public.v_governance_object_inventory",
    ),
    "sequence-usage": (
        "GRANT USAGE ON SEQUENCE public.system_issues_id_seq TO {role}",
        "the role has USAGE on sequence public.system_issues_id_seq",
    ),
    "sequence-update": (
        "GRANT UPDATE ON SEQUENCE public.system_issues_id_seq TO {role}",
        "the role has UPDATE on sequence public.system_issues_id_seq",
    ),
    "create-in-schema": (
        "GRANT CREATE ON SCHEMA iu_core TO {role}",
        "the role has CREATE on schema iu_core",
    ),
    "create-in-database": (
        "GRANT CREATE ON DATABASE {database} TO {role}",
        "the role has CREATE on database {database}",
    ),
    "large-object": (
        "SELECT lo_create(4711); GRANT UPDATE ON LARGE OBJECT 4711 TO {role}",
        "the role has UPDATE on large object 4711",
    ),
    "owner": (
        "ALTER TABLE public.tasks OWNER TO {role}",
        "the role owns sequence public.tasks_id_seq, table public.tasks",
    ),
    "security-definer": (
        "CREATE FUNCTION public.mighty() RETURNS integer LANGUAGE sql"
        " SECURITY DEFINER AS 'SELECT 1'",
        "the role may execute public.mighty(): security definer, owned by admin",
    ),
}
ROLES = {
    "superuser": ("SUPERUSER", "the role is a superuser"),
    "createdb": ("CREATEDB", "the role is allowed to create databases (CREATEDB)"),
    "createrole": ("CREATEROLE", "the role is allowed to create roles (CREATEROLE)"),
    "replication": ("REPLICATION", "the role is allowed to replicate (REPLICATION)"),
    "bypassrls": ("BYPASSRLS", "the role is exempt from row security (BYPASSRLS)"),
}
PREDEFINED = (
    "pg_checkpoint",
    "pg_execute_server_program",
    "pg_read_server_files",
    "pg_signal_backend",
    "pg_write_all_data",
    "pg_write_server_files",
)


def refusal(production: Production, url: str | None = None) -> ChannelRefused:
    """Return the refusal of the channel to a production."""
    with pytest.raises(ChannelRefused) as caught:
        ProductionChannel(url or production.reader, production.rules)
    return caught.value


@pytest.fixture(scope="module")
def role(cluster: Cluster, production: Production) -> Iterator[str]:
    """A role that inherits nothing by itself, for memberships and attributes."""
    with connect(cluster.url("admin", "postgres")) as admin:
        admin.execute("CREATE ROLE preflight_tried LOGIN NOINHERIT")
        admin.execute("GRANT CONNECT ON DATABASE directus TO preflight_tried")
        yield "preflight_tried"
        admin.execute("REVOKE CONNECT ON DATABASE directus FROM preflight_tried")
        admin.execute("DROP ROLE preflight_tried")


def test_a_role_of_the_shipped_file_is_admitted(production: Production) -> None:
    """The role that acceptance_role.sql makes reads, and has no power at all."""
    channel = ProductionChannel(production.reader, production.rules)
    assert channel.facts.powers == ()
    assert channel.facts.role == READER
    assert channel.facts.sees_sessions
    channel.close()


@pytest.mark.parametrize("name", GRANTS)
def test_one_write_grant_is_refused_by_name(copy: Production, name: str) -> None:
    """One grant beside reading refuses the role, and the refusal names it."""
    statement, told = GRANTS[name]
    values = {"role": READER, "database": copy.name}
    for part in statement.format(**values).split(";"):
        copy.execute(part)
    refused = refusal(copy)
    assert [reason.found for reason in refused.reasons] == [told.format(**values)]
    if "grant" in refused.reasons[0].code:
        for line in refused.reasons[0].remedy.splitlines()[:-1]:
            copy.execute(line)
        ProductionChannel(copy.reader, copy.rules).close()


@pytest.mark.parametrize("name", ROLES)
def test_an_attribute_is_refused_by_name(
    production: Production, cluster: Cluster, role: str, name: str
) -> None:
    """Superuser, CREATEDB, CREATEROLE, REPLICATION and BYPASSRLS are refused."""
    attribute, told = ROLES[name]
    production.execute(f"ALTER ROLE {role} {attribute}")
    try:
        refused = refusal(production, cluster.url(role, "directus"))
    finally:
        production.execute(f"ALTER ROLE {role} NO{attribute}")
    assert [reason.found for reason in refused.reasons] == [told]


@pytest.mark.parametrize("name", PREDEFINED)
def test_a_predefined_role_is_refused_by_any_membership(
    production: Production, cluster: Cluster, role: str, name: str
) -> None:
    """A writing role of PostgreSQL's own counts also where it is not inherited."""
    production.execute(
        "CREATE ROLE preflight_middle", f"GRANT {name} TO preflight_middle"
    )
    production.execute(f"GRANT preflight_middle TO {role}")
    try:
        refused = refusal(production, cluster.url(role, "directus"))
    finally:
        production.execute("DROP ROLE preflight_middle")
    assert [reason.found for reason in refused.reasons] == [
        f"the role is a member of {name} (through role {name})"
    ]


def test_a_grant_through_a_membership_names_the_holder(
    copy: Production, cluster: Cluster, role: str
) -> None:
    """A right of a role that it could SET ROLE to is told with that role."""
    copy.execute(
        "CREATE ROLE preflight_writer",
        "GRANT INSERT, DELETE ON public.tasks TO preflight_writer",
        "GRANT INSERT ON public.agents TO preflight_writer",
        f"GRANT preflight_writer TO {role}",
    )
    try:
        refused = refusal(copy, cluster.url(role, copy.name))
    finally:
        copy.execute("DROP OWNED BY preflight_writer", "DROP ROLE preflight_writer")
    (reason,) = refused.reasons
    assert reason.found == (
        "role preflight_writer, of which it is a member, has DELETE, INSERT on table "
        "public.tasks, public.agents"
    )
    revoke = 'REVOKE DELETE ON TABLE public.tasks FROM "preflight_writer";'
    assert revoke in reason.remedy


def test_what_read_only_stops_is_tolerated(copy: Production) -> None:
    """TEMPORARY, REFERENCES, and routines with other powerless owners are no reason."""
    copy.execute(
        f"GRANT TEMPORARY ON DATABASE {copy.name} TO {READER}",
        f"GRANT REFERENCES ON public.tasks TO {READER}",
        "CREATE FUNCTION public.writes() RETURNS integer LANGUAGE sql"
        " SECURITY DEFINER AS 'SELECT 1'",
        "ALTER FUNCTION public.writes() OWNER TO directus",
    )
    ProductionChannel(copy.reader, copy.rules).close()


def test_the_administrator_is_refused_whole(production: Production) -> None:
    """A superuser's URL is refused with cause and remedy, from catalogs alone."""
    refused = refusal(production, production.admin)
    assert str(refused) == (
        "read-only channel refused 'admin' on 'directus': 1 reason\n"
        "  1. [power] the role is a superuser\n"
        "     why: READ ONLY does not stop such a role: locks, files, other sessions, "
        "its own settings\n"
        "     fix: log in as a role that only reads: psql -f "
        "sql/roles/acceptance_role.sql makes one\n"
        "nothing but catalogs was read"
    )
    assert isinstance(refused, GuardRefused)
    assert str(pickle.loads(pickle.dumps(refused))) == str(refused)


def test_a_database_outside_of_the_list_is_denied(
    cluster: Cluster, production: Production
) -> None:
    """A database that is neither declared nor allowed is denied by name."""
    with pytest.raises(ChannelRefused) as caught:
        ProductionChannel(cluster.url(READER, "postgres"), production.rules)
    assert [reason.found for reason in caught.value.reasons] == [
        "[DENIED] database 'postgres' not allowed (allowed: directus)"
    ]
    rules = ChannelRules(productions=("directus",), databases=("postgres",))
    ProductionChannel(cluster.url(READER, "postgres"), rules).close()


def test_a_clone_is_no_production(copy: Production) -> None:
    """A database with a clone's marker is refused even when it is declared."""
    copy.execute(f"COMMENT ON DATABASE {copy.name} IS 'pytest-oneroof clone {{}}'")
    assert [reason.code for reason in refusal(copy).reasons] == ["clone"]


@pytest.mark.parametrize(
    "entry",
    [
        "directus",
        "DB.example.:5432/directus",
        "postgresql://reader@db.example/directus",
        "7000/directus",
        "7000/16384",
    ],
)
def test_a_production_is_declared_by_name_address_or_identity(entry: str) -> None:
    """Each form of declaration admits the database that it names, and no other."""
    assert judge(FACTS, replace(RULES, productions=(entry,))) == ()
    other = replace(FACTS, database="other", oid=1)
    reasons = judge(other, replace(RULES, productions=(entry,)))
    assert [reason.code for reason in reasons] == ["database"]


def test_no_declared_production_refuses() -> None:
    """With an empty list nothing is admitted, and the message says so."""
    (reason,) = judge(FACTS, replace(RULES, productions=()))
    assert reason.found == "[DENIED] database 'directus' not allowed (allowed: none)"


def test_every_reason_is_told_at_once() -> None:
    """Database, marker and powers are judged together."""
    facts = replace(
        FACTS,
        comment="pytest-oneroof clone {}",
        database="other",
        powers=(
            Power("createdb", "ROLE", "reader", "reader"),
            Power("INSERT", "TABLE", "public.a", "reader"),
        ),
    )
    codes = [reason.code for reason in judge(facts, RULES)]
    assert codes == ["clone", "database", "power", "grant"]


def test_many_objects_are_counted_and_three_named() -> None:
    """A role with rights on many tables gets one reason, with three of them."""
    powers = tuple(Power("INSERT", "TABLE", f"public.t{n}", "PUBLIC") for n in range(7))
    (reason,) = preflight.write_reasons(replace(FACTS, powers=powers), RULES)
    assert reason.found == (
        "PUBLIC, and so every role, has INSERT on table public.t0, public.t1, "
        "public.t2 and 4 more"
    )


PLPGSQL = "CREATE FUNCTION public.past() RETURNS integer LANGUAGE plpgsql AS "
# What READ ONLY does not stop, as a routine that anybody may execute, or a view.
PAST = {
    "lock": (
        "CREATE FUNCTION public.past() RETURNS integer LANGUAGE sql"
        " AS 'SELECT 1 FROM pg_advisory_lock(7)'",
        "the role may use public.past(): it calls pg_advisory_lock(): it takes or "
        "frees a lock that other sessions meet",
    ),
    "lock-in-atomic": (
        "CREATE FUNCTION public.past() RETURNS integer LANGUAGE sql"
        " BEGIN ATOMIC SELECT 1 FROM pg_try_advisory_xact_lock(7); END",
        "the role may use public.past(): it calls pg_try_advisory_xact_lock(): it "
        "takes or frees a lock that other sessions meet",
    ),
    "lock-executed": (
        PLPGSQL + "$$ BEGIN EXECUTE 'SELECT pg_advisory_lock(1)'; RETURN 1; END $$",
        "the role may use public.past(): it calls pg_advisory_lock(): it takes or "
        "frees a lock that other sessions meet",
    ),
    "message": (
        PLPGSQL + "$$ BEGIN PERFORM pg_logical_emit_message(false, 'a', 'b');"
        " RETURN 1; END $$",
        "the role may use public.past(): it calls pg_logical_emit_message(): what it "
        "writes to the log of changes stays there",
    ),
    "sleep": (
        PLPGSQL + "$$ BEGIN PERFORM pg_sleep(60); RETURN 1; EXCEPTION WHEN"
        " query_canceled THEN PERFORM pg_sleep(60); RETURN 2; END $$",
        "the role may use public.past(): it catches query_canceled, by which the "
        "statement timeout ends it",
    ),
    "view": (
        "CREATE VIEW public.past AS SELECT pg_try_advisory_lock(7)",
        "the role may use view public.past: it calls pg_try_advisory_lock(): it takes "
        "or frees a lock that other sessions meet",
    ),
    "definer": (
        "CREATE FUNCTION public.hidden() RETURNS integer LANGUAGE sql"
        " AS 'SELECT 1 FROM pg_advisory_lock(7)';"
        "REVOKE EXECUTE ON FUNCTION public.hidden() FROM PUBLIC;"
        "CREATE FUNCTION public.middle() RETURNS integer LANGUAGE sql"
        " AS 'SELECT hidden()';"
        "CREATE FUNCTION public.past() RETURNS integer LANGUAGE sql SECURITY DEFINER"
        " AS 'SELECT middle()'; ALTER FUNCTION public.past() OWNER TO directus",
        "the role may use public.past(): it calls middle: it calls hidden: it calls "
        "pg_advisory_lock(): it takes or frees a lock that other sessions meet",
    ),
}


@pytest.fixture(scope="module")
def emptied(cluster: Cluster, production: Production) -> Iterator[Production]:
    """A production whose routines come and go."""
    with copied(cluster, "directus_routines") as made:
        yield made


@pytest.fixture
def routines(emptied: Production) -> Iterator[Production]:
    """That production; the routines of the test are dropped afterwards."""
    yield emptied
    emptied.execute(
        "DROP VIEW IF EXISTS public.past",
        "DROP ROUTINE IF EXISTS public.past, public.hidden, public.middle",
    )


@pytest.mark.parametrize("name", PAST)
def test_what_reaches_past_read_only_is_refused_by_name(
    routines: Production, name: str
) -> None:
    """A routine whose text reaches past READ ONLY is a reason, or tolerated by name."""
    statement, found = PAST[name]
    routines.execute(statement)
    (reason,) = refusal(routines).reasons
    assert (reason.code, reason.found) == ("reach", found)
    tolerated = Tolerated(routines=("public.past",))
    rules = replace(routines.rules, tolerated=tolerated)
    channel = ProductionChannel(routines.reader, rules)
    named = "view public.past" if name == "view" else "public.past()"
    assert channel.uncovered == (named,)
    channel.close()
    if name != "view":
        routines.execute("REVOKE EXECUTE ON ROUTINE public.past FROM PUBLIC")
        ProductionChannel(routines.reader, routines.rules).close()


HARMLESS = (
    PLPGSQL + "$$ BEGIN RETURN 1 /* pg_advisory_lock(1) */; END $$",
    PLPGSQL + "$$ BEGIN RETURN length('pg_advisory_lock(1)'); END $$",
    PLPGSQL + "$$ BEGIN PERFORM pg_notify('a', 'b'); RETURN 1; END $$",
    PLPGSQL + "$$ BEGIN PERFORM set_config('app.x', '1', true); RETURN 1; END $$",
    PLPGSQL + "$$ BEGIN RETURN 1; EXCEPTION WHEN others THEN RETURN 2; END $$",
    "CREATE FUNCTION public.past() RETURNS trigger LANGUAGE plpgsql"
    " AS $$ BEGIN PERFORM pg_advisory_lock(1); RETURN NEW; END $$",
)


@pytest.mark.parametrize("statement", HARMLESS)
def test_what_is_undone_or_never_runs_is_no_reason(
    routines: Production, statement: str
) -> None:
    """Comments, strings, a NOTIFY that is rolled back, triggers of what is written."""
    routines.execute(statement)
    ProductionChannel(routines.reader, routines.rules).close()


def test_sql_made_at_run_time_is_told_as_not_covered(routines: Production) -> None:
    """Where no text shows what a routine runs, it is named, and stops nothing."""
    routines.execute(
        "CREATE FUNCTION public.past(text, text) RETURNS integer LANGUAGE plpgsql"
        " AS $$ BEGIN EXECUTE format('SELECT %s', $1); RETURN 1; END $$",
        "CREATE FUNCTION public.hidden(text) RETURNS integer LANGUAGE plpgsql"
        " AS $$ BEGIN EXECUTE format('SELECT id FROM %I WHERE a = %L', $1, $1);"
        " RETURN 1; END $$",
    )
    channel = ProductionChannel(routines.reader, routines.rules)
    assert channel.uncovered == ("SQL made at run time in public.past(text,text)",)
    channel.close()


def test_a_definer_is_tolerated_by_name(routines: Production) -> None:
    """A SECURITY DEFINER routine of a superuser is refused, or named as not covered."""
    routines.execute(
        "CREATE FUNCTION public.past() RETURNS integer LANGUAGE sql SECURITY DEFINER"
        " AS 'SELECT 1'"
    )
    assert [reason.code for reason in refusal(routines).reasons] == ["routine"]
    tolerated = Tolerated(routines=("public.past",))
    rules = replace(routines.rules, tolerated=tolerated)
    channel = ProductionChannel(routines.reader, rules)
    assert channel.uncovered == ("public.past()",)
    channel.close()


def test_a_search_path_with_other_operators_hides_nothing(routines: Production) -> None:
    """Facts are read by PostgreSQL's own names, whatever the database's path says."""
    routines.execute(
        "CREATE SCHEMA odd",
        "CREATE FUNCTION odd.no(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE"
        " AS 'SELECT false'",
        "CREATE FUNCTION odd.no(oid, oid) RETURNS boolean LANGUAGE sql IMMUTABLE"
        " AS 'SELECT false'",
        "CREATE FUNCTION odd.no(name, name) RETURNS boolean LANGUAGE sql IMMUTABLE"
        " AS 'SELECT false'",
        *(
            f"CREATE OPERATOR odd.= (LEFTARG = {kind}, RIGHTARG = {kind},"
            " FUNCTION = odd.no)"
            for kind in ("text", "oid", "name")
        ),
        PAST["lock"][0],
        "CREATE FUNCTION public.hidden() RETURNS integer LANGUAGE sql SECURITY DEFINER"
        " AS 'SELECT 1'",
        f"ALTER DATABASE {routines.name} SET search_path = odd, public, pg_catalog",
    )
    try:
        codes = [reason.code for reason in refusal(routines).reasons]
        assert codes == ["routine", "reach"]
    finally:
        routines.execute(
            f"ALTER DATABASE {routines.name} RESET search_path",
            "DROP SCHEMA odd CASCADE",
        )
