"""What is shown of texts and URLs that hold a password."""

from __future__ import annotations

import logging
import pickle
import time

import pytest

from pytest_oneroof.redaction import Url, mask, redact, redact_message, redacted

SECRET = "s3cr3t"
RANDOM = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e"
SHOWN = {
    "postgresql://app:s3cr3t@db:5432/erp": "postgresql://app:***@db:5432/erp",
    "postgres://app:a%40s3cr3t@db/erp": "postgres://app:***@db/erp",
    "postgresql://app:s3cr3t:x@db/erp": "postgresql://app:***@db/erp",
    "postgresql://app:x@s3cr3t@db/erp": "postgresql://app:***@db/erp",
    "postgresql://app:x/s3cr3t@db/erp": "postgresql://app:***@db/erp",
    "postgresql://app:it's3cr3t\"@db": "postgresql://app:***@db",
    "postgresql://:s3cr3t@/erp?host=/tmp": "postgresql://:***@/erp?host=/tmp",
    "postgresql://db/erp?user=app&password=s3cr3t&port=1":
        "postgresql://db/erp?user=app&password=***&port=1",
    "postgresql+psycopg://a:s3cr3t@h/d": "postgresql+psycopg://a:***@h/d",
    "host=db password=s3cr3t dbname=erp": "host=db password=*** dbname=erp",
    "host=db password=a,b;s3cr3t)&x dbname=erp": "host=db password=*** dbname=erp",
    "password='s3 \\' s3cr3t' host=db": "password=*** host=db",
    "PASSWORD = s3cr3t": "PASSWORD = ***",
    "sslpassword=s3cr3t": "sslpassword=***",
    "PGPASSWORD=s3cr3t psql": "PGPASSWORD=*** psql",
    "passfile=/root/s3cr3t": "passfile=***",
    "two: postgresql://a:s3cr3t@b and c://d:s3cr3t@e":
        "two: postgresql://a:***@b and c://d:***@e",
    "CREATE ROLE a LOGIN PASSWORD 's3cr3t' VALID UNTIL 'x'":
        "CREATE ROLE a LOGIN PASSWORD *** VALID UNTIL 'x'",
    "ALTER ROLE a PASSWORD E'it''s3cr3t'": "ALTER ROLE a PASSWORD ***",
    "ALTER ROLE a PASSWORD $x$a s3cr3t$x$": "ALTER ROLE a PASSWORD ***",
    "OPTIONS (user 'u', password 's3cr3t')": "OPTIONS (user 'u', password ***)",
    "a statement cut off: PASSWORD 'a long s3cr3t": "a statement cut off: PASSWORD ***",
    '{"reader_password": "s3cr3t", "port": 1}': '{"reader_password": ***, "port": 1}',
    "{'password': 's3cr3t'}": "{'password': ***}",
}  # fmt: skip
ORDINARY = [
    "postgresql://app@db/erp",
    "postgresql:///erp?host=/tmp&port=5433",
    "mail app@db",
    'FATAL:  password authentication failed for user "app"',
    "password_encryption = scram-sha-256",
    "tokens not looked for",
]


@pytest.mark.parametrize("text", SHOWN)
def test_shows_no_password(text: str) -> None:
    """Wherever a password stands in URL, connection string or SQL, *** stands there."""
    assert redact(text) == SHOWN[text]
    assert redact(redact(text)) == SHOWN[text]


@pytest.mark.parametrize("text", ORDINARY)
def test_leaves_other_texts_alone(text: str) -> None:
    """What holds no password is shown as it is."""
    assert redact(text) == text


def test_values_of_any_depth_are_redacted() -> None:
    """Lists and mappings are gone through; other values stay as they are."""
    given = {"a": ["postgresql://a:s3cr3t@h", 1, None], "b": ({"c": "PASSWORD 's'"},)}
    shown = {"a": ["postgresql://a:***@h", 1, None], "b": [{"c": "PASSWORD ***"}]}
    assert redacted(given) == shown


def test_a_long_text_is_read_in_a_moment() -> None:
    """A text of half a megabyte without end costs no more than its length."""
    started = time.process_time()
    for piece in ("a://b:", "password", "'", "x@y:", "$$"):
        redact(piece * (500_000 // len(piece)))
    assert time.process_time() - started < 20


def test_what_a_driver_quotes_of_a_password_is_hidden() -> None:
    """libpq takes an unescaped slash for the end of host and port, and quotes them."""
    said = 'invalid integer value "s3" for connection option "port"'
    shown = redact_message(said, "postgresql://app:s3/cr3t@h/d")
    assert shown == 'invalid integer value "***" for connection option "port"'


def test_a_url_connects_whole_and_shows_itself_without_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As str it is complete; repr, also of what is derived, logged, pickled, is not."""
    url = Url(f"postgresql://app:{SECRET}@h/d")
    assert str(url) == f"postgresql://app:{SECRET}@h/d"
    derived = url.replace("postgresql", "postgresql+psycopg") + "?sslmode=require"
    again = pickle.loads(pickle.dumps(url))
    for shown in (url, derived, again, [url], {"url": url}):
        assert SECRET not in repr(shown)
    logging.getLogger("app").warning("connecting to %r", url)
    assert "app:***@h" in caplog.text
    assert SECRET not in caplog.text


def test_a_long_password_is_masked_wherever_it_stands() -> None:
    """A random one is no ordinary word; a short one could be, and is left alone."""
    Url(f"postgresql://app:{RANDOM}@h/d")
    Url("postgresql://app:public@h/d")
    assert mask(f"the password is {RANDOM}, in schema public") == (
        "the password is ***, in schema public"
    )
