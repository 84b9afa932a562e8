"""Connections: opening them with plain errors, and naming them without secrets."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import conninfo, pq

from pytest_oneroof.errors import ServerError
from pytest_oneroof.redaction import Url, redact, redact_message

OLDEST, NEWEST = 15, 18
CONNECT_TIMEOUT = 10
RESTARTING = 30.0
LOCK_TIMEOUT, STATEMENT_TIMEOUT = "2s", "30s"
# A database's own settings are for its applications: they must neither end, nor
# refuse, nor delay what an administrator does to a copy.
_UNBOUND = """
SET statement_timeout = 0; SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET default_transaction_read_only = off;
SET default_transaction_isolation = 'read committed'
"""


def connect(
    url: str,
    *,
    autocommit: bool = True,
    application: str = "pytest-oneroof",
    **settings: Any,
) -> psycopg.Connection[Any]:
    """Open a connection (autocommit by default) to the server at `url`.

    `settings` are libpq connection parameters that win over the URL's. Raise
    ServerError when the URL is malformed, the server does not answer, or it is
    not PostgreSQL 15 to 18. The error names the URL without its password.
    """
    given = {"application_name": application, **settings}
    given.setdefault("connect_timeout", CONNECT_TIMEOUT)
    # A server in SQL_ASCII would hand out bytes.
    given.setdefault("client_encoding", "utf8")
    try:
        connection: psycopg.Connection[Any] = psycopg.connect(
            url, autocommit=autocommit, **given
        )
    except psycopg.Error as error:
        raise ServerError(
            f"cannot connect to {redact(url)}: {redact_message(str(error), url)}\n"
            "to fix this, start the server, or correct the URL"
        ) from None
    major = connection.info.server_version // 10000
    if not OLDEST <= major <= NEWEST:
        version = connection.info.parameter_status("server_version")
        connection.close()
        raise ServerError(
            f"PostgreSQL {OLDEST} to {NEWEST} is supported, {redact(url)} is {version}"
        )
    return connection


def answers(url: str) -> bool:
    """Tell whether a server is up, be it that it recovers from a crash."""
    return pq.PGconn.ping(url.encode()) in (pq.Ping.OK, pq.Ping.REJECT)


def wait_for_recovery(url: str) -> None:
    """Wait while a server is up but takes no connections, for RESTARTING seconds."""
    end = time.monotonic() + RESTARTING
    while pq.PGconn.ping(url.encode()) == pq.Ping.REJECT and time.monotonic() < end:
        time.sleep(0.05)


@contextlib.contextmanager
def unbound(
    url: str, application: str = "pytest-oneroof"
) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection without the limits that its database has for applications."""
    with contextlib.closing(connect(url, application=application)) as connection:
        connection.execute(_UNBOUND)
        yield connection


@contextlib.contextmanager
def reading(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection in a READ ONLY transaction, for statements of our own.

    It waits at most LOCK_TIMEOUT for a lock and STATEMENT_TIMEOUT for an answer.
    """
    with contextlib.closing(connect(url, autocommit=False)) as connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        limits = {"lock_timeout": LOCK_TIMEOUT, "statement_timeout": STATEMENT_TIMEOUT}
        for name, limit in limits.items():
            connection.execute(
                "SELECT pg_catalog.set_config(%s, %s, true)", [name, limit]
            )
        yield connection
        connection.rollback()


def parse(url: str) -> dict[str, Any]:
    """Return the libpq parameters of a URL or key=value string.

    Raise ServerError, naming it without its password, when it is malformed.
    """
    try:
        return dict(conninfo.conninfo_to_dict(url))
    except psycopg.ProgrammingError as error:
        raise ServerError(
            f"not a PostgreSQL URL: {redact(url)} ({redact_message(str(error), url)})"
        ) from None


def with_database(url: str, database: str) -> Url:
    """Return `url` with another database name, in the form that it had."""
    if "://" in url:
        parts = urlsplit(url)
        path = f"/{quote(database, safe='')}"
        tail = urlunsplit(("", "", path, parts.query, parts.fragment))
        # Not urlunsplit as a whole: it drops the // of a URL without a host.
        return Url(f"{parts.scheme}://{parts.netloc}{tail}")
    return Url(conninfo.make_conninfo(url, dbname=database))


def with_login(url: str, user: str, password: str) -> Url:
    """Return `url` with another role and its password."""
    if "://" not in url:
        return Url(conninfo.make_conninfo(url, user=user, password=password))
    scheme, _, rest = url.partition("://")
    end = min((rest.find(c) for c in "/?#" if c in rest), default=len(rest))
    hosts = rest[:end].rpartition("@")[2]
    tail = _without(rest[end:], "user", "password")
    return Url(f"{scheme}://{quote(user, safe='')}:{password}@{hosts}{tail}")


def _without(tail: str, *names: str) -> str:
    """Return the end of a URL without these parameters."""
    path, _, query = tail.partition("?")
    kept = [p for p in query.split("&") if p and p.partition("=")[0] not in names]
    return f"{path}?{'&'.join(kept)}" if kept else path


def with_options(url: str, options: str) -> Url:
    """Return `url` with further options of the server's command line."""
    given = str(parse(url).get("options") or "")
    text = f"{given} {options}".strip()
    if "://" not in url:
        return Url(conninfo.make_conninfo(url, options=text))
    kept = _without(url, "options")
    mark = "&" if "?" in kept else "?"
    return Url(f"{kept}{mark}options={quote(text, safe='')}")


def build_url(
    *,
    user: str,
    password: str,
    host: str,
    port: int,
    database: str,
    further: Mapping[str, str] | None = None,
) -> Url:
    """Return a URL; a host that begins with a slash is a socket directory.

    `further` are libpq parameters that follow.
    """
    login = quote(user, safe="")
    if password:
        login += f":{quote(password, safe='')}"
    query = dict(further or {})
    at = ""
    if host.startswith("/"):
        query = {"host": host, "port": str(port), **query}
    else:
        at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    tail = f"?{urlencode(query, quote_via=quote, safe='')}" if query else ""
    return Url(f"postgresql://{login}@{at}/{quote(database, safe='')}{tail}")


def pinned(url: str, connection: psycopg.Connection[Any]) -> Url:
    """Return a URL with several hosts as that of the one which was reached.

    What was looked at on one of them says nothing of the others.
    """
    parameters = parse(url)
    hosts = [str(parameters.get(key) or "") for key in ("host", "hostaddr")]
    if not any("," in host for host in hosts):
        return Url(url)
    info = connection.info
    further = {
        key: str(value)
        for key, value in parameters.items()
        if key not in {"host", "hostaddr", "port", "user", "password", "dbname"}
    }
    return build_url(
        user=info.user,
        password=str(parameters.get("password") or ""),
        host=info.host,
        port=info.port,
        database=info.dbname,
        further=further,
    )


def address(connection: psycopg.Connection[Any]) -> str:
    """Return host:port as this connection reached it."""
    return f"{connection.info.host}:{connection.info.port}"
