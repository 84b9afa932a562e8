"""The role that reads the embedded stand-in production, made at its first use."""

from __future__ import annotations

import contextlib
import json

from pytest_oneroof import resources
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.postgres.roles import set_password
from pytest_oneroof.postgres.scram import new_password
from pytest_oneroof.production.powers import ROLE
from pytest_oneroof.redaction import Url
from pytest_oneroof.statements.scripts import run_script

READER = "oneroof_acceptance"
_LOCK = 0x6F6E6572_72656164


def reader_url(server: EmbeddedServer) -> Url:
    """Return the URL by which the stand-in is read, as a user's role would.

    The role is made by the same file as on a user's server; its random password
    is kept in the server's state, which no other account can read. Runs beside
    wait for each other.
    """
    database = server.state["production"]
    if "reader_password" not in server.state:
        with contextlib.closing(connect(server.url(database))) as admin:
            admin.execute("SELECT pg_catalog.pg_advisory_lock(%s)", [_LOCK])
            kept = json.loads((server.home / "state.json").read_text())
            if "reader_password" not in kept:
                # Workers and runs beside read it at the same time.
                admin.execute("SET oneroof.acceptance_sessions = -1")
                run_script(admin, resources.path(ROLE))
                kept["reader_password"] = new_password()
                set_password(admin, READER, kept["reader_password"])
                server.state["reader_password"] = kept["reader_password"]
                server.save()
            server.state["reader_password"] = kept["reader_password"]
    return server.url(database, READER, server.state["reader_password"])
