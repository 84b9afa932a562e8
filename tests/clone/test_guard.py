"""The guard: which facts admit a clone, and every reason against the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof.clone.guard import GuardedClone, admit, judge
from pytest_oneroof.errors import GuardRefused
from pytest_oneroof.ownership.marker import PREFIX, Marker, parse_marker
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.rules import Reason, Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.facts import (
    DatabaseFacts,
    Definer,
    Facts,
    Power,
    SessionFacts,
)
from pytest_oneroof.postgres.identity import Address, address

CLONE_PATTERN = bundled().clone_pattern

Changes = dict[str, Any]
CLONE = "directus_gov_test_20260601"
MARKER = Marker(
    "0f",
    "directus",
    "2026-06-01T00:00:00Z",
    "clone",
    "owner",
    "check",
    system_identifier="7000",
    oid=16400,
    name=CLONE,
)
OTHER = dataclasses.replace(MARKER, oid=2, name=f"{CLONE}_copy")
RULES = Rules(CLONE_PATTERN, parse_productions(("directus",)))
DATABASES = (
    DatabaseFacts("directus", 16384, None, reachable=False),
    DatabaseFacts(CLONE, 16400, MARKER.text(), reachable=True),
)
ADMITTED = Facts(
    addresses=frozenset({Address("db.example", 5432)}),
    database=CLONE,
    database_oid=16400,
    system_identifier="7000",
    server_version="16.14",
    in_recovery=False,
    is_template=False,
    comment=MARKER.text(),
    role="check",
    owner="admin",
    powers=(),
    sessions=(),
    connectors=("admin", "check"),
    public_connects=False,
    databases=DATABASES,
    outward=(),
    ways=(),
    definers=(),
    tripwire=True,
)
SESSION = SessionFacts(7, "app", "worker")
SUPERUSER = Power("superuser")
DEFINER = Definer("f()", "root", (SUPERUSER,))
REACHED = (dataclasses.replace(DATABASES[0], reachable=True), DATABASES[1])
OWNER_OF_PRODUCTION = Power("owner of database directus", "owner", 16384)
UNMARKED: Changes = {"comment": None}


def named(name: str) -> Changes:
    """Return the facts of a database of another name, with its own marker."""
    marker = dataclasses.replace(MARKER, name=name)
    return {"database": name, "comment": marker.text()}


# Facts that take one proof away, the reason's word, and what it says was found.
BREAKS: dict[str, tuple[Changes, str, str]] = {
    "other name": (
        named("directus_copy"),
        "name",
        "the database is named 'directus_copy'",
    ),
    "wildcard for underscore": (
        named("directus-gov-test-20260601"),
        "name",
        "the database is named 'directus-gov-test-20260601'",
    ),
    "pattern within a longer name": (
        named(f"x{CLONE}"),
        "name",
        f"the database is named 'x{CLONE}'",
    ),
    "line break after the name": (
        named(f"{CLONE}\n"),
        "name",
        f"the database is named {CLONE + chr(10)!r}",
    ),
    "no comment": (
        UNMARKED,
        "marker",
        "the database carries no marker of ours (no comment)",
    ),
    "foreign comment": (
        {"comment": "a clone, honestly"},
        "marker",
        "the database carries no marker of ours (a comment that is not ours)",
    ),
    "broken marker": (
        {"comment": PREFIX + "{}"},
        "marker",
        "the database carries no marker of ours (a comment that is not ours)",
    ),
    "marker of another database": (
        {"comment": OTHER.text()},
        "marker",
        "the marker on the database is not its own: it was written on "
        f"'{CLONE}_copy', oid 2: it came with a dump, or by hand",
    ),
    "template's marker": (
        {"comment": dataclasses.replace(MARKER, kind="template").text()},
        "kind",
        "its marker says that it is a template, which clones are copied from",
    ),
    "kept for a person": (
        {"comment": dataclasses.replace(MARKER, kind="kept").text()},
        "kind",
        "its marker says that it is kept for a person to look at",
    ),
    "other role": ({"role": "app"}, "role", "the connection logs in as 'app'"),
    "foreign session": (
        {"sessions": (SESSION,)},
        "sessions",
        "1 foreign session(s) on it: pid 7 (app, worker)",
    ),
    "PUBLIC connects": (
        {"public_connects": True},
        "connect",
        "PUBLIC may connect to it",
    ),
    "another role connects": (
        {"connectors": ("check", "worker")},
        "connect",
        "worker may connect to it",
    ),
    "path out": (
        {"outward": ("foreign server s",)},
        "outward",
        "a path leads out of it: foreign server s",
    ),
    "privileged routine": (
        {"definers": (DEFINER,)},
        "definer",
        "SECURITY DEFINER routine f() runs as 'root': superuser",
    ),
    "superuser": (
        {"powers": (SUPERUSER, Power("createdb"))},
        "power",
        "the check role 'check' has power beyond the clone: superuser",
    ),
    "power through a role": (
        {"powers": (Power("pg_write_all_data", "ops"),)},
        "power",
        "the check role 'check' has power beyond the clone: "
        "pg_write_all_data (through role ops)",
    ),
    "owner of production": (
        {"powers": (OWNER_OF_PRODUCTION,)},
        "power",
        "the check role 'check' has power beyond the clone: "
        "owner of database directus (through role owner)",
    ),
    "production within reach": (
        {"databases": REACHED},
        "reach",
        "the check role 'check' may connect to the production 'directus'",
    ),
    "hot standby": (
        {"in_recovery": True},
        "standby",
        "the server is a hot standby (in recovery)",
    ),
    "template": (
        {"is_template": True},
        "template",
        "the database is a template (IS_TEMPLATE)",
    ),
    "no tripwire": (
        {"tripwire": False},
        "tripwire",
        "the tripwire does not hold: there is no table oneroof.tripwire",
    ),
}
breaks = pytest.mark.parametrize(
    ("change", "code", "found"), BREAKS.values(), ids=BREAKS.keys()
)


def facts(**changes: Any) -> Facts:
    """Return admitted facts with some changed."""
    return dataclasses.replace(ADMITTED, **changes)


def refusal(changed: Facts, rules: Rules = RULES) -> tuple[Reason, ...]:
    """Return the reasons against those facts."""
    verdict = judge(changed, rules)
    assert not isinstance(verdict, GuardedClone)
    return verdict


def test_admits_a_clone_with_all_proofs() -> None:
    """With every proof in place the clone is admitted, named by its identity."""
    clone = judge(facts(), RULES)
    assert isinstance(clone, GuardedClone)
    assert (clone.database, clone.oid, clone.system_identifier) == (
        CLONE,
        16400,
        "7000",
    )
    assert (clone.role, clone.marker, clone.uncovered) == ("check", MARKER, ())
    assert clone.server_version == "16.14"


def test_nobody_else_makes_a_guarded_clone() -> None:
    """A GuardedClone cannot be built by hand."""
    with pytest.raises(
        TypeError, match=r"^a GuardedClone is made by guard\.judge alone$"
    ):
        GuardedClone(CLONE, 1, "7000", MARKER, "check", "16.14")


@breaks
def test_one_missing_proof_refuses(change: Changes, code: str, found: str) -> None:
    """Taking any one proof away refuses, for that reason alone, in these words."""
    (reason,) = refusal(facts(**change))
    assert (reason.code, reason.found) == (code, found)
    assert reason.why
    assert reason.remedy


@given(st.sets(st.sampled_from(sorted(BREAKS)), min_size=1))
def test_all_reasons_are_told_at_once(chosen: set[str]) -> None:
    """Whatever proofs are missing together, each that still can be is told."""
    changes: Changes = {}
    for name in sorted(chosen):
        changes |= BREAKS[name][0]
    changed = facts(**changes)
    told = {reason.code for reason in refusal(changed)}
    standing = {
        BREAKS[name][1]
        for name in chosen
        if all(changes[key] == value for key, value in BREAKS[name][0].items())
    }
    unmarked = parse_marker(changed.comment) is None
    # Without a marker there is no role to compare with, and adopting makes both.
    assert told >= standing - ({"role", "tripwire"} if unmarked else set())
    assert len(told) >= 1


NAMES = st.from_regex(r"directus_gov_test_[0-9]{8}(_[a-z0-9]{1,6})?", fullmatch=True)
DECLARATIONS: dict[str, Callable[[Facts], str]] = {
    "name": lambda f: f.database,
    "address": lambda f: f"{next(iter(f.addresses))}/{f.database}",
    "URL": lambda f: f"postgresql://me@{next(iter(f.addresses))}/{f.database}",
    "key=value": lambda f: f"dbname={f.database}",
    "identifier and name": lambda f: f"{f.system_identifier}/{f.database}",
    "identifier and oid": lambda f: f"{f.system_identifier}/{f.database_oid}",
}


@given(
    name=NAMES,
    host=st.sampled_from(["/run/postgresql", "localhost", "10.0.0.7", "db.example"]),
    port=st.integers(1, 65535),
    oid=st.integers(16384, 2**32 - 1),
    identifier=st.integers(1, 2**63),
    form=st.sampled_from(sorted(DECLARATIONS)),
    others=st.lists(st.sampled_from(["directus", "erp", "10.0.0.1:5432/erp"])),
    own_server=st.booleans(),
    allow_superuser=st.booleans(),
)
def test_never_admits_a_declared_production(
    name: str,
    host: str,
    port: int,
    oid: int,
    identifier: int,
    form: str,
    others: list[str],
    *,
    own_server: bool,
    allow_superuser: bool,
) -> None:
    """Facts whose identity a declaration names are refused, in whatever form."""
    changed = facts(
        database=name,
        database_oid=oid,
        system_identifier=str(identifier),
        addresses=frozenset({address(host, port)}),
        databases=(DatabaseFacts(name, oid, None, reachable=True),),
    )
    marker = MARKER.bound_to(changed.identity)
    changed = dataclasses.replace(changed, comment=marker.text())
    declared = DECLARATIONS[form](changed)
    rules = Rules(
        CLONE_PATTERN,
        parse_productions((*others, declared)),
        allow_superuser=allow_superuser,
        own_server=own_server,
    )
    reasons = refusal(changed, rules)
    assert [reason.found for reason in reasons] == [
        f"{name!r} is the declared production {declared!r}"
    ]
    other = Rules(CLONE_PATTERN, parse_productions(("other",)))
    assert isinstance(judge(changed, other), GuardedClone)


def test_refuses_where_no_production_is_declared() -> None:
    """On the user's server an empty list of productions is a reason to refuse."""
    (reason,) = refusal(facts(), Rules(CLONE_PATTERN, ()))
    assert reason.found == "no production is declared (oneroof_productions is empty)"
    embedded = Rules(CLONE_PATTERN, (), own_server=False)
    assert isinstance(judge(facts(), embedded), GuardedClone)


