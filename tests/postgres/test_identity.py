"""Addresses: all ways to this machine are one, and each other host is itself."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof.postgres.identity import (
    LOCAL,
    Address,
    address,
    addresses_of,
    canonical_host,
    reached_addresses,
)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "LocalHost.",
        "localhost.localdomain",
        "db.localhost",
        "127.0.0.1",
        "127.8.8.8",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "0.0.0.0",
        "::1",
        "[::1]",
        "0:0:0:0:0:0:0:1",
        "::ffff:127.0.0.1",
        "::",
        "/run/postgresql",
        "@abstract",
        socket.gethostname(),
    ],
)
def test_every_way_to_this_machine_is_one(host: str) -> None:
    """Loopback, socket folders and the machine's own name are the same host."""
    assert canonical_host(host) == LOCAL


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        ("DB.Example.ORG.", "db.example.org"),
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("localhost.example.org", "localhost.example.org"),
        ("128.0.0.1", "128.0.0.1"),
    ],
)
def test_another_host_has_one_spelling(host: str, canonical: str) -> None:
    """Case, a final dot and the ways to write an address make no difference."""
    assert canonical_host(host) == canonical


@given(st.ip_addresses())
def test_an_address_is_its_own_spelling(ip: object) -> None:
    """What is canonical stays so, in brackets or not."""
    once = canonical_host(str(ip))
    assert canonical_host(once) == once
    assert canonical_host(f"[{ip}]") == once


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, []),
        ({"host": "db"}, ["db:5432"]),
        ({"host": "a,b", "port": "1,2"}, ["a:1", "b:2"]),
        ({"host": "a,b", "port": "7"}, ["a:7", "b:7"]),
        ({"host": "a", "hostaddr": "10.0.0.1", "port": "7"}, ["10.0.0.1:7", "a:7"]),
        ({"hostaddr": "::1"}, ["localhost:5432"]),
        ({"host": "/tmp", "port": "7"}, ["localhost:7"]),
        ({"host": "a,,b", "port": ",2,"}, ["a:5432", "b:5432"]),
    ],
)
def test_libpq_parameters_name_addresses(
    parameters: dict[str, str], expected: list[str]
) -> None:
    """Each host has its port, or that of all."""
    assert sorted(map(str, addresses_of(parameters))) == expected


def test_a_server_is_where_client_and_server_say() -> None:
    """A server's own end counts, unless it is this machine to it: then the client's."""
    far = reached_addresses("pool.de", "10.0.0.2", 6432, "10.0.0.7", 5432)
    assert sorted(map(str, far)) == ["10.0.0.2:6432", "10.0.0.7:5432", "pool.de:6432"]
    for own in (None, "127.0.0.1", "::1"):
        beside = reached_addresses("pool.de", "10.0.0.2", 6432, own, 5432)
        assert Address("pool.de", 5432) in beside
        assert Address(LOCAL, 5432) not in beside
    assert reached_addresses("/tmp", "", 5432, None, 5432) == {Address(LOCAL, 5432)}


def test_an_ipv6_address_is_written_in_brackets() -> None:
    """So that it can be pasted into a URL, and declared."""
    assert str(address("2001:db8::1", 5432)) == "[2001:db8::1]:5432"
