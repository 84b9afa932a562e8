"""`pytest -m readonly` on a production: what is run, compared, reported, refused."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest

from pytest_oneroof import resources
from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.adopt import adopt, find_adoptable
from pytest_oneroof.clone.copying import copy_foreign
from pytest_oneroof.clone.host import Host
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.settings import Settings
from pytest_oneroof.statements.scripts import run_script

from .conftest import READER, Cluster, Production

Accept = Callable[..., pytest.RunResult]

CLONE = "directus_gov_test_20260603_users"
REHEARSAL = "directus_gov_test_20260603_rehearsal_1"
# What the ownership packet writes, with its tags (domain: release 4, schema 4).
RATIFIED = (
    "INSERT INTO public.os_proposal_approvals"
    " (id, status, esignature_agreement, signature_text)"
    " VALUES ('a', 'published', true, 'A. President')"
)
SEEDED = (
    "INSERT INTO public.governance_object_ownership (object_type, object_ref, scope,"
    " owner_kind, owner_gov_code, is_inherited_anchor, lifecycle_status, created_by,"
    " source_design_ref, approval_ref)"
    " SELECT 'group', seed.code, scope.scope_code, 'accountable', seed.owner, true,"
    " 'active', 'F6_OWNERSHIP_SEED_COMMIT', 'F6-anchor-ratified',"
    " 'APR-BOOT-AUTHMODEL-1'"
    " FROM (VALUES ('GRP-GOVERNANCE', 'GOV-COUNCIL'), ('GRP-REGISTRY', 'GOV-KG-SYS'),"
    " ('GRP-AI', 'GOV-DOT'), ('GRP-BUSINESS', 'GOV-MOIT'), ('GRP-WORKFLOW', 'GOV-DOT'))"
    " AS seed (code, owner) CROSS JOIN public.governance_responsibility_scope AS scope"
)
ISSUE = (
    "INSERT INTO public.system_issues (code, title, severity, status, source)"
    " VALUES ('ISS-NOISE-' || clock_timestamp(), 'noise', 'info', 'open', 'noise')"
)
OWNER = (
    "INSERT INTO public.governance_object_ownership (object_type, object_ref, scope,"
    " owner_kind, owner_gov_code, created_by)"
    " VALUES ('group', 'GRP-AI', 'audit', 'supporting', 'GOV-DOT', 'NOISE')"
)


@contextlib.contextmanager
def meanwhile(production: Production, statement: str) -> Iterator[list[int]]:
    """Let another session commit a statement again and again; yield the count."""
    done, stop = [0], threading.Event()

    def write() -> None:
        with connect(production.admin) as connection:
            while not stop.wait(0.01):
                connection.execute(statement.encode())
                done[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()
        assert done[0] > 10


def test_greenfield_is_accepted(accept: Accept, production: Production) -> None:
    """On the stand-in all reads are green; the release stays NO-GO (ospa<1)."""
    before = production.value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    result = accept(production)
    result.stdout.fnmatch_lines(
        [
            "oneroof: production directus on PostgreSQL 16.*, read as "
            "oneroof_acceptance (--oneroof-production-url)",
            "oneroof: phase greenfield; gate BLOCKED (ospa<1;)",
            "oneroof/test_production.py::test_p1_* PASSED *",
            "oneroof/test_coverage.py::test_ownership_rows* PASSED *",
            "oneroof/test_production.py::test_p9_no_write_channel* PASSED *",
            "production 18/18",
            "coverage   12/12",
            "channel    34 of 34 checks read in READ ONLY to their end; no transaction "
            "id assigned",
            "state      entry = exit (19 figures, * schema objects)",
            "phase      greenfield",
            "gate       BLOCKED (ospa<1;)",
            "production: directus: nothing was written to it, and it is as before*",
            "release gate: closed, oneroof gate tells by what",
            "verdict: GO acceptance",
        ]
    )
    assert result.ret == 0
    result.assert_outcomes(passed=34, deselected=result.parseoutcomes()["deselected"])
    after = production.value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    assert after == before


def test_workers_read_the_same(accept: Accept, production: Production) -> None:
    """Under xdist the controller reads entry and exit, with the serial ids."""
    result = accept(production, "-n", "2", "-v")
    text = result.stdout.str()
    first = text.index("oneroof/test_production.py::test_p1_database_name[entry]")
    last = text.rindex("oneroof/test_production.py::test_p9_no_write_channel[exit]")
    assert first < text.index("oneroof/test_coverage.py::") < last
    assert text.rindex("oneroof/test_coverage.py::") < last
    result.assert_outcomes(passed=34)
    result.stdout.fnmatch_lines(
        [
            "production 18/18",
            "coverage   12/12",
            "channel    34 of 34 checks read in READ ONLY to their end; *",
            "gate       BLOCKED (ospa<1;)",
            "verdict: GO acceptance",
        ]
    )
    assert result.ret == 0


@contextlib.contextmanager
def as_rehearsal(cluster: Cluster, copy: Production) -> Iterator[Production]:
    """Make a copy a marked rehearsal clone for the length of the block."""
    admin = Production(copy.name, cluster.url("admin", "postgres"), "")
    admin.execute(
        f"ALTER DATABASE {copy.name} RENAME TO {REHEARSAL}",
        f"COMMENT ON DATABASE {REHEARSAL} IS 'pytest-oneroof clone {{}}'",
    )
    try:
        yield Production(REHEARSAL, cluster.url("admin", REHEARSAL), "")
    finally:
        admin.execute(
            f"COMMENT ON DATABASE {REHEARSAL} IS NULL",
            f"ALTER DATABASE {REHEARSAL} RENAME TO {copy.name}",
        )


def test_a_seeded_production_is_accepted(
    accept: Accept, cluster: Cluster, copy: Production
) -> None:
    """After the ownership packet the phase is seeded and the coverage checks pass."""
    with as_rehearsal(cluster, copy) as clone, connect(clone.admin) as connection:
        connection.execute(f"SET oneroof.target_database = {REHEARSAL}".encode())
        connection.execute("SET oneroof.ratified_apr = 'APR-REHEARSAL-ONLY'")
        for step in ("rehearsal/open_gate.sql", "ownership/01_seed_commit.sql"):
            run_script(connection, resources.path(f"sql/release/{step}"))
    result = accept(copy)
    result.assert_outcomes(passed=34, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(
        [
            "phase      seeded",
            "gate       BLOCKED (*own<>0;gap<>210;)",
            "verdict: GO acceptance",
        ]
    )
    # What no count tells; each is put back before the next.
    for breaks, undoes, says in WRONG_OWNERS:
        copy.execute("CREATE TABLE public.kept AS TABLE governance_object_ownership")
        copy.execute(breaks)
        result = accept(copy, "--oneroof-suite=owners")
        assert result.ret == 1
        result.stdout.fnmatch_lines([f"*{says}*", "verdict: NO-GO acceptance*"])
        copy.execute(*undoes)


KEPT = (
    "UPDATE governance_object_ownership AS held SET approval_ref = kept.approval_ref,"
    " effective_to = kept.effective_to, owner_gov_code = kept.owner_gov_code"
    " FROM kept WHERE kept.id = held.id",
    "DROP TABLE kept",
)
APPROVED = "(active), in force, approved by an approved request"
WRONG_OWNERS = [
    (
        "UPDATE governance_object_ownership SET owner_gov_code = 'GOV-SIV'",
        KEPT,
        f"GRP-AI/audit: expected GOV-DOT {APPROVED}, found GOV-SIV {APPROVED}",
    ),
    (
        "UPDATE governance_object_ownership SET owner_gov_code = CASE owner_gov_code"
        " WHEN 'GOV-COUNCIL' THEN 'GOV-KG-SYS' WHEN 'GOV-KG-SYS' THEN 'GOV-COUNCIL'"
        " ELSE owner_gov_code END",
        KEPT,
        f"GRP-REGISTRY/policy: expected GOV-KG-SYS {APPROVED}, found GOV-COUNCIL *",
    ),
    (
        "UPDATE governance_object_ownership SET effective_to = now() - '1 d'::interval",
        KEPT,
        f"GRP-AI/audit: expected GOV-DOT {APPROVED}, found GOV-DOT (active), ended *",
    ),
    (
        "UPDATE governance_object_ownership SET approval_ref = 'APR-OF-NOBODY'",
        KEPT,
        f"GRP-AI/audit: expected GOV-DOT {APPROVED}, found *, approved by APR-OF-NOBODY"
        " (no such request)",
    ),
    (
        "UPDATE governance_registry SET status = 'retired' WHERE code = 'GOV-KG-SYS'",
        KEPT[1:],
        f"GRP-REGISTRY/audit: expected GOV-KG-SYS {APPROVED}, found GOV-KG-SYS"
        " (retired), *",
    ),
]


def test_organic_drift_is_reported_and_stays_green(
    accept: Accept, copy: Production
) -> None:
    """While issues are written, each also a birth and an event, acceptance passes."""
    with meanwhile(copy, ISSUE):
        result = accept(copy)
    result.assert_outcomes(passed=34, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(
        [
            "state      entry = exit (19 figures, *",
            "drift      birth_registry * → * (+*)",
            "drift      event_outbox * → * (+*)",
            "drift      system_issues * → * (+*)",
            "production: directus_copy: *; moved by itself: birth_registry +*",
            "verdict: GO acceptance",
        ]
    )
    assert result.ret == 0


def test_a_foreign_owner_fails_the_run(accept: Accept, copy: Production) -> None:
    """While ownership is written acceptance fails, and says which figure moved."""
    with meanwhile(copy, OWNER):
        result = accept(copy)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*1 figure moved, at exit, expected as at entry:*",
            "state      own was * at entry, is *",
            "found: production directus_copy: own was * at entry, is *",
            "verdict: NO-GO acceptance: *production directus_copy: own was * at "
            "entry, is *",
        ]
    )


def test_changed_definitions_fail_the_run(
    accept: Accept, copy: Production, pytester: pytest.Pytester
) -> None:
    """DDL of somebody else during the run is told as what changed, not as a hash."""
    pytester.makepyfile(
        f"""
        import psycopg, pytest

        @pytest.mark.readonly
        def test_others_change_something(oneroof_production):
            with psycopg.connect({copy.admin!r}) as other:
                other.execute("CREATE TABLE public.added (id int)")
                other.execute("ALTER TABLE public.tasks ALTER name SET DEFAULT 'x'")
        """
    )
    result = accept(copy, "--oneroof-suite", "coverage")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "state      schema + table public.added added",
            "state      schema ~ table public.tasks changed",
            "verdict: NO-GO acceptance: *schema table public.added was absent at "
            "entry, is present; *",
        ]
    )


def test_an_exit_that_cannot_be_read_fails_the_run(
    accept: Accept, copy: Production, pytester: pytest.Pytester
) -> None:
    """A view that is gone at exit is told as unproved: no quiet entry = exit."""
    pytester.makepyfile(
        f"""
        import psycopg, pytest

        @pytest.mark.readonly
        def test_others_drop_something(oneroof_production):
            with psycopg.connect({copy.admin!r}) as other:
                other.execute("DROP VIEW public.v_object_owner_conflict")
        """
    )
    result = accept(copy, "--oneroof-suite", "coverage", "-k", "drop_something")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "unproved   the exit baseline of 'directus_copy' cannot be read: relation "
            '"public.v_object_owner_conflict" does not exist',
            "verdict: NO-GO acceptance: *proof 1 was clean at entry, is the exit *",
        ]
    )


def test_a_partial_production_says_which_half_is_there(
    accept: Accept, copy: Production
) -> None:
    """Anchors without the rest are no phase: every figure fails, naming the halves."""
    copy.execute(RATIFIED, f"{SEEDED} LIMIT 12")
    result = accept(copy)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*production is in no known phase: partial: ownership as in no phase "
            "(own 12, gap *, conflict 0); axis substrate as in greenfield or seeded "
            "or seeded + scanned (axis_tables 0); scanner as in greenfield or seeded "
            "or finalized *",
        ]
    )


def test_without_sight_of_other_sessions_p8_is_unprovable(
    accept: Accept, cluster: Cluster, copy: Production
) -> None:
    """A role outside of pg_read_all_stats fails P8 as unprovable, never a quiet 0."""
    copy.execute(
        "CREATE ROLE accept_blind LOGIN IN ROLE pg_read_all_data",
        f"GRANT CONNECT ON DATABASE {copy.name} TO accept_blind",
    )
    try:
        blind = Production(
            copy.name, copy.admin, cluster.url("accept_blind", copy.name)
        )
        result = accept(blind, "--oneroof-suite", "production")
    finally:
        copy.execute("DROP OWNED BY accept_blind", "DROP ROLE accept_blind")
    result.assert_outcomes(passed=16, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*unprovable: the role is no member of pg_read_all_stats*",
            "verdict: NO-GO*",
        ]
    )


def test_an_idle_transaction_is_named(accept: Accept, copy: Production) -> None:
    """A session that idles in a transaction for more than a second fails P8."""
    with connect(copy.admin, autocommit=False) as other:
        other.execute("SELECT 1")
        with connect(copy.admin) as clock:
            clock.execute("SELECT pg_sleep(1.1)")
        pid = other.info.backend_pid
        result = accept(copy, "--oneroof-suite", "production")
    result.assert_outcomes(passed=16, failed=2)
    result.stdout.fnmatch_lines(
        [f"*idle in transaction: expected none, found pid {pid} of admin, for * s"]
    )


def test_a_hot_standby_is_accepted_without_p8(
    accept: Accept, standby: Production
) -> None:
    """On a standby P8 is skipped with the reason, and the verdict says so."""
    result = accept(standby)
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["skipped"], result.ret) == (32, 2, 0)
    result.stdout.fnmatch_lines(
        [
            "oneroof: production directus on PostgreSQL 16.*, hot standby, read as *",
            "unchecked  sessions idle in transaction not shown: a hot standby does "
            "not see the primary's sessions",
            "not checked: 2 skipped or expected to fail (oneroof/test_production.py*",
            "verdict: GO acceptance",
        ]
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_superuser_is_refused_once_before_any_check(
    accept: Accept, production: Production, workers: tuple[str, ...]
) -> None:
    """A role that could write ends the run with 10, with every reason, at once."""
    result = accept(production.admin, *workers)
    assert result.ret == 10
    result.stdout.fnmatch_lines(
        [
            "read-only channel refused 'admin' on 'directus': 1 reason",
            "  1. [[]power] *",
        ]
    )
    result.stdout.no_fnmatch_line("*passed*")


def test_an_unreachable_production_is_an_error(accept: Accept) -> None:
    """Without a server the run ends with 1, and no password is printed."""
    result = accept("postgresql://reader:s3cret@/directus?host=/nowhere")
    assert result.ret == 1
    text = result.stdout.str() + result.stderr.str()
    assert "cannot connect to postgresql://reader:***@/directus?host=/nowhere" in text
    assert "s3cret" not in text


@pytest.mark.usefixtures("production")
def test_a_database_that_the_pack_does_not_fit_is_told(
    accept: Accept, cluster: Cluster
) -> None:
    """A production without One Roof's tables is told, not taken for an empty one."""
    url = cluster.url(READER, "postgres")
    allowed = ("-o", "oneroof_allowed_databases=postgres")
    result = accept(url, *allowed)
    result.stdout.fnmatch_lines(
        ["oneroof: pack oneroof does not fit this database: no table public.*"]
    )
    result.stdout.no_fnmatch_line("*coverage*")
    asked = accept(url, *allowed, "--oneroof-suite=coverage")
    assert asked.ret == pytest.ExitCode.USAGE_ERROR


