"""The exit query: one round trip that reads all that can outlive a rollback.

Prepared once per session. The status of every transaction id between two
snapshots (manual, 9.27.8: pg_xact_status) costs the number of ids, whatever the
size of the database.
"""

from __future__ import annotations

import json
from typing import Any

from pytest_oneroof.clone.residue import State

NAME = "oneroof_exit"
LISTED = 200

# %(slots)s: physical slots belong to the whole server; they count only where the
# check role could make one. OFFSET 0 keeps each id's status from being read twice.
# After a crash the server may not have got as far as an id of the window's begin.
PREPARE = """
PREPARE {name} (bigint[], bigint) AS
WITH s AS MATERIALIZED (SELECT pg_catalog.pg_current_snapshot() AS snapshot),
suspects AS (
  SELECT x, status FROM (
    SELECT x, pg_catalog.pg_xact_status(x::text::xid8) AS status
      FROM (SELECT u.x
              FROM s, pg_catalog.unnest($1) AS u (x)
             WHERE u.x < pg_catalog.pg_snapshot_xmax(s.snapshot)::text::bigint
            UNION ALL
            SELECT pg_catalog.generate_series(
                     $2, pg_catalog.pg_snapshot_xmax(s.snapshot)::text::bigint - 1)
              FROM s) AS w (x)
    OFFSET 0) AS q
   WHERE status IS DISTINCT FROM 'aborted'
   LIMIT {listed})
SELECT (SELECT snapshot::text FROM s),
       (SELECT pg_catalog.array_agg(x::text || ':' || coalesce(status, '?'))
          FROM suspects),
       (SELECT pg_catalog.array_agg({last_value} ORDER BY q.seqrelid)
          FROM pg_catalog.pg_sequence AS q),
       (SELECT pg_catalog.array_agg(gid ORDER BY gid)
          FROM pg_catalog.pg_prepared_xacts
         WHERE database = pg_catalog.current_database()),
       (SELECT pg_catalog.array_agg(slot_name ORDER BY slot_name)
          FROM pg_catalog.pg_replication_slots
         WHERE database = pg_catalog.current_database()
            OR ({physical} AND slot_type = 'physical')),
       (SELECT pg_catalog.array_agg(
                 a.pid || ':' || pg_catalog.pg_get_userbyid(a.usesysid) ORDER BY a.pid)
          FROM pg_catalog.pg_stat_get_activity(NULL) AS a
         WHERE a.datid = {oid} AND a.usesysid IS NOT NULL
           AND a.pid <> pg_catalog.pg_backend_pid()
           AND a.leader_pid IS DISTINCT FROM pg_catalog.pg_backend_pid()),
       pg_catalog.pg_stat_get_db_sessions({oid}),
       (SELECT pg_catalog.array_agg(l.classid || '/' || l.objid || '/' || l.objsubid
                                    || ' ' || l.mode
                                    ORDER BY l.classid, l.objid, l.objsubid, l.mode)
          FROM pg_catalog.pg_locks AS l
         WHERE l.locktype = 'advisory' AND l.pid = pg_catalog.pg_backend_pid()),
       (SELECT pg_catalog.array_agg(p.name ORDER BY p.name)
          FROM pg_catalog.pg_prepared_statements AS p WHERE p.name <> '{name}'),
       (SELECT pg_catalog.array_agg(c ORDER BY c)
          FROM pg_catalog.pg_listening_channels() AS c),
       (SELECT pg_catalog.array_agg(c.name ORDER BY c.name)
          FROM pg_catalog.pg_cursors AS c),
       (SELECT pg_catalog.array_agg(c.relkind::text || ' ' || c.relname
                                    ORDER BY c.relname)
          FROM pg_catalog.pg_class AS c
         WHERE c.relnamespace = pg_catalog.pg_my_temp_schema()
           AND c.relkind <> 'i')
"""
# USAGE alone lets a check advance a sequence, SELECT alone lets it be read whole.
SEQUENCES = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname),
       pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT'),
       pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT, USAGE')
  FROM pg_catalog.pg_sequence AS q
  JOIN pg_catalog.pg_class AS c ON c.oid = q.seqrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 ORDER BY q.seqrelid
