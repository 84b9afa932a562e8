"""Putting back what a check moved in its own session, and removing what it left.

Whether it was put back is not concluded here: the state is read again afterwards.
"""

from __future__ import annotations

import contextlib

from pytest_oneroof.check.guarded_session import SET_UP, GuardedSession
from pytest_oneroof.clone.guard import GuardedClone
from pytest_oneroof.clone.residue import Residue
from pytest_oneroof.ownership import acts
from pytest_oneroof.postgres.results import Failed, literal, quoted

# RESET and the like for what lives in the session.
PUT_BACK = {
    "advisory lock": b"SELECT pg_catalog.pg_advisory_unlock_all()",
    "listener": b"UNLISTEN *",
    "held cursor": b"CLOSE ALL",
    "temporary object": b"DISCARD TEMP",
}
FORGET = (b"RESET SESSION AUTHORIZATION", b"RESET ROLE", SET_UP)
# Custom settings (a.b) do not stand in pg_settings; RESET ALL resets them too.
SETTINGS = """
SELECT s.name, coalesce(o.setting, s.reset_val), s.setting
  FROM pg_catalog.pg_settings AS s
  LEFT JOIN (VALUES ('standard_conforming_strings', 'on'),
                    ('default_transaction_read_only', 'on')) AS o (name, setting)
    ON o.name = s.name
 WHERE s.source = 'session'
   AND s.setting IS DISTINCT FROM coalesce(o.setting, s.reset_val)
UNION ALL
SELECT 'role', session_user, current_user WHERE current_user <> session_user
 ORDER BY 1
"""


def changed_settings(session: GuardedSession) -> tuple[Residue, ...]:
    """Return the session's settings that are not as we have set them."""
    rows = session.connection.execute(SETTINGS).fetchall()
    return tuple(Residue("session setting", *row) for row in rows)


def put_back(
    session: GuardedSession,
    changes: tuple[Residue, ...],
    *,
    everything: bool = False,
) -> None:
    """Put back what lives in the session.

    `everything` resets the session's settings too: its transaction was lost.
    """
    for command in FORGET if everything else ():
        session.run(command)
    kinds = {change.kind for change in changes}
    for kind, command in PUT_BACK.items():
        if kind in kinds:
            session.run(command)
    for change in changes:
        if change.kind == "prepared statement":
            session.run(f"DEALLOCATE {quoted(change.object)}".encode())


def remove(session: GuardedSession, shared: tuple[Residue, ...]) -> None:
    """Remove what others could meet, as far as the check role may."""
    for left in shared:
        with contextlib.suppress(Failed):
            session.run(_removal(left, session.clone))


def _removal(left: Residue, clone: GuardedClone) -> bytes:
    if left.kind == "prepared transaction":
        command = f"ROLLBACK PREPARED {literal(left.object)}"
    elif left.kind == "replication slot":
        command = f"SELECT pg_catalog.pg_drop_replication_slot({literal(left.object)})"
    else:
        pid = int(left.object.split()[1])
        command = acts.end_session_text(pid, clone.oid)
    return command.encode()
