"""Tests of the secret scan: what is found, where, and that no value is repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.provenance import secrets_scan
from pytest_oneroof.provenance.secret_rules import (
    builtin_rules,
    detector_rules,
    is_live_host,
)
from pytest_oneroof.provenance.secrets_allow import read_allowed
from pytest_oneroof.provenance.secrets_scan import Bounds, Scan, describe, scan

NOISE = "Zk3vQ9xLw2" * 6
HASH = "./" + NOISE[:51]
SECRETS = {
    "bcrypt": "$2b$12$" + HASH,
    "argon2": f"$argon2id$v=19$m=65536,t=3,p=4${NOISE[:22]}${NOISE[:43]}",
    "crypt": f"$6$rounds=5000${NOISE[:16]}${NOISE[:60]}",
    "pbkdf2": f"pbkdf2_sha256$600000${NOISE[:22]}${NOISE[:44]}",
    "scrypt": f"$scrypt$ln=16,r=8,p=1${NOISE[:22]}${NOISE[:43]}",
    "phpass": "$P$" + NOISE[:31],
    "scram": f"SCRAM-SHA-256$4096:{NOISE[:24]}${NOISE[:44]}:{NOISE[:44]}",
    "postgres-md5": "md5" + "0a" * 16,
    "ldap-sha": "{SSHA}" + NOISE[:32],
    "private-key": "-----BEGIN RSA PRIVATE KEY-----",
    "url-password": "redis://:hunter2hunter2@cache/0",
    "url-host": "https://cms.incomex-live.vn/items",
    "public-address": "seen from 8.8.4.4 at night",
    "e-mail": "president@incomex-live.vn",
    "payment-card": "4111 1111 1111 1111",
    "phone": "+84 912 345 678",
}
HARMLESS = [
    "governance_relations:11",
    "c0ffee00-0000-4000-8000-000000000011",
    "f" * 64,
    "admin@example.com",
    "user@host.test",
    "https://localhost:8055/items",
    "https://api.example.org",
    "http://directus:8055",
    "10.13.1.2 and 192.168.0.1 and 127.0.0.1",
    "2026-06-12 07:00:00.123456+07",
    "00:11:22:33:44:55",
    "4111 1111 1111 1112",
    "md5 of the row",
    "$2b$12$short",
    "SELECT a::text, b::int",
]


@pytest.fixture
def database(fresh_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to an empty database."""
    with connect(fresh_database) as connection:
        yield connection


def fill(connection: psycopg.Connection[Any], *texts: str) -> None:
    """Put texts into a table of their own."""
    connection.execute("CREATE TABLE public.letter (id serial, body text)")
    connection.cursor().executemany(
        "INSERT INTO public.letter (body) VALUES (%s)", [[text] for text in texts]
    )


def found(result: Scan) -> list[tuple[str, str, int]]:
    """Return rule, place and count of each finding of our own rules."""
    own = {rule.name for rule in builtin_rules()} | {"secret-name", "declared-host"}
    return [(f.rule, f.place, f.count) for f in result.findings if f.rule in own]


@pytest.mark.parametrize("rule", list(SECRETS))
def test_each_rule_finds_its_secret_in_any_surroundings(rule: str) -> None:
    """Each rule finds its secret alone, in a sentence and in JSON."""
    [asked] = [r for r in builtin_rules() if r.name == rule]
    text = SECRETS[rule]
    assert asked.finds(text)
    assert asked.finds(f"note: {text}, see there")
    assert asked.finds(json.dumps({"value": text}))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_is_not_found(text: str) -> None:
    """Codes, hashes of rows, reserved names and private addresses are no secrets."""
    assert [r.name for r in builtin_rules() if r.finds(text)] == []


def test_host_of_a_url_is_no_persons_address() -> None:
    """A user at a host, in a URL, is told as a live host and not as a person."""
    text = "postgresql://directus@db.incomex-live.vn/directus"
    assert [r.name for r in builtin_rules() if r.finds(text)] == ["url-host"]


@pytest.mark.parametrize(
    ("host", "live"),
    [
        ("cms.incomex-live.vn", True),
        ("8.8.8.8", True),
        ("[2606:4700::1111]", True),
        ("example.com", False),
        ("a.example.org", False),
        ("db.internal", False),
        ("directus", False),
        ("192.0.2.7", False),
        ("fe80::1", False),
    ],
)
def test_live_hosts_are_told_from_reserved_ones(host: str, live: bool) -> None:  # noqa: FBT001
    """A host is live where its name or address can lead out of this network."""
    assert is_live_host(host) is live


