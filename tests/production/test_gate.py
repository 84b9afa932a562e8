"""The gate monitor: SQL under psql, command, and its one predicate."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_oneroof import resources
from pytest_oneroof.commands.gate import check
from pytest_oneroof.commands.project import Project
from pytest_oneroof.errors import ServerError
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.production import gate
from pytest_oneroof.settings import Settings

from .conftest import Cluster, Production
from .test_acceptance import RATIFIED, SEEDED

AXIS = "CREATE TABLE public.axis_registry (id int)"
SCOPE = (
    "INSERT INTO public.governance_responsibility_scope (scope_code, status)"
    " VALUES ('seventh', 'active')"
)
CHECK = resources.path("sql/gate/gate_check.sql")


SITUATIONS = {
    "greenfield": ((), 10, "BLOCKED", "ospa<1;"),
    "ratified": ((RATIFIED,), 0, "READY", ""),
    "ratified, drifted gap": ((RATIFIED, SCOPE), 10, "BLOCKED", "gap<>210;"),
    "ratified, partly applied": ((RATIFIED, AXIS), 10, "BLOCKED", "axis_present;"),
    "seeded": ((RATIFIED, SEEDED), 10, "BLOCKED", "own<>0;gap<>210;"),
    "draft only": (
        (RATIFIED.replace("'published'", "'draft'"),), 10, "BLOCKED", "esign_missing;"
    ),
}  # fmt: skip


@pytest.fixture
def named_directus(cluster: Cluster, copy: Production) -> Production:
    """A copy that is named `directus` for the length of the test."""
    url = cluster.url("admin", "postgres")
    with gate.connect(url) as admin:
        admin.execute("ALTER DATABASE directus RENAME TO directus_aside")
        admin.execute(f"ALTER DATABASE {copy.name} RENAME TO directus".encode())
    try:
        yield Production(
            "directus", cluster.url("admin", "directus"),
            cluster.url("oneroof_acceptance", "directus"),
        )  # fmt: skip
    finally:
        with gate.connect(url) as admin:
            admin.execute(f"ALTER DATABASE directus RENAME TO {copy.name}".encode())
            admin.execute("ALTER DATABASE directus_aside RENAME TO directus")


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_command_tells_each_situation(
    named_directus: Production, name: str
) -> None:
    """Status, tokens and exit status of a release's situations, in every form."""
    statements, status, word, tokens = SITUATIONS[name]
    named_directus.execute(*statements)
    project = Project(Settings(production_url=named_directus.reader), bundled())
    out: list[str] = []
    assert check(project, quiet=True, as_json=False, out=out.append) == status
    assert out == [word]
    out.clear()
    assert check(project, quiet=False, as_json=True, out=out.append) == status
    value = json.loads(out[0])
    assert (value["gate_status"], value["blockers"]) == (word, tokens)
    out.clear()
    assert check(project, quiet=False, as_json=False, out=out.append) == status
    facts = value["detail"]
    assert out[1:] == [
        f"{word} | {tokens} | {facts['ospa']} | {facts['gap']} | {facts['own']}",
        f"GATE: {word}|ospa={facts['ospa']}|gap={facts['gap']}",
    ]
    assert out[0].startswith("database directus | is_target True | ospa ")


def psql(cluster: Cluster, url: str, **environ: str) -> list[list[str]]:
    """Return the rows that psql prints for gate_check.sql, as cells."""
    command = [str(cluster.programs.folder / "psql"), "-qXAt", "-v", "ON_ERROR_STOP=1"]
    done = subprocess.run(
        [*command, "-F", "|", "-d", url, "-f", str(CHECK)],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **environ},
    )
    return [line.split("|") for line in done.stdout.splitlines()]


def test_the_sql_runs_under_plain_psql(
    cluster: Cluster, production: Production, standby: Production
) -> None:
    """A detail row and one verdict row, as the reading role, also on a standby."""
    for url in (production.reader, standby.reader):
        detail, verdict = psql(cluster, url)
        assert detail == ["directus", "t", "0", "0", "0", "210", "0", "0", "0", "5"]
        assert verdict == ["BLOCKED", "ospa<1;", "0", "210", "0"]


