"""What the tests of the release share: packets that were edited, and databases."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_oneroof import resources
from pytest_oneroof.cli import main
from pytest_oneroof.clone import standin
from pytest_oneroof.clone.guard import Rules
from pytest_oneroof.clone.host import Host
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.release.plan import FOLDER, MANIFEST, Packet, open_packet
from pytest_oneroof.release.proof import Pin, read_pin
from pytest_oneroof.release.rehearsal_clone import greenfield_clone
from pytest_oneroof.release.rehearse import RATIFIED, open_gate
from pytest_oneroof.release.steps import Where
from pytest_oneroof.sealing.seal import write

APPROVAL = "APR-BOOT-AUTHMODEL-1"
RULES = Rules(bundled().clone_pattern, ("directus",), own_server=False)
# What humans do, in this order: votes, the status by its own trigger, the signature.
RATIFY = f"""
INSERT INTO public.apr_approvals (apr_id, approver, approver_type, decision, rationale)
SELECT r.id, v.approver, v.kind, 'approve', 'Ratified by the test.'
  FROM public.approval_requests AS r,
       (VALUES ('president', 'human'), ('gemini', 'ai_council'), ('gpt', 'ai_council'))
         AS v (approver, kind)
 WHERE r.code = '{APPROVAL}';
UPDATE public.approval_requests SET status = 'approved' WHERE code = '{APPROVAL}';
INSERT INTO public.os_proposal_approvals
  (id, status, signature_text, esignature_agreement)
VALUES (repeat('a', 36), 'published', 'The President', true);
"""


SEALS = {name: open_packet(name).sha256 for name in ("full", "ownership")}
# What a rollout writes, and what lies next to it.
NEAR = (
    *open_packet("full").touches,
    "public.os_proposal_approvals",
    "public.approval_requests",
    "public.apr_approvals",
    "public.event_outbox",
)


@dataclass(frozen=True)
class Ended:
    """One command that ended: its status, its JSON value, what it wrote on stderr."""

    status: int
    data: Any
    told: str


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Packet]:
    """Return a copy of a packet in which texts were replaced, sealed anew."""

    def edit(name: str, file: str, old: str, new: str) -> Packet:
        folder = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(resources.path(FOLDER) / name, folder)
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        (folder / MANIFEST).unlink()
        write(folder / MANIFEST, folder)
        return open_packet(str(folder))

    return edit


@pytest.fixture(scope="module")
def host(embedded: EmbeddedServer) -> Iterator[Host]:
    """The embedded server as its administrator."""
    with contextlib.closing(
        Host(embedded.url("postgres"), standin.records_of(embedded))
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def closed_clone(host: Host) -> Iterator[Where]:
    """A greenfield clone whose gate is closed."""
    with greenfield_clone(host, "directus", ratified=RATIFIED, rules=RULES) as clone:
        yield clone.where


@pytest.fixture(scope="module")
def open_clone(host: Host) -> Iterator[Where]:
    """A greenfield clone whose gate was opened."""
    with greenfield_clone(host, "directus", ratified=RATIFIED, rules=RULES) as clone:
        open_gate(clone.where)
        yield clone.where


@pytest.fixture(scope="module")
def ratified_url(cache: Path) -> Iterator[str]:
    """The URL of a production of the tests' own, on a server of its own, ratified."""
    # One for each process: whoever is done first removes its own alone.
    server = EmbeddedServer(cache, 16, f"ratified-{os.getpid()}")

    def build(made: EmbeddedServer) -> dict[str, Any]:
        with contextlib.closing(
            Host(made.url("postgres"), standin.records_of(made))
        ) as host:
            standin.build_production(host, bundled(), "default")
        with connect(made.url("directus")) as production:
            production.execute(RATIFY.encode())
        return {}

    server.acquire(build, print)
    try:
        yield server.url("directus")
    finally:
        server.release()
        shutil.rmtree(server.home, ignore_errors=True)
        for left in cache.glob(f"{server.home.name}.*"):
            left.unlink()


@pytest.fixture
def oneroof(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Run `oneroof rollout … --json` on the shared cache."""
    monkeypatch.setenv("ONEROOF_CACHE_DIR", str(cache))

    def run(*arguments: str | Path) -> Ended:
        words = ["rollout", *map(str, arguments), "--json"]
        result = CliRunner().invoke(main, words)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        data = json.loads(result.stdout) if result.stdout.strip() else None
        return Ended(result.exit_code, data, result.stderr)

    return run


@pytest.fixture
def production(ratified_url: str, tmp_path: Path) -> Iterator[Production]:
    """A ratified production at greenfield; the test has to leave it so."""
    made = Production(ratified_url, tmp_path / "log")
    before = made.pin(NEAR)
    yield made
    assert made.pin(NEAR).items() == before.items()


class Production:
    """A production: its URL, the options that name it, what it holds."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log
        self.target = ("--target-url", url, "--database", "directus", "--log", log)

    def run(self, packet: str) -> tuple[str | Path, ...]:
        """Return the words of a complete order to run a packet."""
        return (
            *("run", packet, *self.target),
            *("--ratified-apr", APPROVAL, "--seal", SEALS[packet]),
        )

    def back(self, packet: str, *more: str | Path) -> tuple[str | Path, ...]:
        """Return the words of a complete order to roll a packet back."""
        return ("rollback", packet, *self.target, *more)

    def pin(self, relations: tuple[str, ...] | None = None) -> Pin:
        """Read schema and content, whole or of these relations."""
        with contextlib.closing(connect(self.url)) as connection:
            return read_pin(connection, relations)

    def write(self, statement: str) -> None:
        """Change it, as somebody else would."""
        with contextlib.closing(connect(self.url)) as connection:
            connection.execute(statement.encode())
