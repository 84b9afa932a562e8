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
SHORT = ledger.SHORT_FIELDS


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
        "settings",
        "prepared_statements",
        "prepared_transactions",
        "slots",
        "sessions",
        "sessions_ever",
        "advisory_locks",
        "listeners",
        "cursors",
        "temporary",
    ]
    assert len(names) == COLUMNS
    idle = {"snapshot": b"100:100:", "sessions": b"{}", "sessions_ever": b"4"}
    return tuple({**dict.fromkeys(names), **idle, **columns}.values())


class Result:
    """A raw result of one row."""

    def __init__(self, *values: bytes | None) -> None:
        self.values = values
        self.nfields = len(values)

    def get_value(self, row: int, column: int) -> bytes | None:
        """Return a value of that row."""
        assert row == 0
        return self.values[column]


@pytest.mark.parametrize(
    ("begin", "own", "given"),
    [
        ("7:9:", (), "'{}', 9"),
        ("7:9:7,8", (), "'{7,8}', 9"),
        ("7:9:", (12,), "'{12}', 9"),
        ("7:9:7,8", (12, 14), "'{12,14,7,8}', 9"),
    ],
)
def test_window_begins_at_the_snapshot(
    begin: str, own: tuple[int, ...], given: str
) -> None:
    """What was open then and what came since is asked for; the check's ids first."""
    text = f"SELECT * FROM oneroof.exit({given}, ARRAY[]::text[])"
    assert ledger.Exit(begin, own).text() == text.encode()


@pytest.mark.parametrize(
    ("physical", "state"),
    [(None, ""), (False, ", oneroof.state(false)"), (True, ", oneroof.state(true)")],
)
def test_whole_query_asks_for_the_session_too(
    physical: bool | None,  # noqa: FBT001 - a parameter of the test
    state: str,
) -> None:
    """Only where the transaction was not proved to be the check's own."""
    text = ledger.Exit("7:9:", physical=physical).text().decode()
    assert text == f"SELECT * FROM oneroof.exit('{{}}', 9, ARRAY[]::text[]){state}"


def test_names_of_settings_are_literals() -> None:
    """Whatever a setting is called, in a fixed order."""
    text = ledger.Exit("7:9:", names=frozenset({"b.it's", "a.b"})).text()
    assert b"ARRAY['a.b','b.it''s']::text[]" in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((b"17", b"{4,25}", b"f"), ledger.Locks(17, frozenset({4, 25}), False)),
        ((b"17", b"{}", b"t"), ledger.Locks(17, frozenset(), True)),
        ((None, None, None), ledger.Locks(0, frozenset(), False)),
    ],
)
def test_reads_what_locks_tell(
    values: tuple[bytes | None, ...], expected: ledger.Locks
) -> None:
    """Without an id, or without locks, there is neither."""
    assert ledger.as_locks(Result(*values)) == expected


@pytest.mark.parametrize(
    ("found", "committed"),
    [
        ((), False),
        (("5:aborted",), False),
        (("5:in progress",), False),
        (("5:?",), False),
        (("6:committed",), False),
        (("6:committed", "5:committed"), True),
    ],
)
def test_tells_whether_the_check_committed(
    found: tuple[str, ...], *, committed: bool
) -> None:
    """By the status of its own ids alone."""
    now = row(suspects=array(*found))
    assert ledger.has_committed(now, (4, 5)) is committed


@given(st.sets(st.integers(3, 50)), st.integers(51, 99), st.integers(0, 500))
def test_counts_the_ids_of_a_window(opened: set[int], xmax: int, later: int) -> None:
    """A window holds the ids open at its begin, and those assigned since."""
    ids = ",".join(map(str, sorted(opened)))
    before = f"{min(opened, default=xmax)}:{xmax}:{ids}"
    after = f"{xmax + later}:{xmax + later}:"
    assert ledger.count_ids(before, after) == len(opened) + later


def test_short_row_keeps_what_it_does_not_read() -> None:
    """The short query's row is filled up from the state before."""
    values = (b"200:200:", b"{150:committed}", b"{a.b}", b"{q}")
    assert len(values) == SHORT
    before = row(sessions=array("7:app"), listeners=array("c"), settings=b"{x.y}")
    expected = row(
        snapshot=b"200:200:",
        suspects=b"{150:committed}",
        settings=b"{a.b}",
        sessions=array("7:app"),
        prepared_statements=b"{q}",
        listeners=array("c"),
    )
    assert ledger.as_row(Result(*values), before) == expected
    assert ledger.settings(expected) == {"a.b"}


def test_whole_row_is_taken_as_it_is() -> None:
    """A row of the whole query is not mixed with the state before."""
    values = row(snapshot=b"200:200:", sessions=array("9:ops"))
    assert ledger.as_row(Result(*values)) == values
    assert ledger.as_row(Result(*values), row(listeners=array("c"))) == values


@pytest.mark.parametrize("column", ["snapshot", "sessions_ever"])
def test_a_missing_figure_is_an_error(column: str) -> None:
    """A NULL where the query gives none is never taken for nothing found."""
    with pytest.raises(AssertionError):
        ledger.to_state(row(**{column: None}))


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
    )
    assert state.snapshot == "100:100:"
    assert state.suspects == ((5, "committed"), (6, "in progress"), (7, None))
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
    state = ledger.to_state(row())
    assert state.suspects == ()
    assert (state.sessions, state.listeners) == ({}, frozenset())


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"snapshot": b"200:200:", "suspects": array("150:committed")}, True),
        ({"settings": array("a.b")}, True),
        ({"sessions_ever": b"5"}, False),
        ({"prepared_statements": array("q")}, False),
        ({"listeners": array("c")}, False),
        ({"temporary": array("r t")}, False),
        ({"prepared_transactions": array("x")}, False),
    ],
)
def test_tells_what_moved_between_rows(
    changes: dict[str, bytes], *, same: bool
) -> None:
    """Rows that differ in ids and settings alone are told by their bytes."""
    assert ledger.same_but_ids(row(), row(**changes)) is same


@given(st.lists(TEXTS, max_size=5))
def test_reads_names_of_any_kind(names: list[str]) -> None:
    """Names with quotes, commas, braces and backslashes come through whole."""
    state = ledger.to_state(row(listeners=array(*names) if names else None))
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
            state = ledger.to_state(row(cursors=written))
            assert state.cursors == {name, "x"}