def test_examples_read_by_themselves(
    accept: Accept, production: Production, pytester: pytest.Pytester
) -> None:
    """A Hypothesis example whose statement fails spoils no other example."""
    pytester.makepyfile(
        """
        import psycopg
        import pytest
        from hypothesis import given, settings, strategies as st

        @pytest.mark.readonly
        @settings(max_examples=20, database=None, deadline=None)
        @given(st.integers(0, 1))
        def test_target(oneroof_target, number):
            if number:
                oneroof_target.execute("SELECT 1").fetchone()
            else:
                with pytest.raises(psycopg.errors.DivisionByZero):
                    oneroof_target.execute("SELECT 1 / 0")
        """
    )
    result = accept(production, "test_examples_read_by_themselves.py")
    result.assert_outcomes(passed=1)


def test_own_tests_read_production(
    accept: Accept, production: Production, pytester: pytest.Pytester
) -> None:
    """The project's own readonly tests run too, by oneroof_production and _target."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.readonly
        def test_production(oneroof_production):
            query = "SELECT count(*) FROM public.dot_tools"
            assert oneroof_production.execute(query).fetchone() == (309,)

        @pytest.mark.readonly
        def test_target(oneroof_target):
            query = "SELECT current_database()::text"
            assert oneroof_target.execute(query).fetchone() == ("directus",)

        @pytest.mark.readonly
        def test_too_much(oneroof_target):
            oneroof_target.execute("SELECT id FROM public.birth_registry")

        @pytest.mark.readonly
        def test_ends_it(oneroof_target):
            oneroof_target._pgconn.exec_(b"COMMIT")

        @pytest.mark.readonly
        def test_clone(oneroof_clone):
            raise AssertionError

        def test_writes(oneroof_clone):
            raise AssertionError
        """
    )
    name = "test_own_tests_read_production.py"
    result = accept(production, name)
    result.assert_outcomes(passed=3, failed=1, errors=1, skipped=1, deselected=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_ends_it*",
            "*unprovable*",
            "*RowLimitExceeded: the result has more than 500 rows*",
            "own tests  2/5",
            "verdict: NO-GO acceptance: *",
        ]
    )