def test_another_database_is_blocked_whatever_the_setting_says(
    cluster: Cluster, copy: Production
) -> None:
    """oneroof.target_database counts only for a database with a clone's marker."""
    copy.execute(RATIFIED)
    options = f"-c oneroof.target_database={copy.name}"
    assert psql(cluster, copy.reader)[1][:2] == ["BLOCKED", "db<>directus;"]
    told = psql(cluster, copy.reader, PGOPTIONS=options)
    assert told[1][:2] == ["BLOCKED", "db<>directus;"]
    copy.execute(f"COMMENT ON DATABASE {copy.name} IS 'pytest-oneroof clone {{}}'")
    told = psql(cluster, copy.reader, PGOPTIONS=options)
    assert told[1][:2] == ["READY", ""]
    assert psql(cluster, copy.reader)[1][:2] == ["BLOCKED", "db<>directus;"]


def test_an_empty_database_is_blocked_not_an_error(cluster: Cluster) -> None:
    """Where every table is missing the monitor still answers, in SQL and Python."""
    url = cluster.url("admin", "postgres")
    expected = "db<>directus;ospa<1;own<>0;gov_emit<>0;prereq_missing;"
    assert psql(cluster, url)[1] == ["BLOCKED", expected, "", "", ""]
    assert gate.Gate(bundled()).check(url).tokens == expected


def test_what_may_not_be_read_is_an_error(cluster: Cluster, copy: Production) -> None:
    """A role that cannot read the approvals gets an error, never BLOCKED or READY."""
    copy.execute(
        "CREATE ROLE gate_blind LOGIN",
        f"GRANT CONNECT ON DATABASE {copy.name} TO gate_blind",
    )
    try:
        url = cluster.url("gate_blind", copy.name)
        with pytest.raises(ServerError, match="the gate cannot be read: permission"):
            gate.Gate(bundled()).check(url)
    finally:
        copy.execute("DROP OWNED BY gate_blind", "DROP ROLE gate_blind")


# Operators and functions of somebody's own, found first by an unqualified name.
HOSTILE = """
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.yes(varchar, text) RETURNS boolean
  LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR hostile.= (FUNCTION = hostile.yes, LEFTARG = varchar, RIGHTARG = text);
CREATE OPERATOR hostile.~ (FUNCTION = hostile.yes, LEFTARG = varchar, RIGHTARG = text);
CREATE FUNCTION hostile.array_to_tsvector(text[]) RETURNS tsvector
  LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.array_to_tsvector(ARRAY['1']) $$;
CREATE FUNCTION hostile.count(bigint) RETURNS bigint
  LANGUAGE sql IMMUTABLE AS 'SELECT 1::bigint';
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
"""


def test_no_search_path_opens_the_gate(cluster: Cluster, copy: Production) -> None:
    """A role whose search_path finds others' operators reads the same figures."""
    copy.execute(RATIFIED.replace("'published'", "'draft'"), HOSTILE)
    copy.execute(
        f"ALTER ROLE oneroof_acceptance IN DATABASE {copy.name} "
        "SET search_path = hostile, pg_catalog, public"
    )
    expected = "db<>directus;esign_missing;"
    assert gate.Gate(bundled()).check(copy.reader).tokens == expected
    assert psql(cluster, copy.reader)[1][:2] == ["BLOCKED", expected]


def test_rows_that_a_policy_hides_are_an_error(
    cluster: Cluster, copy: Production
) -> None:
    """Where a policy bears on what the role sees, nothing is counted."""
    copy.execute(
        "ALTER TABLE public.governance_object_ownership ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY narrow ON public.governance_object_ownership USING (false)",
    )
    with pytest.raises(ServerError, match="row-level security"):
        gate.Gate(bundled()).check(copy.reader)


LOOKALIKES = {
    "draft": "UPDATE public.os_proposal_approvals SET status = 'draft'",
    "case": "UPDATE public.os_proposal_approvals SET status = 'Published'",
    "look-alike": "UPDATE public.os_proposal_approvals SET status = 'publishеd'",
    "blank": "UPDATE public.os_proposal_approvals SET signature_text = E' \\t'",
    "dash": "UPDATE public.os_proposal_approvals SET signature_text = '--'",
    "invisible": "UPDATE public.os_proposal_approvals SET signature_text = "
    "U&'\\200B\\2060\\FEFF\\00AD\\180E'",
    "filler": "UPDATE public.os_proposal_approvals SET signature_text = "
    "U&'\\3164\\115F\\FFA0\\2800'",
    "agreement": "UPDATE public.os_proposal_approvals SET esignature_agreement = NULL",
    "future": "UPDATE public.os_proposal_approvals SET date_created = now() + '1 day'",
    "updated": "UPDATE public.os_proposal_approvals SET date_updated = '2999-01-01'",
}
SIGNATURES = ("李明", "Ký", "7", "Нгуен", "--x")


