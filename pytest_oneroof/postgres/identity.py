"""Which database this is: its server, its oid, its name, and where it was reached.

Pure. Addresses are compared in a canonical form, in which all ways to this machine
(localhost, 127.0.0.1, ::1, a socket folder) are one.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LOCAL = "localhost"
DEFAULT_PORT = 5432
_LOCAL_NAMES = frozenset(
    {LOCAL, "localhost.localdomain", "ip6-localhost", "ip6-loopback"}
)
# What inet_aton reads and ipaddress does not: 127.1, 0x7f000001.
_SHORT_IPV4 = re.compile(r"(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+)){0,3}")


@dataclass(frozen=True, order=True)
class Address:
    """A canonical host and a port. Make it by `address`."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return host:port, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Identity:
    """What tells one database from all others.

    A copy of the whole server (pg_basebackup) has the same system identifier and
    the same oids; only `addresses`, where its server was reached, differ then.
    """

    system_identifier: str
    oid: int
    name: str
    addresses: frozenset[Address] = field(default_factory=frozenset)

    @property
    def key(self) -> tuple[str, int]:
        """System identifier and oid: one database, whatever its name."""
        return self.system_identifier, self.oid


def address(host: str | None, port: int) -> Address:
    """Return the canonical address of a host and a port."""
    return Address(canonical_host(host or ""), port)


def canonical_host(host: str) -> str:
    """Return one spelling for all that name the same host.

    Empty, a socket folder and every loopback address are this machine. Names are
    compared as written, in lower case and without a final dot; none is looked up.
    """
    text = host.strip().casefold().rstrip(".")
    if not text or text[0] in "/@" or _is_local_name(text):
        return LOCAL
    ip = _parse_ip(text.removeprefix("[").removesuffix("]"))
    if ip is None:
        return text
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return LOCAL if ip.is_loopback or ip.is_unspecified else str(ip)


def addresses_of(parameters: Mapping[str, Any]) -> frozenset[Address]:
    """Return every address that libpq parameters name: host, hostaddr and port.

    Several hosts stand for one another, as do a host and its hostaddr. Without
    either there is none. Raise ValueError for a port that is no port.
    """
    ports = [_parse_port(port) for port in _list(parameters.get("port"))]
    return frozenset(
        address(host, _nth(ports, number))
        for kind in ("host", "hostaddr")
        for number, host in enumerate(_list(parameters.get(kind)))
        if host
    )


def reached_addresses(
    host: str, hostaddr: str, port: int, server_host: str | None, server_port: int
) -> frozenset[Address]:
    """Return the addresses of a server, by what client and server say of a session.

    `host`, `hostaddr` and `port` are as libpq has them. `server_host` is the
    server's own end of the session, None for a socket: where that is this machine
    to the server, it is whichever machine the client reached.
    """
    client = address(host, port)
    own = canonical_host(server_host or "")
    server = Address(client.host if own == LOCAL else own, server_port)
    by_number = {address(hostaddr, port)} if hostaddr else set()
    return frozenset({client, server, *by_number})


def _is_local_name(text: str) -> bool:
    own = socket.gethostname().casefold().rstrip(".")
    return text in _LOCAL_NAMES or text.endswith(f".{LOCAL}") or text == own


def _parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        if not _SHORT_IPV4.fullmatch(text):
            return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except OSError:
        return None


def _parse_port(text: str) -> int:
    if not text:
        return DEFAULT_PORT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ValueError(f"{text!r} is no port")
    return int(text)


def _nth(ports: list[int], number: int) -> int:
    """Return a host's port: one alone is that of every host (manual, 34.1.1)."""
    if not ports:
        return DEFAULT_PORT
    return ports[number] if number < len(ports) else ports[-1]


def _list(value: Any) -> list[str]:
    return [part.strip() for part in str(value).split(",")] if value else []
