"""Whether a packet is ratified: asked of the target before anything of it is sent.

The SELECT is the one that the packet's own files quote (`sql/gate/ratified.sql`), so
that the answer within their transactions is the same.
"""

from __future__ import annotations

import json

from pytest_oneroof.production.gate import Gate
from pytest_oneroof.release.plan import Packet
from pytest_oneroof.release.steps import Connection

_ASK = "SELECT pg_catalog.set_config('oneroof.request', %s, true)"


def read_refusal(connection: Connection, packet: Packet) -> str:
    """Return why the approval that the session names does not ratify a packet, or ''.

    Inside a transaction of `reading`.
    """
    connection.execute(_ASK, [json.dumps(dict(packet.request))])
    row = connection.execute(Gate(packet.pack).ratified().encode()).fetchone()
    assert row is not None
    refusal, detail = row
    return f"{refusal}; {detail}" if refusal else ""
