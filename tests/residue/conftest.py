"""Inner runs over the ways of leaving something, and what they reported."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.clone import lifecycle, standin
from pytest_oneroof.clone.copying import create_copy
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect, parse
from pytest_oneroof.postgres.embedded import EmbeddedServer

HERE = Path(__file__).parent
# The table of ways is imported here and by the inner runs, from their copy.
sys.path.insert(0, str(HERE))
OWNED = """
CREATE SEQUENCE cached CACHE 20;
CREATE SEQUENCE never_called;
CREATE FUNCTION rewind() RETURNS void LANGUAGE sql
  AS $$ SELECT pg_catalog.setval('public.never_called', 77, false) $$;
CREATE FUNCTION rewind_by_another() RETURNS void LANGUAGE plpgsql
  AS $$ BEGIN PERFORM public.rewind(); END $$;
"""
OPEN_INI = "[pytest]\noneroof_productions = directus\n"


@dataclass
class Told:
    """What one inner item reported: call and teardown together."""

    outcomes: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    proof: dict[str, Any] = field(default_factory=dict)


@dataclass
class InnerRun:
    """One inner run: its items by name, its exit status and its output."""

    items: dict[str, Told]
    status: int
    output: str


@pytest.fixture(scope="session")
def run_ways(
    tmp_path_factory: pytest.TempPathFactory, cache: Path
) -> Callable[..., InnerRun]:
    """Run the ways in an inner pytest; `open_url` is the open clone's URL.

    `own` is another cache.
    """

    def run(open_url: str = "", own: Path = cache) -> InnerRun:
        folder = tmp_path_factory.mktemp("ways")
        for file in HERE.glob("*way*.py"):
            if not file.name.startswith("test_"):
                (folder / file.name).write_text(file.read_text())
        (folder / "conftest.py").write_text((HERE / "inner_conftest.py").read_text())
        (folder / "pytest.ini").write_text(OPEN_INI if open_url else "")
        kept = {k: v for k, v in os.environ.items() if not _is_ours(k)}
        environ = {**kept, "ONEROOF_PYTHON": sys.executable}
        arguments = [f"--oneroof-cache-dir={own}", "--oneroof-clone"]
        if open_url:
            environ["WAYS_OPEN"] = "1"
            arguments.append(f"--oneroof-clone-url={open_url}")
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-v", "inner_ways.py", *arguments],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        return InnerRun(_read(folder), result.returncode, result.stdout + result.stderr)

    return run


@pytest.fixture(scope="session")
def closed_ways(run_ways: Callable[..., InnerRun]) -> Iterator[InnerRun]:
    """The inner run on an embedded clone, which is closed to others.

    Its server is its own: a check that ends its own transaction cannot be told
    clean while others commit, and one way leaves a setting on the server's role.
    """
    folder = Path(tempfile.mkdtemp(prefix="oneroof-ways-"))
    folder.chmod(0o755)
    yield run_ways(own=folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def open_ways(
    run_ways: Callable[..., InnerRun], embedded: EmbeddedServer
) -> Iterator[InnerRun]:
    """The inner run on a clone that stays open, as no administrator is given."""
    with open_clone(embedded, uuid.uuid4().hex[:8]) as url:
        prepare_open(embedded, url)
        yield run_ways(url)


@pytest.fixture
def open_clone_url(embedded: EmbeddedServer) -> Iterator[str]:
    """The check role's URL of a clone of this test alone."""
    with open_clone(embedded, uuid.uuid4().hex[:8]) as url:
        yield url


def prepare_open(embedded: EmbeddedServer, url: str) -> None:
    """Add what the One Roof schema lacks: what moves sequences by other ways."""
    name, role = parse(url)["dbname"], embedded.state["role"]
    with connect(embedded.url(name)) as admin:
        owner = admin.execute(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'modules'"
        ).fetchone()
        assert owner is not None
        admin.execute(f'SET ROLE "{owner[0]}"'.encode())
        admin.execute(OWNED)
        admin.execute("RESET ROLE")
        admin.execute("CREATE SEQUENCE usable")
        admin.execute(f'GRANT USAGE ON SEQUENCE usable TO "{role}"'.encode())
        admin.execute("CREATE SEQUENCE hidden")


@contextlib.contextmanager
def open_clone(embedded: EmbeddedServer, suffix: str) -> Iterator[str]:
    """Make a clone on the embedded server; yield its check role's URL."""
    state = embedded.state
    name = f"{state['clone']}_{suffix}"
    found = standin.host_of(embedded, bundled())
    with contextlib.closing(found) as host:
        template = host.ours(state["template"])
        with host.making():
            made = create_copy(host, template, name, "clone")
        try:
            yield embedded.url(name, state["role"], state["password"])
        finally:
            with host.making():
                # Closed sessions take the server a moment to end.
                host.end_sessions(made, host.user)
                lifecycle.drop(host, host.ours(name))


def _is_ours(name: str) -> bool:
    return name.startswith(("ONEROOF_", "PYTEST_", "PG", "WAYS_"))


def _read(folder: Path) -> dict[str, Told]:
    items: dict[str, Told] = {}
    file = folder / "reports.jsonl"
    for line in file.read_text().splitlines() if file.exists() else ():
        report = json.loads(line)
        told = items.setdefault(report["nodeid"].partition("::")[2], Told())
        told.outcomes[report["when"]] = report["outcome"]
        told.texts.append(report["text"])
        told.properties |= report["properties"]
        told.proof = report["proof"] or told.proof
    return items
