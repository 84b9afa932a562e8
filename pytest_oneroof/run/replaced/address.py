"""How a second connection reaches a replaced fixture's throw-away database.

By host and port, as pytest-postgresql's own server is reached. Its users often give no
password, since that server asks for none; ours does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_oneroof.postgres.connect import build_url, parse
from pytest_oneroof.postgres.relay import LOOPBACK, Relay
from pytest_oneroof.redaction import Url

OPTIONS = ("host", "port", "user", "password")
relay_key: pytest.StashKey[Relay] = pytest.StashKey()


def by_port(config: pytest.Config, url: str) -> Url:
    """Return a URL with host and port; of a socket folder, through a port of ours."""
    at = parse(url)
    host, port = str(at["host"]), int(at["port"])
    if host.startswith("/"):
        path = Path(host) / f".s.PGSQL.{port}"
        host, port = LOOPBACK, _relay(config, path).port
    options = {"options": at["options"]} if at.get("options") else None
    return build_url(
        user=at["user"],
        password=at.get("password", ""),
        host=host,
        port=port,
        database=at["dbname"],
        further=options,
    )


@contextlib.contextmanager
def told(config: pytest.Config, url: Url) -> Iterator[Url]:
    """Let libpq, asyncpg and pytest-postgresql's options know a URL's password.

    For as long as a test has the database.
    """
    at = parse(url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", at.get("password", ""))
        for name in OPTIONS:
            patch.setattr(
                config.option, f"postgresql_{name}", at.get(name), raising=False
            )
        yield url


def _relay(config: pytest.Config, path: Path) -> Relay:
    """Return the run's port for a server's socket, opened on first use."""
    if relay_key not in config.stash:
        config.stash[relay_key] = Relay(path)
        config.add_cleanup(config.stash[relay_key].close)
    return config.stash[relay_key]
