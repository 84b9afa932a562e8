"""How long a clone is kept, what room a copy has, and how sealed files are written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg.sql import SQL

from pytest_oneroof.clone.archive import _parsed
from pytest_oneroof.clone.expiry import is_expired, parse_expiry, told_expiry
from pytest_oneroof.clone.sealed_file import (
    NewFile,
    Sum,
    read_seal,
    remove_parts,
    require_seal,
)
from pytest_oneroof.clone.settings import Setting
from pytest_oneroof.clone.space import Room, require_room
from pytest_oneroof.clone.watch import Flow
from pytest_oneroof.errors import CloneError, SettingsError
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.postgres.tools import Tools
from pytest_oneroof.sealing.seal import SealBroken, check

NOW = datetime(2026, 6, 2, 12, tzinfo=UTC)


def marker(expires: str) -> Marker:
    """Return a marker with that expiry."""
    return Marker("n", "s", "c", "clone", "o", "r", expires=expires)


@pytest.mark.parametrize(
    ("text", "expected", "told"),
    [
        ("30m", "2026-06-02T12:30:00Z", "in 30 minutes"),
        ("12h", "2026-06-03T00:00:00Z", "in 12 hours"),
        ("7d", "2026-06-09T12:00:00Z", "in 7 days"),
        ("2w", "2026-06-16T12:00:00Z", "in 14 days"),
        ("2026-06-03", "2026-06-03T00:00:00Z", "in 12 hours"),
        ("2026-06-02T15:00:00+02:00", "2026-06-02T13:00:00Z", "in 1 hour"),
        ("never", "", "never"),
    ],
)
def test_reads_an_expiry(text: str, expected: str, told: str) -> None:
    """A span, a date, a time and 'never' are kept in UTC, and told in words."""
    expires = parse_expiry(text, NOW)
    assert expires == expected
    assert told_expiry(marker(expires), NOW) == told
    assert not is_expired(marker(expires), NOW)


@pytest.mark.parametrize(
    "text", ["", "7", "7y", "-1d", "0d", "tomorrow", "7d 2h", "9999-12-31T23:59-05:00"]
)
def test_refuses_what_is_no_expiry(text: str) -> None:
    """Anything else is refused, with the forms there are."""
    with pytest.raises(SettingsError) as refused:
        parse_expiry(text, NOW)
    assert str(refused.value) == (
        f"an expiry is 30m, 12h, 7d, 2w, a date, a time or 'never', given: {text!r}"
    )


def test_an_expiry_comes_to_its_end() -> None:
    """At its moment a clone is expired; an expiry that nobody can read never comes."""
    assert is_expired(marker("2026-06-02T12:00:00Z"), NOW)
    assert told_expiry(marker("2026-06-02T12:00:00Z"), NOW) == "expired"
    assert not is_expired(marker("2026-06-02T12:00:01Z"), NOW)
    assert not is_expired(marker("soon"), NOW)


def test_room_is_required_where_it_is_known() -> None:
    """Too little room is refused with both figures; unknown room is said to be so."""
    require_room(Room(100 * 2**20, 100 * 2**20), "a copy")
    with pytest.raises(CloneError) as refused:
        require_room(Room(2000 * 2**20, 1999 * 2**20), "a copy of 'x'")
    assert str(refused.value).startswith(
        "no room for a copy of 'x': it needs 2,000 MB, 1,999 MB are free\n"
        "nothing was created"
    )
    require_room(Room(2**50, None), "a copy")
    assert str(Room(2**30, None)).startswith("disk: needs 1,024 MB; free space unknown")


def test_a_flow_tells_its_rate() -> None:
    """Size, time and rate stand in one line."""
    assert str(Flow(50 * 2**20, 2.0)) == "50.0 MB in 2.0 s (25 MB/s)"
    assert str(Flow(0, 0.0)) == "0.0 MB in 0.0 s (0 MB/s)"


def write(file: Path, records: Path, data: bytes) -> Path:
    """Write a file with its seal; return the seal."""
    with NewFile(file, records) as new:
        total = Sum(new.write)
        total.add(data)
        return new.finish(total.entry(file.name), {"database_bytes": 7})


def test_a_sealed_file_holds_by_every_reader(tmp_path: Path) -> None:
    """The seal is one that `oneroof seal check` reads too, and carries its facts."""
    file = tmp_path / "a.dump"
    seal = write(file, tmp_path / "records", b"x" * 1000)
    entry, facts = read_seal(file)
    assert (entry.path, entry.size, facts["database_bytes"]) == ("a.dump", 1000, "7")
    counted: list[int] = []
    require_seal(file, entry, counted.append)
    assert sum(counted) == 1000
    assert check(seal, tmp_path).holds
    file.write_bytes(b"x" * 999 + b"y")
    with pytest.raises(SealBroken, match=r"SHA256_MISMATCH a\.dump: expected "):
        require_seal(file, entry, counted.append)
    assert not check(seal, tmp_path).holds


def test_a_file_that_fails_is_not_there(tmp_path: Path) -> None:
    """Neither file nor part nor record stays when writing fails."""
    file, records = tmp_path / "a.dump", tmp_path / "records"

    def interrupted() -> None:
        with NewFile(file, records) as new:
            new.write(b"some")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.glob("a*")) == []
    assert remove_parts(records) == []


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    """What appeared under the name while the part was written stays as it is."""
    file = tmp_path / "a.dump"
    with NewFile(file, tmp_path / "records") as new:
        total = Sum(new.write)
        total.add(b"new")
        file.write_bytes(b"old")
        with pytest.raises(SettingsError, match="exists already: nothing was written"):
            new.finish(total.entry(file.name), {})
    assert file.read_bytes() == b"old"
    assert not (tmp_path / "a.dump.sha256").exists()


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    """A second snapshot to a file that is being written is refused; gc leaves it."""
    file, records = tmp_path / "a.dump", tmp_path / "records"
    with NewFile(file, records) as new:
        with pytest.raises(CloneError, match="another snapshot is being written to"):
            write(file, records, b"other")
        assert remove_parts(records) == []
        new.write(b"mine")
        assert (tmp_path / "a.dump.part").read_bytes() == b"mine"


def test_a_dump_says_how_its_database_was_made() -> None:
    """Locale, settings and marker are read; a tablespace is not taken over."""
    text = (
        "CREATE DATABASE \"a b\" WITH TEMPLATE = template0 ENCODING = 'UTF8'"
        " LOCALE_PROVIDER = icu LOCALE = 'C' ICU_LOCALE = 'de-DE' TABLESPACE = fast;\n"
        "ALTER DATABASE \"a b\" SET work_mem TO '5MB';\n"
        'ALTER ROLE "Ann" IN DATABASE "a b" SET "app.x" TO \'\', \'y\';\n'
        'COMMENT ON DATABASE "a b" IS \'pytest-oneroof clone {"nonce": "n",'
        ' "source": "it\'\'s", "created": "c", "kind": "clone", "owner": "o",'
        ' "role": "r"}\';\n'
    )
    header = _parsed(text, Tools(Path("/"), 16, 1))
    assert header.database == "a b"
    assert header.locale == (
        " ENCODING = 'UTF8' LOCALE_PROVIDER = icu LOCALE = 'C' ICU_LOCALE = 'de-DE'"
    )
    assert header.settings == (
        Setting("", "work_mem", SQL("'5MB'")),
        Setting("Ann", "app.x", SQL("'', 'y'")),
    )
    assert header.marker is not None
    assert header.marker.source == "it's"