@pytest.mark.parametrize(
    ("powers", "uncovered"),
    [
        ((SUPERUSER, Power("createdb")), ("superuser",)),
        ((Power("replication"),), ("replication",)),
        ((Power("replication", "ops"),), ("replication (through role ops)",)),
    ],
    ids=["superuser", "replication", "by membership"],
)
def test_setting_admits_powers_and_says_so(
    powers: tuple[Power, ...], uncovered: tuple[str, ...]
) -> None:
    """oneroof_allow_superuser admits these powers, which the clone then names."""
    rules = Rules(CLONE_PATTERN, parse_productions(("directus",)), allow_superuser=True)
    clone = judge(facts(powers=powers), rules)
    assert isinstance(clone, GuardedClone)
    assert clone.uncovered == uncovered
    assert {r.code for r in refusal(facts(powers=powers))} == {"power"}


def test_setting_admits_a_superuser_of_another_name() -> None:
    """A superuser who is admitted need not be the check role; any other role must."""
    rules = Rules(CLONE_PATTERN, parse_productions(("directus",)), allow_superuser=True)
    assert isinstance(
        judge(facts(role="root", powers=(SUPERUSER,)), rules), GuardedClone
    )
    for powers in ((), (Power("replication"),)):
        (reason,) = refusal(facts(role="app", powers=powers), rules)
        assert reason.found == "the connection logs in as 'app'"
    told = refusal(facts(role="root", powers=(SUPERUSER,)))
    assert [reason.code for reason in told] == ["role", "power"]


