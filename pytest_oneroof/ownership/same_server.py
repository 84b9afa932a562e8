"""Do two connections reach one database of one server? Shown, not believed.

Names can agree by accident, and a physical copy of a server agrees in everything
that it says: only what one connection does and the other sees shows it.
"""

from __future__ import annotations

import secrets

from pytest_oneroof.errors import GuardRefused
from pytest_oneroof.ownership.acting import Acting, Connection, read_identity
from pytest_oneroof.ownership.proofs import OurDatabase
from pytest_oneroof.ownership.rules import Reason
from pytest_oneroof.postgres.identity import Identity

_HELD = """
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_locks AS l
   WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted
     AND l.database OPERATOR(pg_catalog.=) %s::pg_catalog.oid
     AND l.classid OPERATOR(pg_catalog.=) %s::pg_catalog.oid
     AND l.objid OPERATOR(pg_catalog.=) %s::pg_catalog.oid
     AND l.objsubid OPERATOR(pg_catalog.=) 2)
"""


def require_same(connection: Connection, acting: Acting, ours: OurDatabase) -> None:
    """Raise GuardRefused unless a connection is on that database of the acting one.

    A nonce goes through both: a lock that the one takes and the other sees. Nothing
    of it stays.
    """
    found = read_identity(connection)
    same = (*found.key, found.name) == (*ours.seen.identity.key, ours.name)
    if not same or not _sees_lock(connection, acting, ours.oid):
        reason = _another(found, ours.seen.identity, physical_copy=same)
        raise GuardRefused(ours.name, [reason])


def require_direct(connection: Connection) -> None:
    """Raise GuardRefused where a pooler stands before the server.

    The server tells a client the process that serves it; a pooler tells another.
    """
    row = connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    if row == (connection.info.backend_pid,):
        return
    raise GuardRefused(
        str(connection.info.dbname),
        [
            Reason(
                "pooler",
                f"a connection pooler answers at {connection.info.host}:"
                f"{connection.info.port}",
                "locks, settings and transactions are of one server process: a pooler "
                "may change it, keep it after us, or fall back to another database",
                "give the address of the server itself",
            )
        ],
    )


def _sees_lock(connection: Connection, acting: Acting, oid: int) -> bool:
    high, low = secrets.randbits(31), secrets.randbits(31)
    with connection.transaction():
        connection.execute(
            "SELECT pg_catalog.pg_advisory_xact_lock_shared(%s::int4, %s::int4)",
            [high, low],
        )
        row = acting.connection.execute(_HELD, [oid, high, low]).fetchone()
    return row == (True,)


def _another(found: Identity, ours: Identity, *, physical_copy: bool) -> Reason:
    told = (
        "another server that is a physical copy of the administrator's"
        if physical_copy
        else f"{found.name!r}, oid {found.oid}, on the server with system identifier "
        f"{found.system_identifier}"
    )
    return Reason(
        "server",
        f"this URL reaches {told}; the administrator's reaches {ours.name!r}, oid "
        f"{ours.oid}, on the server with system identifier {ours.system_identifier}",
        "what the administrator locks, closes and drops has to be what the checks "
        "run on",
        "give both URLs the address of one server, of no pooler and of one host",
    )
