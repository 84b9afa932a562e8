"""Asking declared productions who they are: system identifier and oid.

Another name for a server, a tunnel or a pooler hides a production from a comparison of
addresses; what it says of itself does not. It is asked as anybody could ask it: with
what its declaration holds and the user's own .pgpass, and no password of ours. Where
it does not answer so, its address alone is compared.
"""

from __future__ import annotations

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.ownership.acting import read_identity
from pytest_oneroof.ownership.productions import Production
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.postgres.connect import connect, parse
from pytest_oneroof.postgres.identity import LOCAL, Address, addresses_of

# A host behind a firewall that drops packets would else cost every run two seconds.
REACHED, ANSWERED = 0.5, 2


def with_answers(rules: Rules, url: str) -> Rules:
    """Return the rules with what the productions that answer say of themselves.

    Those on the server of `url` are not asked: they are known there by their names.
    """
    known = addresses_of(parse(url))
    if not any(_to_ask(production, known) for production in rules.productions):
        return rules
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = tuple(pool.map(lambda each: _asked(each, known), rules.productions))
    return replace(rules, productions=answers)


def _to_ask(production: Production, known: frozenset[Address]) -> bool:
    return bool(production.conninfo) and not production.addresses <= known


def _asked(production: Production, known: frozenset[Address]) -> Production:
    if not _to_ask(production, known) or not _is_reached(production):
        return production
    # An empty password keeps libpq from taking PGPASSWORD, which is another server's.
    password = parse(production.conninfo).get("password", "")
    with contextlib.suppress(OneroofError, psycopg.Error):
        connection = connect(
            production.conninfo, connect_timeout=ANSWERED, password=password
        )
        with contextlib.closing(connection):
            return replace(production, key=read_identity(connection).key)
    return production


def _is_reached(production: Production) -> bool:
    """Whether anything listens at one of its addresses; a local one answers at once."""
    return any(
        address.host == LOCAL or _listens(address) for address in production.addresses
    )


def _listens(address: Address) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection((address.host, address.port), REACHED).close()
        return True
    return False
