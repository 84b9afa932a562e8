"""Every way, tried by a check, and a check after it that looks at the clone.

Copied into an inner pytest project by `test_ways.py` and run there, on the closed
clone or, with the environment variable WAYS_OPEN, on an open one.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

import pytest
from all_ways import WAYS

OPEN = "WAYS_OPEN" in os.environ
CHOSEN = [way for way in WAYS.values() if way.open_clone == OPEN]
FIRST: dict[str, Any] = {}
TABLES = """
SELECT format('SELECT %L, count(*) FROM %s', c.oid::regclass, c.oid::regclass)
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND n.nspname IN ('public', 'iu_core')
 ORDER BY 1
"""
SEQUENCES = """
SELECT format('SELECT %L, last_value, is_called FROM %s',
              c.oid::regclass, c.oid::regclass)
  FROM pg_sequence AS q JOIN pg_class AS c ON c.oid = q.seqrelid
 WHERE has_sequence_privilege(q.seqrelid, 'SELECT') ORDER BY 1
"""
SESSION = """
SELECT ARRAY(SELECT name || '=' || setting FROM pg_settings
              WHERE source = 'session' ORDER BY name),
       ARRAY(SELECT name FROM pg_prepared_statements ORDER BY name),
       ARRAY(SELECT name FROM pg_cursors ORDER BY name),
       ARRAY(SELECT pg_listening_channels()),
       ARRAY(SELECT objid FROM pg_locks WHERE locktype = 'advisory'
                AND pid = pg_backend_pid() ORDER BY 1),
       ARRAY(SELECT gid FROM pg_prepared_xacts
              WHERE database = current_database() ORDER BY gid),
       ARRAY(SELECT relname::text FROM pg_class
              WHERE relnamespace = pg_my_temp_schema() ORDER BY 1),
       current_user = session_user,
       current_setting('app.left_behind', true),
       (SELECT count(*) FROM pg_class WHERE oid > 16384),
       (SELECT count(*) FROM pg_proc),
       (SELECT count(*) FROM pg_largeobject_metadata),
       (SELECT count(*) FROM pg_publication),
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())
"""


def figures(db: Any) -> dict[str, Any]:
    """Return what a check after it sees: rows, positions, and its session."""
    found = {}
    for query in (TABLES, SEQUENCES):
        parts = [text for (text,) in db.execute(query).fetchall()]
        found[query] = db.execute(" UNION ALL ".join(parts) + " ORDER BY 1").fetchall()
    return {**found, "session": db.execute(SESSION).fetchone()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each way its check, isolated as it asks for."""
    if "way" in metafunc.fixturenames:
        after = metafunc.function.__name__ == "test_after"
        marked = [
            pytest.param(
                way, id=way.id, marks=pytest.mark.oneroof(isolation=way.isolation)
            )
            for way in CHOSEN
            if not (after and way.stays)
        ]
        metafunc.parametrize("way", marked)


def test_first(oneroof_clone: Any) -> None:
    """The figures before all ways."""
    FIRST.update(figures(oneroof_clone))


@contextlib.contextmanager
def told(record_property: Any) -> Any:
    """Keep what is raised as properties of the item."""
    try:
        yield
    except Exception as error:
        record_property("raised", f"{type(error).__name__}: {error}")
        record_property("sqlstate", getattr(error, "sqlstate", None) or "")


def test_way(oneroof_clone: Any, way: Any, record_property: Any) -> None:
    """One way."""
    with told(record_property):
        way.run(oneroof_clone)


def test_after(oneroof_clone: Any, way: Any) -> None:
    """The check after it sees everything as it was before all ways."""
    now = figures(oneroof_clone)
    for part, value in now.items():
        moved = [(a, b) for a, b in zip(FIRST[part], value, strict=True) if a != b]
        assert not moved, (way.id, moved)