def test_setting_admits_nothing_else() -> None:
    """oneroof_allow_superuser waives no other power and no other proof."""
    rules = Rules(CLONE_PATTERN, parse_productions(("directus",)), allow_superuser=True)
    for power in (Power("createdb"), OWNER_OF_PRODUCTION, Power("pg_signal_backend")):
        assert [r.code for r in refusal(facts(powers=(power,)), rules)] == ["power"]
    changed = facts(powers=(SUPERUSER,), tripwire=False, sessions=(SESSION,))
    assert {r.code for r in refusal(changed, rules)} == {"tripwire", "sessions"}


def test_admitted_clone_names_other_reachable_databases() -> None:
    """Databases that the role also reaches are told, marked ones are not."""
    others = (
        DatabaseFacts("erp", 1, None, reachable=True),
        DatabaseFacts(f"{CLONE}_copy", 2, OTHER.text(), reachable=True),
        DatabaseFacts("closed", 3, None, reachable=False),
    )
    clone = judge(facts(databases=(*DATABASES, *others)), RULES)
    assert isinstance(clone, GuardedClone)
    assert clone.reachable == ("erp",)


@pytest.mark.parametrize(
    ("power", "remedy"),
    [
        (Power("createdb"), 'ALTER ROLE "check" NOCREATEDB'),
        (Power("pg_maintain", "ops"), 'REVOKE "ops" FROM "check"'),
        (
            Power("owner of objects in database erp", database_oid=1),
            "let the clone have an owner role of its own: oneroof clone adopt "
            "re-owns its objects one by one",
        ),
    ],
    ids=["flag", "membership", "ownership"],
)
def test_each_power_has_its_remedy(power: Power, remedy: str) -> None:
    """The remedy is the statement that takes this power away."""
    (reason,) = refusal(facts(powers=(power,)))
    assert reason.remedy == remedy