"""

# Column of the exit query -> attribute of State, for the plain lists.
_LISTS = {
    3: "prepared_transactions",
    4: "slots",
    7: "advisory_locks",
    8: "prepared_statements",
    9: "listeners",
    10: "cursors",
    11: "temporary",
}

SEQUENCES_AT = 2
SESSIONS = 5
SESSIONS_EVER = 6

Row = tuple[bytes | None, ...]


def prepare_text(oid: int, *, physical_slots: bool, all_readable: bool) -> str:
    """Return the PREPARE of the exit query for one clone.

    Without a right to read every sequence's position the query asks for it
    first, as pg_sequence_last_value raises otherwise.
    """
    last_value = "pg_catalog.pg_sequence_last_value(q.seqrelid)"
    if not all_readable:
        asked = "pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT, USAGE')"
        last_value = f"CASE WHEN {asked} THEN {last_value} END"
    return PREPARE.format(
        name=NAME,
        listed=LISTED,
        oid=oid,
        last_value=last_value,
        physical="true" if physical_slots else "false",
    )


def execute_text(begin: str, own: int | None = None) -> bytes:
    """Return the EXECUTE whose window begins at that snapshot.

    The status of `own`, the check's transaction id, is listed first: it is told
    however many ids others have committed.
    """
    _, xmax, open_ids = begin.split(":")
    ids = open_ids if own is None else f"{own},{open_ids}".rstrip(",")
    return f"EXECUTE {NAME}('{{{ids}}}', {xmax})".encode()


def count_ids(before: str, after: str) -> int:
    """Return how many transaction ids the window between two snapshots has."""
    _, first, open_ids = before.split(":")
    still_open = len(open_ids.split(",")) if open_ids else 0
    return int(after.split(":")[1]) - int(first) + still_open


def same_but_ids(before: Row, after: Row) -> bool:
    """Tell whether nothing but transaction ids moved between two rows."""
    return before[SEQUENCES_AT:] == after[SEQUENCES_AT:]


def same_but_sequences(before: Row, after: Row) -> bool:
    """Tell whether at most ids and sequences moved between two rows."""
    return before[SEQUENCES_AT + 1 :] == after[SEQUENCES_AT + 1 :]


def positions(row: Row, names: list[str]) -> dict[str, int | None]:
    """Return the sequences' positions; `names` are the sequences, in order."""
    values = [None if p == "NULL" else int(p) for p in _array(row[SEQUENCES_AT])]
    return dict(zip(names, values, strict=False))


def snapshot(row: Row) -> str:
    """Return the snapshot in which the row was read."""
    return (row[0] or b"").decode()


def to_state(row: Row, names: list[str]) -> State:
    """Return the exit query's row as a State; `names` are the sequences, in order."""
    lists = {name: frozenset(_array(row[index])) for index, name in _LISTS.items()}
    sessions = (entry.partition(":") for entry in _array(row[SESSIONS]))
    return State(
        snapshot=snapshot(row),
        suspects=suspects(row),
        sequences=positions(row, names),
        sessions={int(pid): role for pid, _, role in sessions},
        sessions_ever=int(row[SESSIONS_EVER] or 0),
        **lists,
    )


def suspects(row: Row) -> tuple[tuple[int, str | None], ...]:
    """Return the ids that did not abort, with their status (None: not known)."""
    if row[1] is None:
        return ()
    pairs = (entry.partition(":") for entry in _array(row[1]))
    # Each once: the check's own id stands in the window too.
    return tuple({int(i): None if s == "?" else s for i, _, s in pairs}.items())


def _array(value: bytes | None) -> list[str]:
    """Return the elements of a one-dimensional array literal (manual, 8.15.6)."""
    if value is None:
        return []
    parts: list[str] = []
    text = value.decode()[1:-1]
    while text:
        if text[0] == '"':
            element, end = json.JSONDecoder(strict=False).raw_decode(text)
        else:
            end = text.find(",") if "," in text else len(text)
            element = text[:end]
        parts.append(element)
        text = text[end + 1 :]
    return parts


def as_row(result: Any) -> Row:
    """Return the one row of a raw result."""
    return tuple(result.get_value(0, column) for column in range(result.nfields))
