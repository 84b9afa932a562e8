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
SHORT = "oneroof_exit_short"
LISTED = 200

# Measured part by part (docs/benchmarks.md). The functions below pg_prepared_xacts,
# pg_replication_slots, pg_prepared_statements and pg_cursors save their views' joins
# and row types; lists are compared as sets, so that order matters for sequences only.
# The series ends in a sub-select, so that its estimate is the same with and without
# the parameter's value: otherwise the server plans the whole query at every call.
# After a crash the server may not have got as far as an id of the window's begin.
XMAX = """(SELECT pg_catalog.pg_snapshot_xmax(
                    pg_catalog.pg_current_snapshot())::text::bigint)"""
IDS = """
       pg_catalog.pg_current_snapshot()::text,
       ARRAY(
         SELECT x || ':' || coalesce(pg_catalog.pg_xact_status(x::text::xid8), '?')
           FROM (SELECT pg_catalog.unnest($1)
                 UNION ALL
                 SELECT pg_catalog.generate_series($2, {xmax} - 1)) AS w (x)
          WHERE x < {xmax}
            AND pg_catalog.pg_xact_status(x::text::xid8) IS DISTINCT FROM 'aborted'
          LIMIT {listed}),
       ARRAY(SELECT {last_value}
               FROM pg_catalog.pg_sequence AS q ORDER BY q.seqrelid)"""
STATEMENTS = """
       ARRAY(SELECT p.name FROM pg_catalog.pg_prepared_statement() AS p
              WHERE p.name NOT IN ('{name}', '{short}'))"""
PREPARE = """
PREPARE {name} (bigint[], bigint) AS
SELECT {ids},
       ARRAY(SELECT gid FROM pg_catalog.pg_prepared_xact() WHERE dbid = {oid}),
       ARRAY(SELECT slot_name FROM pg_catalog.pg_get_replication_slots()
              WHERE datoid = {oid} OR ({physical} AND slot_type = 'physical')),
       NULLIF(ARRAY(
         SELECT a.pid || ':' || pg_catalog.pg_get_userbyid(a.usesysid)
           FROM pg_catalog.pg_stat_get_activity(NULL) AS a
          WHERE a.datid = {oid} AND a.usesysid IS NOT NULL
            AND a.pid <> pg_catalog.pg_backend_pid()
            AND a.leader_pid IS DISTINCT FROM pg_catalog.pg_backend_pid()), '{{}}'),
       pg_catalog.pg_stat_get_db_sessions({oid}),
       ARRAY(
         SELECT l.classid || '/' || l.objid || '/' || l.objsubid || ' ' || l.mode
           FROM pg_catalog.pg_locks AS l
          WHERE l.locktype = 'advisory' AND l.pid = pg_catalog.pg_backend_pid()),
       {statements},
       ARRAY(SELECT pg_catalog.pg_listening_channels()),
       ARRAY(SELECT c.name FROM pg_catalog.pg_cursor() AS c),
       ARRAY(
         SELECT c.relkind::text || ' ' || c.relname
           FROM pg_catalog.pg_class AS c
          WHERE c.relnamespace = pg_catalog.pg_my_temp_schema()
            AND c.relkind <> 'i')
"""
# What a transaction that was rolled back whole can have moved in its own session, and
# on a clone closed to others: sequences, prepared statements and advisory locks. The
# rest of the state is rolled back with it. The locks are given back unread.
PREPARE_SHORT = """
PREPARE {short} (bigint[], bigint) AS
SELECT {ids},
       {statements},
       pg_catalog.pg_advisory_unlock_all()
"""
# By text or routine; those of the transaction end with it. What calls for one by a
# text put together at run time is not told, but its lock is given back as well.
LOCKING = "advisory_lock"
LOCKING_ROUTINES = f"""
SELECT EXISTS (SELECT FROM pg_catalog.pg_proc AS p
                WHERE p.pronamespace <> 'pg_catalog'::regnamespace
                  AND coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc)
                      ~* '{LOCKING}')
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
STATEMENTS_AT = 8
# Snapshot, ids, sequences, prepared statements, and locks given back.
SHORT_FIELDS = 5

Row = tuple[bytes | None, ...]


def prepare_texts(
    oid: int, *, physical_slots: bool, all_readable: bool
) -> dict[str, str]:
    """Return the PREPARE of each exit query for one clone, by its name.

    Without a right to read every sequence's position the queries ask for it
    first, as pg_sequence_last_value raises otherwise. Physical slots belong to the
    whole server; they count only where the check role could make one.
    """
    last_value = "pg_catalog.pg_sequence_last_value(q.seqrelid)"
    if not all_readable:
        asked = "pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT, USAGE')"
        last_value = f"CASE WHEN {asked} THEN {last_value} END"
    names = {"name": NAME, "short": SHORT}
    parts = {
        "ids": IDS.strip().format(listed=LISTED, last_value=last_value, xmax=XMAX),
        "statements": STATEMENTS.strip().format(**names),
    }
    physical = "true" if physical_slots else "false"
    return {
        NAME: PREPARE.format(oid=oid, physical=physical, **names, **parts),
        SHORT: PREPARE_SHORT.format(**names, **parts),
    }


def execute_text(begin: str, own: int | None = None, *, short: bool = False) -> bytes:
    """Return the EXECUTE whose window begins at that snapshot.

    The status of `own`, the check's transaction id, is listed first: it is told
    however many ids others have committed. The short query is for a transaction
    that is proved to have been the check's own.
    """
    _, xmax, open_ids = begin.split(":")
    ids = open_ids if own is None else f"{own},{open_ids}".removesuffix(",")
    return f"EXECUTE {SHORT if short else NAME}('{{{ids}}}', {xmax})".encode()


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


def with_sequences(row: Row, source: Row) -> Row:
    """Return a row with the sequences' positions of another."""
    return (*row[:SEQUENCES_AT], source[SEQUENCES_AT], *row[SEQUENCES_AT + 1 :])