@pytest.fixture
def users_clone(cluster: Cluster, production: Production) -> Iterator[str]:
    """The check role's URL of a clone on the same server, its baseline greenfield."""
    records = Records(cluster.home / "records")
    rules = Rules.of(Settings().joined(bundled()), own_server=True)
    admin_url = cluster.url("admin", "postgres")
    with contextlib.closing(Host(admin_url, records, rules)) as host:
        copy_foreign(host, "directus", CLONE)
        made, _ = adopt(host, find_adoptable(host, CLONE), source="directus")
        yield cluster.url(made.marker.role, CLONE)
        lifecycle.drop(host, host.ours(CLONE))


def test_a_users_clone_runs_beside_the_users_production(
    run_oneroof: Callable[..., pytest.RunResult],
    production: Production,
    users_clone: str,
) -> None:
    """On a user's clone the suite reads the given production, and no stand-in."""
    arguments = (
        "--oneroof-clone",
        f"--oneroof-clone-url={users_clone}",
        "--oneroof-suite=production,gate",
        "-rs",
    )
    result = run_oneroof(*arguments, "-k", "production or situation")
    outcomes = result.parseoutcomes()
    assert (outcomes["skipped"], outcomes["passed"]) == (18, 7)
    told = "no production given: --oneroof-production-url URL (the stand-in belongs *"
    result.stdout.fnmatch_lines([f"production not shown: {told}", f"SKIPPED*{told}"])
    result = run_oneroof(*arguments, f"--oneroof-production-url={production.reader}")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "oneroof: production directus on PostgreSQL 16.*, read as "
            "oneroof_acceptance (--oneroof-production-url)",
            "production 18/18",
            "production directus (--oneroof-production-url): entry = exit, phase "
            "greenfield, gate BLOCKED (ospa<1;)",
            "verdict: GO (clone)",
        ]
    )


