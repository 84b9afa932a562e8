"""Another team's database on a server of the user's own, and a clone of it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg

from pytest_oneroof.postgres.connect import connect, with_database

EXAMPLE = Path(__file__).parents[1] / "examples" / "shop_pack"
PATTERN = "shop_test_[0-9]{8}(_[a-z0-9_]+)?"
CLONE = "shop_test_20261121"
INI = f"[pytest]\noneroof_productions = shop\noneroof_clone_pattern = {PATTERN}\n"
# Names of One Roof's: what a run on another database speaks of has none of them.
OTHERS = re.compile(
    r"directus|governance|\bospa\b|\bGOV-|FIX7|\baxis|dot_tools|birth_registry"
    r"|greenfield|One Roof|must deliver",
    re.IGNORECASE,
)
LEFT_OUT = "does not fit this database"


@dataclass(frozen=True)
class Shop:
    """The shop: an administrator's, the clone's, and the production's reader's URL."""

    admin: str
    clone: str
    production: str
    cache: Path


def made_shop(users_server: str, cache: Path) -> Iterator[Shop]:
    """Make the shop's database and a clone of it; drop both at the end."""
    with connect(users_server) as admin:
        for role in ("shop_owner", "shop_app", "shop_reader LOGIN"):
            # They stay for copies that a run's pool has kept.
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                admin.execute(f"CREATE ROLE {role}".encode())
        admin.execute("GRANT pg_read_all_data, pg_read_all_stats TO shop_reader")
        admin.execute("CREATE DATABASE shop")
        admin.execute("REVOKE CONNECT ON DATABASE shop FROM PUBLIC")
        admin.execute("GRANT CONNECT ON DATABASE shop TO shop_reader")
    production = with_database(users_server, "shop")
    with closing(connect(production)) as owner:
        owner.execute((EXAMPLE / "schema.sql").read_bytes())
    try:
        yield Shop(
            users_server,
            make_clone(users_server, cache),
            production.replace("admin@", "shop_reader@"),
            cache,
        )
    finally:
        known = ("--admin-url", users_server, "--production", "shop")
        oneroof(cache, "clone", "drop", CLONE, *known)
        with connect(users_server) as admin:
            admin.execute("DROP DATABASE shop WITH (FORCE)")


def make_clone(admin_url: str, cache: Path) -> str:
    """Make the clone; return its check role's URL."""
    create = ("clone", "create", CLONE, "--from", "shop", "--admin-url", admin_url)
    made = oneroof(cache, *create, "--production", "shop")
    assert made.returncode == 0, made.stderr
    (file,) = (cache / "urls").glob(f"*-{CLONE}")
    return file.read_text()


def oneroof(cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command oneroof without a pack, with a cache of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest_oneroof", *arguments],
        env={**os.environ, "ONEROOF_CACHE_DIR": str(cache), "ONEROOF_PACK": "none"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def speaks_of_others(text: str) -> list[str]:
    """Return the lines that speak of One Roof; the one that leaves it out may."""
    return [
        line
        for line in text.splitlines()
        if OTHERS.search(line) and LEFT_OUT not in line
    ]


def written(folder: Path) -> str:
    """Return all that a report's folder holds, as text."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert files, "no report was written"
    return "\n".join(path.read_text(encoding="utf-8") for path in files)