def test_what_is_owned_in_other_clones_is_no_power() -> None:
    """Clones of one template share their owner: that gives no power elsewhere."""
    other = DatabaseFacts(f"{CLONE}_copy", 2, OTHER.text(), reachable=False)
    power = Power("owner of objects in database copy", "owner", 2)
    definer = Definer("f()", "owner", (power,))
    changed = facts(databases=(*DATABASES, other), powers=(power,), definers=(definer,))
    assert isinstance(judge(changed, RULES), GuardedClone)


def test_production_within_reach_gets_both_remedies() -> None:
    """The line for pg_hba.conf and the REVOKE stand there, ready to paste."""
    (reason,) = refusal(facts(databases=REACHED))
    assert "local directus check reject; host directus check all reject" in (
        reason.remedy
    )
    assert 'REVOKE CONNECT ON DATABASE "directus" FROM PUBLIC' in reason.remedy


def test_refusal_says_everything_on_one_page() -> None:
    """The error numbers every reason, with why and how to fix it."""
    with pytest.raises(GuardRefused) as raised:
        admit(facts(**named("erp"), is_template=True), RULES)
    assert str(raised.value).splitlines() == [
        "guard refused 'erp': 2 reasons",
        "  1. [name] the database is named 'erp'",
        f"     why: a clone's whole name matches {CLONE_PATTERN}",
        "     fix: give the clone such a name; if your clones have another form, set "
        "oneroof_clone_pattern in the ini file",
        "  2. [template] the database is a template (IS_TEMPLATE)",
        "     why: what a check left there would be in every copy",
        '     fix: use a copy of it: CREATE DATABASE … TEMPLATE "erp"',
        "nothing was written to it",
    ]
