"""The exit query: its texts, and how its row is read."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof.check import ledger

NASTY = ["", "NULL", "null", 'a"b', "a\\b", "\\n", "a,b", "{a}", "a b", "ä€", "\n", "'"]
# PostgreSQL stores every character but NUL.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10)
COLUMNS = 12


def array(*elements: str) -> bytes:
    """Return an array literal as the server writes it (manual, 8.15.6)."""
    written = []
    for element in elements:
        plain = element and element.lower() != "null" and element.isalnum()
        escaped = element.replace("\\", "\\\\").replace('"', '\\"')
        written.append(element if plain else f'"{escaped}"')
    return ("{" + ",".join(written) + "}").encode()


def row(**columns: bytes | None) -> ledger.Row:
    """Return an exit row of an idle clone with some columns set."""
    names = [
        "snapshot",
        "suspects",
        "sequences",
        "prepared_transactions",
        "slots",
        "sessions",
        "sessions_ever",
        "advisory_locks",
        "prepared_statements",
        "listeners",
        "cursors",
        "temporary",
    ]
    assert len(names) == COLUMNS
    idle = {"snapshot": b"100:100:", "sequences": b"{5,NULL}", "sessions_ever": b"4"}
    return tuple({**dict.fromkeys(names), **idle, **columns}.values())


@pytest.mark.parametrize(
    ("begin", "own", "text"),
    [
        ("7:9:", None, "EXECUTE oneroof_exit('{}', 9)"),
        ("7:9:7,8", None, "EXECUTE oneroof_exit('{7,8}', 9)"),
        ("7:9:", 12, "EXECUTE oneroof_exit('{12}', 9)"),
        ("7:9:7,8", 12, "EXECUTE oneroof_exit('{12,7,8}', 9)"),
    ],
)
def test_window_begins_at_the_snapshot(begin: str, own: int | None, text: str) -> None:
    """What was open then and what came since is asked for; the check's id first."""
    assert ledger.execute_text(begin, own) == text.encode()
    short = text.replace("oneroof_exit", "oneroof_exit_short")
    assert ledger.execute_text(begin, own, short=True) == short.encode()


@given(st.sets(st.integers(3, 50)), st.integers(51, 99), st.integers(0, 500))
def test_counts_the_ids_of_a_window(opened: set[int], xmax: int, later: int) -> None:
    """A window holds the ids open at its begin, and those assigned since."""
    ids = ",".join(map(str, sorted(opened)))
    before = f"{min(opened, default=xmax)}:{xmax}:{ids}"
    after = f"{xmax + later}:{xmax + later}:"
    assert ledger.count_ids(before, after) == len(opened) + later


@pytest.mark.parametrize("name", [ledger.NAME, ledger.SHORT])
def test_reads_what_can_be(name: str) -> None:
    """Rights on sequences and physical slots are asked for where they matter."""
    usual = ledger.prepare_texts(7, physical_slots=False, all_readable=True)[name]
    other = ledger.prepare_texts(7, physical_slots=True, all_readable=False)[name]
    assert usual.strip().startswith(f"PREPARE {name} (bigint[], bigint) AS")
    position = "pg_catalog.pg_sequence_last_value(q.seqrelid)"
    asked = "pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT, USAGE')"
    assert f"ARRAY(SELECT {position}\n" in usual
    assert f"ARRAY(SELECT CASE WHEN {asked} THEN {position} END\n" in other
    assert f"generate_series($2, {ledger.XMAX} - 1)" in usual
    assert f"WHERE x < {ledger.XMAX}\n" in usual
    assert "LIMIT 200)" in usual
    whole = name == ledger.NAME
    assert ("(false AND slot_type = 'physical')" in usual) == whole
    assert ("(true AND slot_type = 'physical')" in other) == whole
    assert ("a.datid = 7 " in usual) == whole
    assert "{{" not in usual + other


def test_short_row_keeps_what_it_does_not_read() -> None:
    """The short query's row is filled up from the state before."""

    class Result:
        nfields = ledger.SHORT_FIELDS
        values = (b"200:200:", b"{150:committed}", b"{6,NULL}", b"{q}", b"")

        def get_value(self, row: int, column: int) -> bytes:
            assert row == 0
            return self.values[column]

    before = row(sessions=array("7:app"), listeners=array("c"))
    expected = row(
        snapshot=b"200:200:",
        suspects=b"{150:committed}",
        sequences=b"{6,NULL}",
        sessions=array("7:app"),
        prepared_statements=b"{q}",
        listeners=array("c"),
    )
    assert ledger.as_row(Result(), before) == expected