def positions(row: Row, names: list[str]) -> dict[str, int | None]:
    """Return the sequences' positions; `names` are the sequences, in order."""
    found = _value(row, SEQUENCES_AT)[1:-1].split(b",")
    values = (None if value in (b"", b"NULL") else int(value) for value in found)
    return dict(zip(names, values, strict=False))


def snapshot(row: Row) -> str:
    """Return the snapshot in which the row was read."""
    return _value(row, 0).decode()


def to_state(row: Row, names: list[str]) -> State:
    """Return the exit query's row as a State; `names` are the sequences, in order."""
    lists = {name: frozenset(_array(row[index])) for index, name in _LISTS.items()}
    sessions = (entry.partition(":") for entry in _array(row[SESSIONS]))
    return State(
        snapshot=snapshot(row),
        suspects=suspects(row),
        sequences=positions(row, names),
        sessions={int(pid): role for pid, _, role in sessions},
        sessions_ever=int(_value(row, SESSIONS_EVER)),
        **lists,
    )


def suspects(row: Row) -> tuple[tuple[int, str | None], ...]:
    """Return the ids that did not abort, with their status (None: not known)."""
    pairs = (entry.split(":") for entry in _array(row[1]))
    # Each once: the check's own id stands in the window too.
    found = {int(i): None if s == "?" else s for i, s in pairs}
    # One may have ended between the query's two looks at it.
    return tuple((i, status) for i, status in found.items() if status != "aborted")


def _value(row: Row, column: int) -> bytes:
    value = row[column]
    # No NULL is taken for an empty or idle one: the query gives none there.
    assert value is not None
    return value


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


def as_row(result: Any, before: Row | None = None) -> Row:
    """Return the one row of a raw result.

    What the short query does not read is as it was in `before`.
    """
    row = tuple(result.get_value(0, column) for column in range(result.nfields))
    if before is None or len(row) != SHORT_FIELDS:
        return row
    kept = before[SEQUENCES_AT + 1 : STATEMENTS_AT]
    return (*row[:3], *kept, row[3], *before[STATEMENTS_AT + 1 :])
