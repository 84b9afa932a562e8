"""Declared productions: strictly parsed, and compared by what they are.

A form that could never match a database is an error: whoever wrote it believes to
be protected by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from psycopg.conninfo import make_conninfo

from pytest_oneroof.errors import ServerError, SettingsError
from pytest_oneroof.postgres.connect import parse
from pytest_oneroof.postgres.identity import (
    DEFAULT_PORT,
    Address,
    Identity,
    addresses_of,
)
from pytest_oneroof.redaction import redact

FORMS = """\
accepted are:
  NAME                               a database of that name, on any server
  HOST:PORT/NAME or HOST/NAME        IPv6 as [::1]:5432/NAME, a socket folder with its
                                     port: /run/postgresql:5432/NAME; port 5432 if none
  SYSTEM_IDENTIFIER/NAME or …/OID    SELECT system_identifier FROM pg_control_system()
  postgresql://HOST:PORT/NAME        a URL, also with ?host=…&hostaddr=…
  host=HOST port=PORT dbname=NAME    key=value; dbname=NAME alone for any other name"""
LONGEST_NAME = 63
_BARE = re.compile(r"[^\s/:=@?&,.\[\]\"'();%]+")
_HOST = re.compile(r"[A-Za-z0-9_.-]+")
_KEY_VALUE = re.compile(r"\s*[a-z_]+\s*=")


@dataclass(frozen=True)
class Production:
    """One declared production: `text` as it was declared, without a password.

    It is the database of that `name` (or `oid`) on the server that `system_identifier`
    or `addresses` name, on any server where neither is set. `conninfo` is how it can
    be asked who it is, and `key` what it said: system identifier and oid.
    """

    text: str
    name: str
    oid: int | None = None
    system_identifier: str | None = None
    addresses: frozenset[Address] = field(default_factory=frozenset)
    conninfo: str = field(default="", repr=False)
    key: tuple[str, int] | None = None

    def __str__(self) -> str:
        """Return it as it was declared."""
        return self.text

    def is_named(self, identity: Identity) -> bool:
        """Whether that database is this production.

        Names are compared without regard to case: a declaration in another case is
        more likely a slip than another database.
        """
        if self.key is not None and self.key == identity.key:
            return True
        named = self.name.casefold() == identity.name.casefold()
        if self.system_identifier is not None:
            same = self.system_identifier == identity.system_identifier
            return same and (named or self.oid == identity.oid)
        return named and (
            not self.addresses or not self.addresses.isdisjoint(identity.addresses)
        )


def parse_productions(texts: Iterable[str]) -> tuple[Production, ...]:
    """Return declared productions; raise SettingsError for what can never match."""
    return tuple(parse_production(text) for text in texts)


def parse_production(text: str) -> Production:
    """Return one declared production; raise SettingsError for what can never match."""
    given = text.strip()
    if "://" in given or _KEY_VALUE.match(given):
        return _of_connection(given)
    place, slash, name = given.rpartition("/")
    if not slash:
        if not _BARE.fullmatch(given):
            raise _refused(given, "it is neither a database's name nor an address")
        return Production(given, _name(given, given))
    if "?" in name:
        raise _refused(given, "parameters belong to a URL")
    if place.isascii() and place.isdigit():
        return _of_server(given, place, name)
    return _of_place(given, place, _name(given, name))


def _of_server(given: str, identifier: str, name: str) -> Production:
    if not 0 < int(identifier) < 2**64:
        raise _refused(given, f"{identifier} is no system identifier")
    oid = int(name) if name.isascii() and name.isdigit() else None
    return Production(given, _name(given, name), oid, str(int(identifier)))


def _of_connection(given: str) -> Production:
    try:
        parameters = parse(given)
    except ServerError as error:
        raise _refused(given, str(error)) from None
    if "service" in parameters:
        raise _refused(given, "a service's host is not known here: write it out")
    name = str(parameters.get("dbname") or "")
    if not name:
        raise _refused(given, "it names no database")
    return Production(
        redact(given),
        _name(given, name),
        addresses=_addresses(given, parameters),
        conninfo=given,
    )


def _of_place(given: str, place: str, name: str) -> Production:
    """Return the production at HOST:PORT, HOST, [IPv6]:PORT or /FOLDER:PORT."""
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, port = place, ""
    if host.startswith("/"):
        if not port:
            raise _refused(given, "a socket folder needs its port: /FOLDER:PORT/NAME")
    elif host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise _refused(given, "an IPv6 address stands in brackets")
    elif not _HOST.fullmatch(host):
        raise _refused(given, f"{host!r} is no host")
    if colon and not port and not place.endswith("]"):
        raise _refused(given, "the port is missing")
    at = {"host": host, "port": port or str(DEFAULT_PORT)}
    return Production(
        given,
        name,
        addresses=_addresses(given, at),
        conninfo=make_conninfo(dbname=name, **at),
    )


def _addresses(given: str, parameters: dict[str, Any]) -> frozenset[Address]:
    try:
        return addresses_of(parameters)
    except ValueError as error:
        raise _refused(given, str(error)) from None


def _name(given: str, name: str) -> str:
    if not name:
        raise _refused(given, "it names no database")
    if (length := len(name.encode())) > LONGEST_NAME:
        raise _refused(
            given, f"a database's name has at most {LONGEST_NAME} bytes, this {length}"
        )
    return name


def _refused(given: str, why: str) -> SettingsError:
    return SettingsError(
        f"the declared production {redact(given)!r} can never match: {why}\n{FORMS}"
    )
