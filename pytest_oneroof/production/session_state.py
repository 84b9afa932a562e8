"""What of the channel's session a check has moved: read before and after it, compared.

A rollback undoes no advisory lock, and what bounds the check (timeouts, mode) would
bound it no more if it could be changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# A search_path of the database's own could put operators and types of its own before
# those that are meant.
QUERY = b"""
SELECT pg_catalog.transaction_timestamp()::pg_catalog.text,
       pg_catalog.current_setting('transaction_read_only'),
       pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text,
       (SELECT pg_catalog.jsonb_object_agg(s.name, s.setting)
          FROM pg_catalog.pg_settings AS s
         WHERE s.source OPERATOR(pg_catalog.=) 'session'),
       pg_catalog.jsonb_build_object(
         'role', pg_catalog.current_setting('role'),
         'session_authorization', session_user::pg_catalog.text),
       (SELECT pg_catalog.jsonb_agg(pg_catalog.format(
                 '(%s, %s) of kind %s, %s', l.classid, l.objid, l.objsubid, l.mode))
          FROM pg_catalog.pg_locks AS l
         WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory'
           AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()),
       (SELECT pg_catalog.jsonb_agg(c) FROM pg_catalog.pg_listening_channels() AS c)
"""


@dataclass(frozen=True)
class SessionState:
    """The transaction by its beginning, and what of the session can be moved."""

    began: str
    read_only: bool
    transaction_id: str | None
    settings: Mapping[str, str]
    locks: tuple[str, ...] = ()
    listening: tuple[str, ...] = ()


def read_state(result: Any) -> SessionState:
    """Return the state that a result of QUERY holds."""
    values = [result.get_value(0, column) for column in range(result.nfields)]
    began, mode, xid, moved, roles, locks, listening = (
        None if value is None else value.decode() for value in values
    )
    return SessionState(
        began=began or "",
        read_only=mode == "on",
        transaction_id=xid,
        settings=_mapping(moved) | _mapping(roles),
        locks=_names(locks),
        listening=_names(listening),
    )


def moved(before: SessionState, after: SessionState) -> Iterator[str]:
    """Yield what a check has left behind in its session, or moved while it ran."""
    if after.transaction_id is not None:
        yield f"production assigned it the transaction id {after.transaction_id}"
    yield from (f"it holds the advisory lock {lock}" for lock in after.locks)
    yield from (f"it listens on {name!r}" for name in after.listening)
    for name in sorted(before.settings.keys() | after.settings.keys()):
        was, now = (_shown(state.settings.get(name)) for state in (before, after))
        if was != now:
            yield f"it moved the setting {name}: {was} before, {now} after"


def _shown(value: str | None) -> str:
    return "as it was at login" if value is None else repr(value)


def _mapping(document: str | None) -> dict[str, str]:
    found: dict[str, str] = json.loads(document or "{}")
    return found


def _names(document: str | None) -> tuple[str, ...]:
    return tuple(json.loads(document or "[]"))
