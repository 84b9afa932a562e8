"""Refusals as they are shown: what, why, what instead, and which statement."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from pytest_oneroof.statements.policy import (
    Circumstances,
    Refusal,
    judge_guarded,
    read_only_refusal,
    rules,
)
from pytest_oneroof.statements.read import CACHED_CHARACTERS

READ = "write the check as one SELECT, VALUES, TABLE, SHOW or EXPLAIN"
GUARDED = [
    (
        "SAVEPOINT oneroof_x",
        "SAVEPOINT oneroof…: names that begin so are the proof's own",
        "take another name",
        "SAVEPOINT oneroof_x",
    ),
    (
        "SAVEPOINT a FROBNICATE; SELECT 1",
        "transaction control in text that cannot be parsed: its effect cannot be told",
        "send the part that cannot be parsed as a statement of its own",
        "SAVEPOINT a FROBNICATE",
    ),
    (
        "SELECT 1; SAVEPOINT a; ROLLBACK TO b",
        "ROLLBACK TO of a savepoint the check did not open: it may belong to the proof",
        "name a savepoint that this check has opened by SAVEPOINT, or open it first",
        "ROLLBACK TO b",
    ),
    (
        "COMMIT PREPARED 'x'",
        "COMMIT or ROLLBACK PREPARED: it ends a transaction that is not the check's",
        "@pytest.mark.oneroof(isolation='database') gives a throw-away database",
        "COMMIT PREPARED 'x'",
    ),
    (
        "CREATE USER MAPPING FOR a SERVER b OPTIONS (user 'u', password 'it''s it')",
        "CREATE USER MAPPING: it opens a path out of the clone that no rollback covers",
        "a local table or view of the same name in its place",
        "CREATE USER MAPPING FOR a SERVER b OPTIONS (user 'u', password ***)",
    ),
    (
        "SELECT dblink_connect('postgresql://u:secret@h/d')",
        "dblink_connect(): it works in a session of its own, out of the rollback's "
        "reach",
        "do it in the check's own transaction",
        "SELECT dblink_connect('postgresql://u:***@h/d')",
    ),
    (
        "CREATE TABLESPACE x LOCATION '/x'",
        "CREATE TABLESPACE: it acts on the server, beside the clone",
        "do it before the run, outside of the checks, and let the check read its "
        "effect",
        "CREATE TABLESPACE x LOCATION '/x'",
    ),
    (
        "DO LANGUAGE plperl 'x'",
        "code in language plperl: it can act outside of the database, unseen",
        "SQL, PL/pgSQL, or another trusted language",
        "DO LANGUAGE plperl 'x'",
    ),
    (
        "SELECT pg_switch_wal(), lo_export(1, '/x')",
        "lo_export(): it reads or writes a file of the server",
        "lo_from_bytea and lo_get, or psycopg's large objects",
        "SELECT pg_switch_wal(), lo_export(1, '/x')",
    ),
]
READ_ONLY = [
    ("", "text without a statement (read-only): it checks nothing", READ, ""),
    (
        "SELECT 1; SELECT 2; SELECT 3",
        "3 statements in one text (read-only): one at a time is read",
        READ,
        "SELECT 1; SELECT 2; SELECT 3",
    ),
    (
        "frobnicate t; SELECT 1",
        "text that cannot be parsed (read-only): what it does is unknown",
        f"{READ}, of at most 256 KB, in PostgreSQL's syntax",
        "frobnicate t",
    ),
    (
        "CREATE INDEX i ON t (a)",
        "CREATE INDEX (read-only): only SELECT, VALUES, TABLE, SHOW and EXPLAIN run "
        "there",
        READ,
        "CREATE INDEX i ON t (a)",
    ),
    (
        "EXPLAIN ANALYZE DELETE FROM t",
        "DELETE (read-only): it writes",
        "make it a check of the clone: leave out the marker readonly",
        "EXPLAIN ANALYZE DELETE FROM t",
    ),
    (
        "BEGIN",
        "BEGIN (read-only): the transaction and its mode are the channel's",
        "leave it out: every check reads in one READ ONLY, REPEATABLE READ transaction",
        "BEGIN",
    ),
    (
        "SELECT * FROM t FOR UPDATE",
        "SELECT … FOR UPDATE or SHARE (read-only): it locks rows",
        "leave out the locking clause",
        "SELECT * FROM t FOR UPDATE",
    ),
]


def guarded_refusal(text: str, **where: Any) -> Refusal | None:
    """Return why a text may not be sent in a guarded transaction."""
    return judge_guarded(text, Circumstances(**where)).refusal


def words(text: str) -> str:
    """Return a test's id: the words of the statement, message or remedy."""
    return "-".join(re.findall(r"[a-z]+", text.lower()))[:40] or "empty"


