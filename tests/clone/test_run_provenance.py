"""A run's look at where its clone comes from: quick, and never staler than its key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.ownership.marker import SURROGATE
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.provenance.run_provenance import Looking, judge_clone

CLONE_PATTERN = bundled().clone_pattern

Connection = psycopg.Connection[Any]
RULES = Rules(CLONE_PATTERN, parse_productions(("directus",)))
HASH = "$2b$12$" + "abcdefghijk" * 4 + "ABCDEFGHI"


@pytest.fixture
def own(fresh_database: str) -> Iterator[Connection]:
    """A database with a table of notes."""
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("CREATE TABLE note (note text)")
        yield connection


def plant(own: Connection, text: str) -> None:
    """Add a note."""
    own.execute("INSERT INTO note VALUES (%s)", [text])


def test_clone_of_ones_own_is_looked_at_in_every_run(own: Connection) -> None:
    """What came in since the last run is told by the next."""
    looking = Looking(RULES, bundled())
    assert judge_clone(own, looking)["secrets"].startswith("contains_secrets: NO (")
    plant(own, f"user {HASH}")
    told = judge_clone(own, looking)
    assert told["secrets"].startswith("contains_secrets: YES (password hash 1; ")
    assert HASH not in json.dumps(told)


def test_kept_scan_is_used_for_the_same_question_alone(
    own: Connection, tmp_path: Path
) -> None:
    """A kept scan answers again; another question, or a torn file, is looked into."""
    kept = tmp_path / "secrets.json"
    looking = Looking(RULES, bundled(), kept=kept)
    first = judge_clone(own, looking)["secrets"]
    plant(own, "see https://db7.directus-live.net/x")
    assert judge_clone(own, looking)["secrets"] == first
    more = Looking(RULES, bundled(), kept=kept, live_hosts=("db7.directus-live.net",))
    assert "YES (live host 2; " in judge_clone(own, more)["secrets"]
    kept.write_text("{")
    assert "YES (live host 1; " in judge_clone(own, looking)["secrets"]


def test_scan_that_cannot_be_kept_is_told_all_the_same(
    own: Connection, tmp_path: Path
) -> None:
    """A full or closed cache costs the next run a look, and this one nothing."""
    looking = Looking(RULES, bundled(), kept=tmp_path / "absent" / "secrets.json")
    assert judge_clone(own, looking)["secrets"].startswith("contains_secrets: NO (")


def test_allowed_finding_is_part_of_the_question(
    own: Connection, tmp_path: Path
) -> None:
    """What the allow-file names is no finding; a file without reasons is refused."""
    plant(own, f"user {HASH}")
    allow = tmp_path / "allow"
    allow.write_text("bcrypt public.note.note  # a test's own\n")
    looking = Looking(RULES, bundled(), allow=allow, kept=tmp_path / "secrets.json")
    assert judge_clone(own, looking)["secrets"].startswith("contains_secrets: NO (")
    allow.write_text("bcrypt public.note.note\n")
    with pytest.raises(SettingsError, match="line 1 is not"):
        judge_clone(own, looking)


def test_stand_in_is_known_by_what_it_carries(own: Connection) -> None:
    """The comment on its schema makes any copy of a stand-in a surrogate."""
    before = {
        o["code"] for o in judge_clone(own, Looking(RULES, bundled()))["objections"]
    }
    assert SURROGATE not in before
    own.execute(f"COMMENT ON SCHEMA public IS '{SURROGATE}'".encode())
    told = judge_clone(own, Looking(RULES, bundled()))
    assert SURROGATE in {o["code"] for o in told["objections"]}
    assert told["status"] == "READY_NOT_APPLIED"