def test_a_single_id_can_be_pasted_back(accept: Accept, production: Production) -> None:
    """An id of the production suite selects that check, serial and under xdist."""
    name = "oneroof/test_production.py::test_p3_gap[exit]"
    for workers in ((), ("-n", "2")):
        result = accept(production, name, *workers)
        assert result.parseoutcomes()["passed"] == 1
        result.stdout.fnmatch_lines(["production 1/1", "verdict: GO acceptance"])


def test_an_acceptance_in_which_a_routine_locks_is_no_go_by_name(
    pytester: pytest.Pytester, accept: Callable[..., pytest.RunResult], copy: Production
) -> None:
    """A routine that locks is refused before any check, or, tolerated, found after."""
    copy.execute(
        "CREATE FUNCTION public.locks() RETURNS integer LANGUAGE sql"
        " AS 'SELECT 1 FROM pg_advisory_lock(7)'"
    )
    pytester.makepyfile(
        test_own="import pytest\n\n@pytest.mark.readonly\n"
        "def test_locks(oneroof_production):\n"
        "    oneroof_production.execute('SELECT public.locks()')\n"
    )
    refused = accept(copy, "test_own.py")
    assert refused.ret == 10
    refused.stdout.fnmatch_lines(
        ["*1. ?reach? the role may use public.locks(): it calls pg_advisory_lock()*"]
    )
    dirty = accept(copy, "test_own.py", "-o", "oneroof_allowed_routines=public.locks")
    assert dirty.ret == 1
    dirty.stdout.fnmatch_lines(
        [
            "oneroof: NOT COVERED on production: public.locks()",
            "*ResidueError: test_own.py::test_locks: dirty",
            "*it holds the advisory lock (0, 7) of kind 1, ExclusiveLock",
            "verdict: NO-GO acceptance: test_own.py::test_locks failed*",
        ]
    )


