"""Declared productions: which forms there are, what each names, and what never can."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.ownership.productions import parse_production, parse_productions
from pytest_oneroof.postgres.identity import Identity, address

SHOP = Identity(
    "7000",
    16400,
    "shop",
    frozenset({address("10.0.0.7", 5433), address("db.de", 5433)}),
)
LOCAL = Identity("7001", 16401, "shop", frozenset({address("/run/postgresql", 5432)}))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("shop", (True, True)),
        ("SHOP", (True, True)),
        ("shop2", (False, False)),
        ("dbname=shop", (True, True)),
        ("postgresql:///shop", (True, True)),
        ("10.0.0.7:5433/shop", (True, False)),
        ("10.0.0.7/shop", (False, False)),
        ("DB.de.:5433/shop", (True, False)),
        ("db.de:5432/shop", (False, False)),
        ("postgresql://me:pw@db.de:5433/shop?sslmode=require", (True, False)),
        ("postgres://db.de:1,10.0.0.7:5433/shop", (True, False)),
        ("host=x hostaddr=10.0.0.7 port=5433 dbname=shop", (True, False)),
        ("host=db.de,x port=5433 dbname=shop", (True, False)),
        ("7000/shop", (True, False)),
        ("7000/16400", (True, False)),
        ("7000/16401", (False, False)),
        ("7001/16401", (False, True)),
        ("localhost/shop", (False, True)),
        ("127.0.0.1:5432/shop", (False, True)),
        ("[::1]/shop", (False, True)),
        ("/var/run/postgresql:5432/shop", (False, True)),
        ("localhost:5433/shop", (False, False)),
        ("postgresql://%2Frun%2Fpg/shop", (False, True)),
        ("host=/tmp dbname=shop", (False, True)),
    ],
)
def test_each_form_names_its_database(text: str, named: tuple[bool, bool]) -> None:
    """A form names a database by name, server and address, canonically."""
    production = parse_production(text)
    assert (production.is_named(SHOP), production.is_named(LOCAL)) == named


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("db.example.org", "neither a database's name nor an address"),
        ("db:5432", "neither a database's name nor an address"),
        ("two words", "neither a database's name nor an address"),
        ('"shop"', "neither a database's name nor an address"),
        ("me@db/shop", "'me@db' is no host"),
        ("db:port/shop", "'port' is no port"),
        ("db:0/shop", "'0' is no port"),
        ("db:65536/shop", "'65536' is no port"),
        ("db:/shop", "the port is missing"),
        ("::1/shop", "an IPv6 address stands in brackets"),
        ("::1:5432/shop", "an IPv6 address stands in brackets"),
        ("/run/postgresql/shop", "a socket folder needs its port"),
        ("db:5432/", "it names no database"),
        ("db:5432/shop?sslmode=require", "parameters belong to a URL"),
        ("0/shop", "0 is no system identifier"),
        ("postgresql://db", "it names no database"),
        ("host=db", "it names no database"),
        ("service=prod", "a service's host is not known here: write it out"),
        ("mysql://db/shop", "not a PostgreSQL URL"),
        ("hosst=db dbname=shop", "not a PostgreSQL URL"),
        ("x" * 64, "at most 63 bytes, this 64"),
        ("", "neither a database's name nor an address"),
    ],
)
def test_a_form_that_can_never_match_is_refused(text: str, why: str) -> None:
    """It is told why it never can, and which forms there are."""
    with pytest.raises(SettingsError) as raised:
        parse_production(text)
    told = str(raised.value)
    assert told.startswith(f"the declared production {text!r} can never match: ")
    assert why in told
    assert "\naccepted are:\n  NAME " in told


def test_a_password_is_never_told() -> None:
    """Neither the declaration nor its error shows it."""
    production = parse_production("postgresql://me:s3cret-of-mine@db/shop")
    assert "s3cret" not in repr(production) + str(production)
    with pytest.raises(SettingsError) as raised:
        parse_production("postgresql://me:s3cret-of-mine@db")
    assert "s3cret" not in str(raised.value)


@given(
    host=st.sampled_from(["db", "10.0.0.7", "[fe80::1]", "localhost"]),
    port=st.integers(1, 65535),
    other=st.integers(1, 65535),
    name=st.from_regex(r"[a-z_][a-z0-9_]{0,20}", fullmatch=True),
)
def test_a_port_makes_another_server(
    host: str, port: int, other: int, name: str
) -> None:
    """An address matches the server that it names, and none at another port."""
    production = parse_production(f"{host}:{port}/{name}")
    bare = host.strip("[]")
    here = Identity("1", 1, name, frozenset({address(bare, other)}))
    assert production.is_named(here) == (port == other)


def test_what_a_production_says_of_itself_goes_before_its_address() -> None:
    """One that answered is known by system identifier and oid at every address."""
    (production,) = parse_productions(["elsewhere:1/other"])
    assert not production.is_named(SHOP)
    assert dataclasses.replace(production, key=("7000", 16400)).is_named(SHOP)
