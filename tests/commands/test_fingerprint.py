"""`oneroof fingerprint`: one database, two, and one against a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.postgres.connect import connect, parse
from pytest_oneroof.postgres.embedded import EmbeddedServer

Run = Callable[..., Any]


def test_names_the_stand_in_without_a_url(oneroof: Run) -> None:
    """Without a URL it is the stand-in production, and that is said."""
    done = oneroof("fingerprint", "--json")
    assert done.data["target"] == "stand-in"
    assert done.data["schema"]["database"] == "directus"
    assert "no URL given: this is the embedded stand-in" in done.err
    oneroof("fingerprint").expect(0, "directus: oneroof-schema/1 ", "table 96")


@pytest.fixture
def copy(server: EmbeddedServer, shop: str) -> Iterator[str]:
    """The URL of a copy of the small database."""
    with connect(server.url("postgres")) as admin:
        admin.execute(f"CREATE DATABASE shop_copy TEMPLATE {shop}".encode())
        yield server.url("shop_copy")
        admin.execute("DROP DATABASE shop_copy WITH (FORCE)")


def test_compares_two_databases(
    oneroof: Run, server: EmbeddedServer, shop: str, copy: str
) -> None:
    """Equal databases end with 0; different ones with 1, and say what differs."""
    urls = (server.url(shop), copy)
    oneroof("fingerprint", "--content", *urls).expect(
        0, "schema: no difference", "content: no difference"
    )
    with connect(copy) as admin:
        admin.execute("DELETE FROM bought")
    oneroof("fingerprint", *urls).expect(0, "schema: no difference")
    done = oneroof("fingerprint", "--content", *urls)
    done.expect(1, "content: 1 difference", "~ table public.bought changed")
    with connect(copy) as admin:
        admin.execute("GRANT SELECT ON item TO PUBLIC")
    oneroof("fingerprint", *urls).expect(1, "1 difference", "GRANT SELECT TO PUBLIC")
    oneroof("fingerprint", "--no-grants", *urls).expect(0)


def test_compares_with_what_was_printed_before(
    oneroof: Run, server: EmbeddedServer, copy: str, tmp_path: Path
) -> None:
    """A file of an earlier fingerprint stands in for the database as it was."""
    file = tmp_path / "before.json"
    file.write_text(oneroof("fingerprint", copy, "--content", "--json").out)
    oneroof("fingerprint", file, copy, "--content").expect(0)
    with connect(copy) as admin:
        admin.execute("ALTER TABLE item ADD colour2 colour")
    done = oneroof("fingerprint", file, copy, "--json")
    assert done.status == 1
    assert json.loads(done.out)["schema"]["differences"][0]["identity"] == "public.item"
    password = str(parse(copy)["password"])
    assert password not in done.out + done.err


def test_refuses_what_is_neither_url_nor_fingerprint(
    oneroof: Run, server: EmbeddedServer, copy: str, tmp_path: Path
) -> None:
    """Wrong arguments end with 2 and say what was found."""
    oneroof("fingerprint", copy, copy, copy).expect(2, "two are compared, given: 3")
    oneroof("fingerprint", "nothing").expect(2, "nothing is neither a URL nor a file")
    file = tmp_path / "x.json"
    file.write_text("{}")
    oneroof("fingerprint", file).expect(2, f"{file} holds no schema fingerprint")
    damaged = json.loads(oneroof("fingerprint", copy, "--json").out)
    damaged["schema"]["digest"] = "0" * 64
    file.write_text(json.dumps(damaged))
    oneroof("fingerprint", file, copy).expect(1, "stored fingerprint of shop_copy is")
    oneroof("fingerprint", "postgresql://u:hidden-word@/d?host=/nowhere").expect(
        1, "cannot connect to postgresql://u:***@/d?host=/nowhere"
    )