def test_scan_tells_rule_place_and_count_and_no_value(
    database: psycopg.Connection[Any],
) -> None:
    """Planted secrets are told by rule and column; no output repeats one."""
    fill(database, SECRETS["bcrypt"], "$2y$10$" + HASH, SECRETS["e-mail"], *HARMLESS)
    result = scan(database)
    assert found(result) == [
        ("bcrypt", "public.letter.body", 2),
        ("e-mail", "public.letter.body", 1),
    ]
    assert result.contains_secrets == "YES"
    told = "\n".join(describe(result)) + json.dumps(asdict(result))
    assert "  found: password hash (bcrypt) at public.letter.body in 2 values" in told
    for text in (HASH, SECRETS["e-mail"]):
        assert text not in told


def test_columns_that_are_called_secret_are_told_unless_masked(
    database: psycopg.Connection[Any],
) -> None:
    """A filled column named password or token is told; masked values are not."""
    database.execute(
        "CREATE TABLE public.login (password text, api_key text, token_type text);"
        "INSERT INTO public.login VALUES ('hunter2', '*******', 'static-admin'),"
        " ('REDACTED', '', NULL)"
    )
    assert found(scan(database)) == [("secret-name", "public.login.password", 1)]


def test_every_place_that_holds_text_is_looked_at(
    database: psycopg.Connection[Any],
) -> None:
    """JSON, arrays, materialized views, routines, defaults and comments are read."""
    mail = SECRETS["e-mail"]
    database.execute(
        "CREATE SCHEMA other;"
        f"CREATE TABLE other.t (a jsonb, b text[], c text DEFAULT '{mail}');"
        f"INSERT INTO other.t VALUES (to_jsonb('{mail}'::text), ARRAY['{mail}'], '');"
        f"CREATE MATERIALIZED VIEW other.m AS SELECT '{mail}'::text AS d;"
        f"CREATE FUNCTION other.f() RETURNS text LANGUAGE sql AS $$ SELECT '{mail}' $$;"
        f"COMMENT ON TABLE other.t IS 'ask {mail}'"
    )
    assert {place for _, place, _ in found(scan(database))} == {
        "other.t.a",
        "other.t.b",
        "other.m.d",
        "routine other.f",
        "default of other.t.c",
        "comment on other.t",
        "view other.m",
    }


def test_declared_hosts_are_found_wherever_they_stand(
    database: psycopg.Connection[Any],
) -> None:
    """A host that is declared live is found without a URL around it."""
    fill(database, "ask vps-7 about it", "vps-77 is another")
    assert found(scan(database, live_hosts=["vps-7"])) == [
        ("declared-host", "public.letter.body", 1)
    ]


