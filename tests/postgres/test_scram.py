"""Verifiers: what the server stores, made without telling it the password."""

from __future__ import annotations

import base64

import psycopg
import pytest

from pytest_oneroof.postgres.connect import build_url, connect, parse
from pytest_oneroof.postgres.roles import set_password
from pytest_oneroof.postgres.scram import new_password, verifier


def test_a_verifier_is_as_libpq_makes_it(server_admin_url: str) -> None:
    """With libpq's salt the whole text is libpq's, in PostgreSQL's own form."""
    password = new_password()
    with connect(server_admin_url) as admin:
        told = admin.pgconn.encrypt_password(password.encode(), b"x", b"scram-sha-256")
    rounds, salt = told.decode().split("$")[1].split(":")
    made = verifier(password, salt=base64.b64decode(salt), iterations=int(rounds))
    assert made == told.decode()


def test_the_server_takes_the_password_and_no_other(fresh_database: str) -> None:
    """A role whose verifier we made logs in with its password alone."""
    given = parse(fresh_database)
    password = new_password()

    def login(with_password: str) -> None:
        url = build_url(
            user="scram_tested",
            password=with_password,
            host=given["host"],
            port=int(given["port"]),
            database=given["dbname"],
        )
        psycopg.connect(url).close()

    with connect(fresh_database) as admin:
        admin.execute("CREATE ROLE scram_tested LOGIN")
        try:
            set_password(admin, "scram_tested", password)
            login(password)
            for wrong in ("", password[:-1], password.upper()):
                with pytest.raises(psycopg.OperationalError):
                    login(wrong)
        finally:
            admin.execute("DROP ROLE scram_tested")


def test_a_password_beyond_ascii_is_refused() -> None:
    """The server would normalise it first; ours are hexadecimal."""
    with pytest.raises(ValueError):
        verifier("pässword")
