"""Why the guard refuses and what to do instead, word for word."""

from __future__ import annotations

import pytest

from pytest_oneroof.clone.guard import untried_tripwire
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.rules import Reason, Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.facts import Definer, Power, SessionFacts

from .test_guard import BREAKS, CLONE, SESSION, facts, refusal

CLONE_PATTERN = bundled().clone_pattern

SUPERUSER = (
    "log in as a check role: oneroof clone adopt makes one; a server where that cannot "
    "be: oneroof_allow_superuser = true in the ini file (every report then says what "
    "is not covered)"
)
# Case of BREAKS: why it refuses, and the remedy.
TEXTS = {
    "other name": (
        f"a clone's whole name matches {CLONE_PATTERN}",
        "give the clone such a name; if your clones have another form, set "
        "oneroof_clone_pattern in the ini file",
    ),
    "no comment": (
        "only a database that was made or adopted as a clone is written to",
        f"oneroof clone adopt {CLONE} --admin-url URL",
    ),
    "marker of another database": (
        "a comment that travelled says nothing about the database it came to",
        f"where it is a clone: oneroof clone adopt {CLONE} --admin-url URL",
    ),
    "template's marker": (
        "checks run on clones and copies of them, and on nothing else of ours",
        "use a clone: oneroof clone list shows them, clone create makes one",
    ),
    "other role": (
        "the clone's check role is 'check'; no other role's powers were looked at",
        "log in as the check role: oneroof clone status shows its URL",
    ),
    "foreign session": (
        "what others do there could be taken for what a check left",
        "end what is yours, e.g. SELECT pg_terminate_backend(7), or use a clone of "
        "your own",
    ),
    "PUBLIC connects": (
        "besides check role, owner and administrator nobody may, so that no "
        "application works on the clone by mistake",
        f'REVOKE CONNECT ON DATABASE "{CLONE}" FROM PUBLIC',
    ),
    "path out": (
        "what is done through it is not undone by a rollback",
        "drop it on the clone",
    ),
    "privileged routine": (
        "through it a check has that role's powers, in every database",
        f"oneroof clone adopt {CLONE} re-owns it, or: ALTER ROUTINE f() OWNER TO the "
        "clone's owner role",
    ),
    "superuser": (
        "roles belong to the whole server: through it a check could reach other "
        "databases, production among them",
        SUPERUSER,
    ),
    "production within reach": (
        "nothing but the ratified executor may reach production",
        'in pg_hba.conf, above other lines: all "directus" "check" reject (as: local '
        "directus check reject; host directus check all reject)\n"
        'or: REVOKE CONNECT ON DATABASE "directus" FROM PUBLIC; GRANT CONNECT ON '
        'DATABASE "directus" TO the roles that use it',
    ),
    "hot standby": (
        "nothing can be written there, and it may be production's own replica",
        "use a clone on a writable server",
    ),
    "template": (
        "what a check left there would be in every copy",
        f'use a copy of it: CREATE DATABASE … TEMPLATE "{CLONE}"',
    ),
    "no tripwire": (
        "it refuses, on the server, whatever commit of a check gets past all else",
        "use a fresh clone: oneroof clone create, or oneroof clone reset",
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_each_reason_says_why_and_what_to_do(case: str) -> None:
    """Every reason explains itself and names the statement or command that helps."""
    (reason,) = refusal(facts(**BREAKS[case][0]))
    assert (reason.why, reason.remedy) == TEXTS[case]


def test_every_reason_has_its_text_here() -> None:
    """No word of the guard is without an expected text."""
    assert {BREAKS[case][1] for case in TEXTS} == {
        code for _, code, _ in BREAKS.values()
    }


def test_production_itself_is_refused_with_a_way_out() -> None:
    """A declared production, and a server without any declared, each say what to do."""
    assert refusal(facts(), Rules(CLONE_PATTERN, parse_productions((CLONE,)))) == (
        Reason(
            "production",
            f"{CLONE!r} is the declared production {CLONE!r}",
            "nothing but the ratified executor writes to production",
            "name a clone of it: oneroof clone create",
        ),
    )
    assert refusal(facts(), Rules(CLONE_PATTERN, ())) == (
        Reason(
            "production",
            "no production is declared (oneroof_productions is empty)",
            "a database can only be told from production when production is known",
            "list your productions in the ini file: oneroof_productions = NAME, "
            "HOST:PORT/NAME or SYSTEM_IDENTIFIER/NAME",
        ),
    )


@pytest.mark.parametrize(
    "power",
    [Power("superuser"), Power("replication"), Power("replication", "ops")],
    ids=str,
)
def test_powers_over_the_server_have_one_remedy(power: Power) -> None:
    """A superuser or replication role is told of check roles and of the setting."""
    (reason,) = refusal(facts(powers=(power,)))
    assert reason.remedy == SUPERUSER


def test_sessions_and_roles_are_told_one_by_one() -> None:
    """Every foreign session and every role that may connect is named."""
    unnamed = SessionFacts(9, "ops", "")
    (sessions,) = refusal(facts(sessions=(SESSION, unnamed)))
    assert sessions.found == (
        "2 foreign session(s) on it: pid 7 (app, worker), pid 9 (ops)"
    )
    (connect,) = refusal(facts(connectors=("worker", "check", "ops")))
    assert connect.found == "worker, ops may connect to it"
    assert connect.remedy == f'REVOKE CONNECT ON DATABASE "{CLONE}" FROM worker, ops'


def test_powers_of_a_routine_are_told_together() -> None:
    """What a privileged routine could do is listed, its owner named."""
    routine = Definer("f()", "ops", (Power("createdb"), Power("createrole")))
    (reason,) = refusal(facts(definers=(routine,)))
    assert reason.found == (
        "SECURITY DEFINER routine f() runs as 'ops': createdb, createrole"
    )


def test_a_tripwire_that_held_nothing_is_told_in_the_same_words() -> None:
    """A tripwire that was tried in vain gives the reason of a missing one."""
    (missing,) = refusal(facts(tripwire=False))
    tried = untried_tripwire("a commit went through")
    assert tried.found == "the tripwire does not hold: a commit went through"
    assert (tried.code, tried.why, tried.remedy) == (
        missing.code,
        missing.why,
        missing.remedy,
    )