def test_whole_row_is_taken_as_it_is() -> None:
    """A row of the long query is not mixed with the state before."""

    class Result:
        nfields = COLUMNS
        values = row(snapshot=b"200:200:", sessions=array("9:ops"))

        def get_value(self, row: int, column: int) -> bytes | None:
            assert row == 0
            return self.values[column]

    assert ledger.as_row(Result()) == Result.values
    assert ledger.as_row(Result(), row(listeners=array("c"))) == Result.values


def test_takes_only_the_sequences_of_another_row() -> None:
    """Positions that were put back are replaced, and nothing else is."""
    now = row(snapshot=b"200:200:", sequences=b"{7,NULL}", listeners=array("c"))
    expected = row(snapshot=b"200:200:", sequences=b"{5,NULL}", listeners=array("c"))
    assert ledger.with_sequences(now, row()) == expected


def test_a_sequence_that_is_gone_has_no_position() -> None:
    """Where the server lists fewer sequences than there were, none is made up."""
    names = ["public.a", "public.b"]
    assert ledger.positions(row(sequences=b"{}"), names) == {"public.a": None}
    assert ledger.positions(row(sequences=b"{12}"), names) == {"public.a": 12}
    assert ledger.positions(row(sequences=b"{}"), []) == {}


@pytest.mark.parametrize("column", ["snapshot", "sequences", "sessions_ever"])
def test_a_missing_figure_is_an_error(column: str) -> None:
    """A NULL where the query gives none is never taken for nothing found."""
    with pytest.raises(AssertionError):
        ledger.to_state(row(**{column: None}), ["public.a"])


def test_an_id_that_aborted_meanwhile_is_no_suspect() -> None:
    """An id that was open at the query's first look and aborted at its second."""
    found = ledger.suspects(row(suspects=array("5:aborted", "6:committed")))
    assert found == ((6, "committed"),)


def test_reads_a_row_as_a_state() -> None:
    """Every column comes to its place."""
    state = ledger.to_state(
        row(
            suspects=array("5:committed", "6:in progress", "7:?", "5:committed"),
            prepared_transactions=array("x"),
            slots=array("s"),
            sessions=array("7:app", "9:a:b"),
            advisory_locks=array("0/42/1 ExclusiveLock"),
            prepared_statements=array("q"),
            listeners=array("c"),
            cursors=array("held"),
            temporary=array("r t"),
        ),
        ["public.a", "public.b"],
    )
    assert state.snapshot == "100:100:"
    assert state.suspects == ((5, "committed"), (6, "in progress"), (7, None))
    assert state.sequences == {"public.a": 5, "public.b": None}
    assert state.sessions == {7: "app", 9: "a:b"}
    assert state.sessions_ever == 4
    assert state.prepared_transactions == {"x"}
    assert state.slots == {"s"}
    assert state.advisory_locks == {"0/42/1 ExclusiveLock"}
    assert state.prepared_statements == {"q"}
    assert state.listeners == {"c"}
    assert state.cursors == {"held"}
    assert state.temporary == {"r t"}


def test_reads_an_idle_row() -> None:
    """Where there is nothing, the state has nothing."""
    state = ledger.to_state(row(), ["public.a", "public.b"])
    assert state.suspects == ()
    assert (state.sessions, state.listeners) == ({}, frozenset())


@pytest.mark.parametrize(
    ("changes", "but_ids", "but_sequences"),
    [
        ({}, True, True),
        ({"snapshot": b"200:200:", "suspects": array("150:committed")}, True, True),
        ({"sequences": b"{6,NULL}"}, False, True),
        ({"sessions_ever": b"5"}, False, False),
        ({"listeners": array("c")}, False, False),
        ({"temporary": array("r t")}, False, False),
        ({"prepared_transactions": array("x")}, False, False),
    ],
)
def test_tells_what_moved_between_rows(
    changes: dict[str, bytes], *, but_ids: bool, but_sequences: bool
) -> None:
    """Rows that differ in ids alone, or in ids and sequences, are told by bytes."""
    now = row(**changes)
    assert ledger.same_but_ids(row(), now) is but_ids
    assert ledger.same_but_sequences(row(), now) is but_sequences


@given(st.lists(TEXTS, max_size=5))
def test_reads_names_of_any_kind(names: list[str]) -> None:
    """Names with quotes, commas, braces and backslashes come through whole."""
    state = ledger.to_state(row(listeners=array(*names) if names else None), [])
    assert state.listeners == set(names)


def test_reads_names_as_the_server_writes_them(server_admin_url: str) -> None:
    """The same, by arrays that PostgreSQL itself has written."""
    with psycopg.connect(server_admin_url) as connection:
        for name in NASTY:
            found: Any = connection.execute(
                "SELECT convert_to(ARRAY[%s, 'x', %s]::text[]::text, 'UTF8')",
                [name, name],
            )
            (written,) = found.fetchone()
            state = ledger.to_state(row(cursors=written), [])
            assert state.cursors == {name, "x"}
