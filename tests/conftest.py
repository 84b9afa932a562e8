"""Fixtures of the plugin's own tests: one embedded server, inner pytest runs."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_oneroof.clone import standin
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect, with_database
from pytest_oneroof.postgres.embedded import EmbeddedServer

pytest_plugins = ["pytester"]
# Where a server of these tests lives, or what runs a pytest of its own.
LOUDNESS = {"-q", "-v", "-vv", "--verbosity=0"}
SERVERS = {"cache", "alone", "own_cache", "own_server", "open_folder", "users_server"}
SERVERS |= {"pytester", "browse"}


def pytest_configure() -> None:
    """Have Ctrl-C reach the inner runs, also where this run is in the background.

    A shell starts those with SIGINT ignored, which their children inherit.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, or a pytest of its own: `-m "not server"` is quick."""
    for item in items:
        if not SERVERS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)


@pytest.fixture(scope="session")
def cache() -> Iterator[Path]:
    """A cache folder for embedded servers, shared by all tests of the run.

    ONEROOF_TEST_CACHE keeps it between runs. Not below pytest's own temporary
    folder, which other accounts cannot enter.
    """
    kept = os.environ.get("ONEROOF_TEST_CACHE")
    folder = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="oneroof-test-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    yield folder
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def embedded(cache: Path) -> Iterator[EmbeddedServer]:
    """The embedded server with stand-in production and baseline, PostgreSQL 16."""
    server = standin.server_for(cache, 16, bundled())
    server.acquire(lambda s: standin.build(s, print, bundled()), print)
    yield server
    server.release()


@pytest.fixture(scope="session")
def server_admin_url(embedded: EmbeddedServer) -> str:
    """The administrator's URL of the embedded server."""
    return embedded.url("postgres")


@pytest.fixture
def fresh_database(server_admin_url: str) -> Iterator[str]:
    """The administrator's URL of an empty database of this test alone."""
    name = f"fresh_{uuid.uuid4().hex[:12]}"
    with connect(server_admin_url) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    yield with_database(server_admin_url, name)
    with connect(server_admin_url) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def run_oneroof(
    pytester: pytest.Pytester,
    cache: Path,
    embedded: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., pytest.RunResult]:
    """Run pytest in a subprocess in an empty folder, on the shared cache.

    With `-v`, whose details the tests look at, unless they ask for something else.
    """
    for name in [n for n in os.environ if n.startswith(("ONEROOF_", "PYTEST_", "PG"))]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str | os.PathLike[str]) -> pytest.RunResult:
        return pytester.run(
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            f"--oneroof-cache-dir={cache}",
            *(() if LOUDNESS.intersection(arguments) else ("-v",)),
            *arguments,
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def alone() -> Iterator[Path]:
    """A cache folder that no run of another worker shares."""
    folder = Path(tempfile.mkdtemp(prefix="oneroof-alone-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def lone_server(alone: Path) -> Iterator[EmbeddedServer]:
    """The embedded server of `alone`: what is found there, this worker's runs left."""
    server = standin.server_for(alone, 16, bundled())
    server.acquire(lambda s: standin.build(s, print, bundled()), print)
    yield server
    server.release()


@pytest.fixture
def run_alone(
    run_oneroof: Callable[..., pytest.RunResult],
    alone: Path,
    lone_server: EmbeddedServer,
) -> Callable[..., pytest.RunResult]:
    """Run pytest on the clone of the lone server."""

    def run(*arguments: str) -> pytest.RunResult:
        return run_oneroof(
            "--oneroof-clone", f"--oneroof-cache-dir={alone}", *arguments
        )

    return run