def test_allowed_findings_need_a_reason_and_are_still_told(
    database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    """What the allow-file names is no finding, is told, and unused lines too."""
    fill(database, SECRETS["e-mail"])
    file = tmp_path / "allowed"
    file.write_text(
        "# exceptions\n"
        "e-mail public.letter.body # the office's own address\n"
        "phone public.letter.body # gone by now\n"
    )
    result = scan(database, allow=file)
    assert result.findings == ()
    assert found(Scan(findings=result.allowed)) == [("e-mail", "public.letter.body", 1)]
    assert result.stale == ("phone public.letter.body",)
    told = list(describe(result))
    assert "  allowed: personal data (e-mail) at public.letter.body" in told
    assert "  allowed and not found: phone public.letter.body" in told


@pytest.mark.parametrize("line", ["e-mail public.a.b", "e-mail # why", "e-mail x #  "])
def test_exception_without_reason_is_refused(tmp_path: Path, line: str) -> None:
    """A line of the allow-file without place or reason is refused by its number."""
    file = tmp_path / "allowed"
    file.write_text(f"\n{line}\n")
    with pytest.raises(SettingsError) as refused:
        read_allowed(file)
    assert str(refused.value) == (
        f"oneroof_secrets_allow: {file} line 2 is not 'rule place # reason'\n"
        "every exception says why it is none"
    )


def test_absent_allow_file_is_refused(tmp_path: Path) -> None:
    """An allow-file that is not there is an error, and no empty list."""
    with pytest.raises(SettingsError) as refused:
        read_allowed(tmp_path / "none")
    assert str(refused.value).startswith(
        f"oneroof_secrets_allow: cannot read {tmp_path / 'none'}: "
    )


def test_big_tables_are_sampled_and_told(database: psycopg.Connection[Any]) -> None:
    """Of a table above the bound a part is read, and the scan says so."""
    database.execute(
        "CREATE TABLE public.many AS SELECT 'row number ' || i AS body"
        " FROM generate_series(1, 5000) AS i; ANALYZE public.many"
    )
    result = scan(database, bounds=Bounds(rows=100))
    [told] = result.sampled
    rows = int(told.removeprefix("public.many (").partition(" ")[0])
    assert told == f"public.many ({rows} rows of about 5000)"
    assert 50 <= rows <= 100
    assert result.values >= 50
    whole = scan(database, bounds=Bounds(rows=10_000))
    assert (whole.sampled, whole.values) == ((), 5000)


def test_sample_reaches_beyond_the_head_of_a_table(
    database: psycopg.Connection[Any],
) -> None:
    """A secret that is common in a big table, but not at its head, is found."""
    mail = SECRETS["e-mail"]
    database.execute(
        "CREATE TABLE public.many AS"
        f" SELECT CASE WHEN i > 9000 THEN i || '{mail}' ELSE 'row ' || i END AS body"
        "   FROM generate_series(1, 30000) AS i; ANALYZE public.many"
    )
    [(rule, place, count)] = found(scan(database))
    assert (rule, place) == ("e-mail", "public.many.body")
    assert count > 50


def test_long_values_are_read_to_their_bound(database: psycopg.Connection[Any]) -> None:
    """Of a long value only the beginning is looked at."""
    fill(database, "x " * 50 + SECRETS["e-mail"])
    assert found(scan(database, bounds=Bounds(bytes=60))) == []
    assert found(scan(database, bounds=Bounds(bytes=200))) != []


def test_scan_that_ran_out_of_time_shows_nothing(
    database: psycopg.Connection[Any],
) -> None:
    """Tables that were not reached in time are named, and NO is not concluded."""
    fill(database, "nothing")
    ticks = iter([0.0, 100.0, 100.0])
    result = scan(database, bounds=Bounds(seconds=1), clock=lambda: next(ticks))
    assert result.unread == ("public.letter (no time left)",)
    assert result.contains_secrets == "NOT_SHOWN"
    assert "  not read: public.letter (no time left)" in list(describe(result))


def test_what_may_not_be_read_is_told(
    database: psycopg.Connection[Any], fresh_database: str
) -> None:
    """A table that the role may not read is named, and nothing is concluded."""
    fill(database, SECRETS["e-mail"])
    role = f"reader_{database.info.dbname}"
    database.execute(f"CREATE ROLE {role}".encode())
    try:
        database.execute(f"SET ROLE {role}".encode())
        result = scan(database)
    finally:
        database.execute("RESET ROLE")
        database.execute(f"DROP ROLE {role}".encode())
    assert result.unread == ("public.letter (no right)",)
    assert result.contains_secrets == "NOT_SHOWN"


def test_without_the_token_rules_nothing_is_shown(
    database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where detect-secrets is missing the scan says so, and never concludes NO."""
    fill(database, "nothing")
    monkeypatch.setattr(secrets_scan, "detector_rules", lambda: ())
    result = scan(database)
    assert result.contains_secrets == "NOT_SHOWN"
    assert list(describe(result))[-1] == (
        "  install the token rules: pip install 'pytest-oneroof[provenance]'"
    )


def test_tokens_are_found_by_the_detectors_own_rules(
    database: psycopg.Connection[Any],
) -> None:
    """A service's token is found by detect-secrets, which is named with its version."""
    if not detector_rules():
        pytest.skip("detect-secrets is not installed: pip install .[provenance]")
    fill(database, "key AKIA" + "IOSFODNN7EXAMPL3", "ghp_" + NOISE[:36])
    result = scan(database)
    assert {f.rule for f in result.findings} == {"AWS Access Key", "GitHub Token"}
    assert {f.kind for f in result.findings} == {"token"}
    assert result.detector.startswith("detect-secrets ")
    assert NOISE[:36] not in "\n".join(describe(result))