# What a routine does past READ ONLY, and what the refusal says of it.
PAST = {
    "emits": (
        "AS $$ BEGIN PERFORM pg_logical_emit_message(false, 'a', 'b');"
        " RETURN 1; END $$",
        "public.past(): it calls pg_logical_emit_message()",
    ),
    "sleeps": (
        "AS $$ BEGIN PERFORM pg_sleep(60); RETURN 1;"
        " EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(60); RETURN 2; END $$",
        "public.past(): it catches query_canceled",
    ),
}


@pytest.mark.parametrize("what", list(PAST))
def test_an_acceptance_with_a_routine_past_read_only_is_refused(
    pytester: pytest.Pytester,
    accept: Callable[..., pytest.RunResult],
    copy: Production,
    what: str,
) -> None:
    """Before any check: what emits, or outlasts its timeout, by name."""
    body, told = PAST[what]
    copy.execute(
        f"CREATE FUNCTION public.past() RETURNS integer LANGUAGE plpgsql {body}"
    )
    pytester.makepyfile(
        test_own="import pytest\n\n@pytest.mark.readonly\n"
        "def test_past(oneroof_production):\n"
        "    oneroof_production.execute('SELECT public.past()')\n"
    )
    refused = accept(copy, "test_own.py")
    assert refused.ret == 10
    refused.stdout.fnmatch_lines([f"*?reach? the role may use {told}*"])
