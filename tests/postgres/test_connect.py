"""Connections: URLs made, changed and shown without their secrets."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof.errors import ServerError
from pytest_oneroof.postgres.connect import (
    address,
    build_url,
    connect,
    parse,
    with_database,
)
from pytest_oneroof.redaction import redact

SECRET = "s3cr3t"
# What libpq takes in names and passwords: anything but NUL.
NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12
)
HOSTS = st.sampled_from(["localhost", "10.0.0.7", "db.example", "/run/pg", "/tmp/a b"])
PORTS = st.integers(1, 65535)


@given(NAMES, NAMES, HOSTS, PORTS, NAMES)
def test_url_holds_what_it_was_built_of(
    user: str, password: str, host: str, port: int, database: str
) -> None:
    """Names and passwords of any kind come back from the URL as they were."""
    url = build_url(
        user=user, password=password, host=host, port=port, database=database
    )
    assert parse(url) == {
        "user": user,
        "password": password,
        "host": host,
        "port": str(port),
        "dbname": database,
    }


@given(NAMES, st.from_regex(r"[0-9a-f]{16}", fullmatch=True), HOSTS, PORTS, NAMES)
def test_built_url_is_shown_without_its_password(
    user: str, password: str, host: str, port: int, database: str
) -> None:
    """What we build, we can show."""
    url = build_url(
        user=user, password=password, host=host, port=port, database=database
    )
    assert f":{password}@" not in redact(url)


@given(NAMES, NAMES, HOSTS, PORTS, NAMES, NAMES)
def test_another_database_changes_nothing_else(
    user: str, password: str, host: str, port: int, database: str, other: str
) -> None:
    """with_database replaces the name in URLs and connection strings alike."""
    url = build_url(
        user=user, password=password, host=host, port=port, database=database
    )
    expected = {**parse(url), "dbname": other}
    assert parse(with_database(url, other)) == expected
    pairs = psycopg.conninfo.make_conninfo(**parse(url))
    assert parse(with_database(pairs, other)) == expected


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        ("postgresql://db/erp?sslmode=require", "postgresql://db/x?sslmode=require"),
        ("postgresql:///?host=/tmp", "postgresql:///x?host=/tmp"),
        ("postgresql://db", "postgresql://db/x"),
        ("host=db", "host=db dbname=x"),
        ("", "dbname=x"),
    ],
)
def test_another_database_keeps_the_form(url: str, changed: str) -> None:
    """A URL stays a URL with its parameters, a connection string stays one."""
    assert with_database(url, "x") == changed


@pytest.mark.parametrize("url", ["postgresql://a:s3cr3t@[h/d", "host=db oops"])
def test_malformed_url_is_told_without_its_password(url: str) -> None:
    """What libpq cannot read is told plainly, as a ServerError."""
    for use in (parse, connect):
        with pytest.raises(ServerError) as raised:
            use(url)
        assert ":s3cr3t@" not in str(raised.value)
    with pytest.raises(ServerError, match=r"^not a PostgreSQL URL: "):
        parse(url)


def test_absent_server_is_told_in_one_error(tmp_path: Path) -> None:
    """Where nothing listens the error names the URL, and shows no password."""
    url = f"postgresql://app:s3cr3t@/erp?host={tmp_path}"
    with pytest.raises(ServerError) as raised:
        connect(url)
    told = str(raised.value)
    assert told.startswith(
        f"cannot connect to postgresql://app:***@/erp?host={tmp_path}: "
    )
    assert told.endswith("\nto fix this, start the server, or correct the URL")
    assert SECRET not in told
    assert raised.value.__cause__ is None


def test_connects_with_its_own_settings(server_admin_url: str) -> None:
    """The session is named, in UTF-8, in autocommit; parameters given win."""
    with connect(server_admin_url) as connection:
        assert connection.autocommit
        assert connection.info.encoding == "utf-8"
        row = connection.execute("SELECT current_setting('application_name')")
        assert row.fetchone() == ("pytest-oneroof",)
    with connect(server_admin_url, autocommit=False, application="mine") as connection:
        assert not connection.autocommit
        row = connection.execute("SELECT current_setting('application_name')")
        assert row.fetchone() == ("mine",)
    with connect(server_admin_url, options="-c work_mem=7MB") as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)


@pytest.mark.parametrize("version", [140019, 190001])
def test_other_versions_are_refused_with_their_version(
    server_admin_url: str, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """A server that is not PostgreSQL 15 to 18 is refused, its session closed."""
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", version)
    monkeypatch.setattr(
        psycopg.ConnectionInfo, "parameter_status", lambda *_: str(version)
    )
    with pytest.raises(ServerError) as raised:
        connect(server_admin_url)
    assert str(raised.value) == (
        f"PostgreSQL 15 to 18 is supported, {redact(server_admin_url)} is {version}"
    )


def test_address_is_host_and_port(server_admin_url: str) -> None:
    """The address is where this connection arrived."""
    given = parse(server_admin_url)
    with connect(server_admin_url) as connection:
        assert address(connection) == f"{given['host']}:{given['port']}"