def test_what_only_looks_signed_opens_nothing(
    cluster: Cluster, copy: Production
) -> None:
    """Each look-alike of an approval is told as unsigned; any letter is a signature."""
    copy.execute(RATIFIED)
    asked = gate.Gate(bundled())
    with connect(copy.admin) as connection:
        for name, statement in LOOKALIKES.items():
            with connection.transaction(force_rollback=True):
                connection.execute(statement.encode())
                facts = asked.read(connection)
                assert (facts["ospa"], facts["signed"]) == (1, 0), name
        for text in SIGNATURES:
            with connection.transaction(force_rollback=True):
                connection.execute(
                    "UPDATE public.os_proposal_approvals SET signature_text = %s",
                    [text],
                )
                assert asked.read(connection)["signed"] == 1, text


def test_the_monitor_writes_nothing(production: Production) -> None:
    """Asked as a superuser too, it assigns no transaction id."""
    query = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
    before = production.value(query)
    gate.Gate(bundled()).check(production.admin)
    assert production.value(query) == before


def run_command(
    cache: Path, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run `python -m pytest_oneroof gate` as a shell does."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ONEROOF_", "PG"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest_oneroof", "gate", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**kept, "ONEROOF_CACHE_DIR": str(cache), **environ},
    )


def test_an_unreachable_production_is_status_1(cache: Path) -> None:
    """Without a server the command ends with 1, says why, and prints no password."""
    url = "postgresql://reader:s3cret@/directus?host=/nowhere"
    done = run_command(cache, url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot connect to postgresql://reader:***@/directus" in done.stderr
    assert "s3cret" not in done.stderr
    told = json.loads(run_command(cache, url, "--json").stdout)
    assert told["gate_status"] is None


def test_the_url_can_come_from_the_environment(
    cache: Path, production: Production
) -> None:
    """ONEROOF_PRODUCTION_URL is read; the exit status is that of BLOCKED."""
    done = run_command(cache, "--quiet", ONEROOF_PRODUCTION_URL=production.reader)
    assert (done.returncode, done.stdout, done.stderr) == (10, "BLOCKED\n", "")


def test_without_production_the_stand_in_is_named(
    cache: Path, embedded: object
) -> None:
    """The embedded stand-in is read and said so, on stderr and in JSON."""
    done = run_command(cache, "--json")
    assert done.returncode == 10
    assert json.loads(done.stdout)["target"] == "stand-in"
    assert done.stderr == (
        "oneroof: no production given: this is the embedded stand-in\n"
    )


def without_comments(name: str) -> str:
    """Return an SQL file's text without comments, its blanks made single."""
    return " ".join(re.sub(r"--.*", "", resources.read_text(f"sql/{name}")).split())


def gated_files() -> list[str]:
    """Return the SQL files in which it depends on approvals what happens.

    They read the signature, or refuse for the ratification gate; probes and metrics
    only count, and a rehearsal's opening of its clone only writes.
    """
    root = resources.path("sql")
    names = [f.relative_to(root).as_posix() for f in root.rglob("*.sql")]
    texts = {n: without_comments(n) for n in names if not n.startswith("schema/")}
    return sorted(
        name
        for name, text in texts.items()
        if name != "gate/predicate.sql"
        and "FROM public.os_proposal_approvals" in text
        and ("esignature" in text or "ratification gate" in text)
    )


@pytest.mark.parametrize("name", gated_files())
def test_the_predicate_is_the_same_text_everywhere(name: str) -> None:
    """Monitor, preflights and gated tiers quote one predicate, letter for letter."""
    written = without_comments(name)
    predicate = " ".join(gate.Gate(bundled()).predicate().split())
    quoted = written.count(predicate)
    assert quoted >= 1, "the approvals are counted without the predicate"
    assert written.count("esignature_agreement") == quoted, "another stands beside it"


def test_the_predicate_is_in_the_monitor() -> None:
    """The monitor is among the files compared, and the text is not empty."""
    assert "gate/gate_check.sql" in gated_files()
    assert (
        gate.Gate(bundled())
        .predicate()
        .startswith("status COLLATE \"C\" = 'published'\nAND")
    )


def test_both_statements_read_the_same_facts() -> None:
    """The detail row and the verdict row are made from one text of facts."""
    *settings, detail, verdict = gate.read_statements(CHECK.read_text())
    assert {s.kind for s in settings} == {"VariableSetStmt"}
    facts = detail.text[: detail.text.rindex("SELECT")].strip()
    assert verdict.text.startswith(facts)
    assert "AS prerequisites" in facts