def shown(refusal: Refusal | None) -> tuple[str, str, str]:
    """Return what a refusal shows: message, remedy, statement."""
    assert refusal is not None
    assert refusal.rule in rules()
    return refusal.message, refusal.remedy, refusal.statement


@pytest.mark.parametrize(("text", "message", "remedy", "statement"), GUARDED, ids=words)
def test_guarded_refusal_is_shown_whole(
    text: str, message: str, remedy: str, statement: str
) -> None:
    """The first statement that is refused is shown, with reason and remedy."""
    expected = (f"refused {message}", remedy, statement)
    assert shown(guarded_refusal(text)) == expected


@pytest.mark.parametrize(
    ("text", "message", "remedy", "statement"), READ_ONLY, ids=words
)
def test_read_only_refusal_is_shown_whole(
    text: str, message: str, remedy: str, statement: str
) -> None:
    """On a production the message says that the channel is read-only."""
    expected = (f"refused {message}", remedy, statement)
    assert shown(read_only_refusal(text)) == expected


def test_rules_are_told_guarded_first() -> None:
    """Both policies' rules are there, the guarded ones before the others."""
    told = [rule.policy for rule in rules()]
    assert set(told) == {"guarded", "read-only"}
    assert told == sorted(told)


def test_savepoints_of_the_check_are_not_changed() -> None:
    """What a text opens is known within it, and forgotten for the next one."""
    opened = frozenset({"a"})
    text = "SAVEPOINT b; ROLLBACK TO b; RELEASE a"
    assert guarded_refusal(text, open_savepoints=opened) is None
    assert opened == {"a"}
    assert guarded_refusal("RELEASE b", open_savepoints=opened) is not None
    # The same text is judged anew for other savepoints.
    assert guarded_refusal(text) is not None


def test_only_large_refusals_are_made_again() -> None:
    """What may be read is remembered up to a size, so that memory stays bounded."""
    bound = CACHED_CHARACTERS - len("COMMIT --")
    largest = f"COMMIT --{'x' * bound}"
    larger = f"COMMIT --{'x' * bound}x"
    assert len(largest) == CACHED_CHARACTERS
    assert read_only_refusal(largest) is read_only_refusal(largest)
    assert read_only_refusal(larger) == read_only_refusal(larger)
    assert read_only_refusal(larger) is not read_only_refusal(larger)


def test_larger_texts_know_the_savepoints_too() -> None:
    """Of a text of any size the check's own savepoints are known."""
    text = f"RELEASE a --{'x' * CACHED_CHARACTERS}"
    assert guarded_refusal(text, open_savepoints=frozenset("a")) is None
    assert guarded_refusal(text) is not None


def test_a_long_word_is_masked_in_no_time() -> None:
    """A refused text of a hundred thousand letters costs milliseconds, not minutes."""
    before = time.process_time()
    refusal = guarded_refusal(f"COMMIT --{'x' * 100_000} postgresql://u:it@h/d")
    assert time.process_time() - before < 3
    assert refusal is not None
    assert refusal.statement.endswith("x postgresql://u:***@h/d")
