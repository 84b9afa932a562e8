"""What writing a table sets off, read from bodies and definitions."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_oneroof.pack import bundled
from pytest_oneroof.run import suites as shipped


@pytest.fixture(scope="module")
def reach() -> Any:
    """The module of the shipped suites that walks the catalogs."""
    shipped.load(bundled(), "events")
    import pytest_oneroof.suites.reach as module  # type: ignore[import-not-found]

    return module


def routines(reach: Any, *bodies: tuple[str, str], language: str = "plpgsql") -> Any:
    """Return routines of these names and bodies: on public.a, on public.b, on none."""
    made = [
        reach.Routine(number, f"public.{name}", language, body, None)
        for number, (name, body) in enumerate(bodies, 1)
    ]
    first = reach.Attached("public.a", "trigger", "t", True, "", 1)
    other = reach.Attached("public.b", "trigger", "u", True, "", 2)
    return reach.Routines({r.oid: r for r in made}, (first, other))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("BEGIN PERFORM pg_notify('c', 'x'); END", True),
        ("BEGIN PERFORM pg_catalog.pg_notify('c', 'x'); END", True),
        ("BEGIN IF true THEN NOTIFY c; END IF; END", True),
        ("BEGIN EXECUTE 'NOTIFY c'; END", True),
        ("BEGIN -- pg_notify('c')\n NEW.notify := true; RETURN NEW; END", False),
        ("BEGIN RAISE NOTICE 'pg_notify(1)'; END", False),
    ],
)
def test_notification(reach: Any, body: str, *, found: bool) -> None:
    """A notification is seen however it is written, and not in a comment or string."""
    told = reach.reach_of(routines(reach, ("f", body)), ["public.a"])
    assert (told.notifies == {"public.f"}) is found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("BEGIN EXECUTE 'SELECT 1'; END", False),
        ("BEGIN EXECUTE 'SELECT $1' USING NEW.a; END", False),
        ("BEGIN EXECUTE 'SELECT ' || NEW.a; END", True),
        ("BEGIN EXECUTE format('%s', NEW.a); END", True),
        ("BEGIN FOR r IN EXECUTE query LOOP NULL; END LOOP; END", True),
    ],
)
def test_text_built_at_run_time(reach: Any, body: str, *, found: bool) -> None:
    """Text that is put together at run time is told, fixed text is read."""
    told = reach.reach_of(routines(reach, ("f", body)), ["public.a"])
    assert bool(told.leads_out) is found


@pytest.mark.parametrize(
    "writes",
    [
        "INSERT INTO b (x) VALUES (1);",
        "INSERT INTO public.b SELECT 1;",
        "UPDATE ONLY b SET x = 1;",
        "DELETE FROM public.b;",
        "WITH w AS (DELETE FROM b RETURNING 1) SELECT count(*) INTO n FROM w;",
        "MERGE INTO b USING c ON true WHEN MATCHED THEN DO NOTHING;",
    ],
)
def test_tables_written_are_followed(reach: Any, writes: str) -> None:
    """The triggers of a table that a routine writes are reached too."""
    known = routines(
        reach,
        ("f", f"BEGIN {writes} END"),
        ("g", "BEGIN PERFORM pg_notify('c', 'x'); END"),
    )
    assert reach.reach_of(known, ["public.a"]).notifies == {"public.g"}
    assert reach.writers_of(known, "public.b") == ["public.f"]


def test_tables_read_are_not_followed(reach: Any) -> None:
    """Reading a table sets nothing off."""
    known = routines(
        reach,
        ("f", "BEGIN SELECT x INTO n FROM b FOR UPDATE; END"),
        ("g", "BEGIN PERFORM pg_notify('c', 'x'); END"),
    )
    told = reach.reach_of(known, ["public.a"])
    assert told.relations == {"public.a"}
    assert not told.notifies


def test_event_triggers_are_reached_by_ddl(reach: Any) -> None:
    """With event triggers asked for, what any DDL sets off is reached."""
    known = routines(reach, ("f", "BEGIN PERFORM pg_notify('c', 'x'); END"))
    on_ddl = reach.Attached("", "event trigger", "e", True, "", 1)
    known = reach.Routines(known.by_oid, (on_ddl,))
    assert not reach.reach_of(known, ["public.a"]).notifies
    told = reach.reach_of(known, ["public.a"], event_triggers=True)
    assert told.notifies == {"public.f"}


def test_unreadable_language_leads_out(reach: Any) -> None:
    """A routine in another language than SQL or PL/pgSQL cannot be read."""
    known = routines(reach, ("f", "import os"), language="plpython3u")
    told = reach.reach_of(known, ["public.a"])
    assert told.leads_out == {"public.f is in language plpython3u"}


def test_recursion_ends(reach: Any) -> None:
    """Routines that call each other, and tables that write each other, end."""
    known = routines(
        reach,
        ("f", "BEGIN PERFORM g(); INSERT INTO b VALUES (1); END"),
        ("g", "BEGIN PERFORM f(); INSERT INTO a VALUES (1); END"),
    )
    told = reach.reach_of(known, ["public.a"])
    assert told.routines == {"public.f", "public.g"}
    assert told.relations == {"public.a", "public.b"}
