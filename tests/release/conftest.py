"""What the tests of the release share: packets that were edited, and databases."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_oneroof.cli import main
from pytest_oneroof.clone import standin
from pytest_oneroof.clone.host import Host
from pytest_oneroof.fingerprint.compare import read_schema, to_data
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.release import plan
from pytest_oneroof.release.identity import identify
from pytest_oneroof.release.plan import MANIFEST, Packet, open_packet
from pytest_oneroof.release.proof import Pin, read_pin
from pytest_oneroof.release.records import REHEARSALS
from pytest_oneroof.release.rehearsal_clone import greenfield_clone
from pytest_oneroof.release.rehearse import open_gate
from pytest_oneroof.release.seals import pinned_seals
from pytest_oneroof.release.step_log import new_log
from pytest_oneroof.release.steps import StepRun, Where, moment
from pytest_oneroof.sealing.seal import write
from tests.release.reseal import SHIPPED

APPROVAL = "APR-BOOT-AUTHMODEL-1"
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


SEALS = {name: open_packet(name, bundled()).sha256 for name in ("full", "ownership")}
# What a rollout writes, and what lies next to it.
NEAR = (
    *open_packet("full", bundled()).touches,
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
def remade(tmp_path: Path) -> Callable[..., Path]:
    """Return a copy of a packet's folder in which texts were replaced, sealed anew."""

    def remake(name: str, file: str, old: str, new: str) -> Path:
        folder = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(SHIPPED / name, folder)
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        reseal(folder)
        return folder

    return remake


@pytest.fixture
def edited(
    remade: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Packet]:
    """Return a packet in which texts were replaced, and that its owner has pinned."""

    def edit(name: str, file: str, old: str, new: str) -> Packet:
        folder = remade(name, file, old, new)
        pins = {**pinned_seals(bundled()), name: seal_of(folder)}
        monkeypatch.setattr(plan, "pinned_seals", lambda pack: pins)
        return open_packet(str(folder), bundled())

    return edit


def reseal(folder: Path) -> None:
    """Seal a packet's folder as it is now."""
    (folder / MANIFEST).unlink()
    write(folder / MANIFEST, folder)


def seal_of(folder: Path) -> str:
    """Return the sha256 of a packet's manifest."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


def program(packet: Packet) -> list[str]:
    """Return the words that start `oneroof` where a packet of the tests is pinned."""
    pins = {**pinned_seals(bundled()), packet.name: packet.sha256}
    script = (
        "import sys; from pytest_oneroof import cli; from pytest_oneroof.release "
        f"import plan; plan.pinned_seals = lambda pack: {pins!r}; cli.main()"
    )
    return [sys.executable, "-c", script]


def packet_statements(log: str) -> list[str]:
    """Return what a server's log shows of packets' files, but SELECTs before the hold.

    Every file that may write, or that a step sends, sets oneroof.step_writes.
    """
    return [line for line in log.splitlines() if "oneroof.step_writes" in line]


def rehearsed(packet: Packet, url: str, folder: Path, **evidence: Any) -> Path:
    """Write the record that a rehearsal of a packet on this database would leave."""
    log = new_log(folder / REHEARSALS, packet, "rehearse", "a_clone")
    for step in (*packet.steps, *packet.reads, *packet.rollback):
        log.runs.append(
            StepRun(
                *(step.step, step.name, step.kind, step.file, moment(), 0.01),
                says=step.says,
                notices=(step.says,),
            )
        )
    with contextlib.closing(connect(url)) as connection:
        schema, identity = read_schema(connection), identify(connection)
    before, applied = ({"schema": x, "content": x} for x in ("a" * 64, "b" * 64))
    log.evidence = {
        "source": {**identity.to_dict(), "schema": to_data(schema)},
        "fingerprints": {"before": before, "applied": applied, "rolled_back": before},
        "passed": True,
        **evidence,
    }
    log.end(None)
    return log.file


@pytest.fixture(scope="module")
def host(embedded: EmbeddedServer) -> Iterator[Host]:
    """The embedded server as its administrator."""
    with contextlib.closing(standin.host_of(embedded, bundled())) as opened:
        yield opened


@pytest.fixture(scope="module")
def closed_clone(host: Host) -> Iterator[Where]:
    """A greenfield clone whose gate is closed."""
    with greenfield_clone(host, "directus", pack=bundled()) as clone:
        yield clone.where


@pytest.fixture(scope="module")
def open_clone(host: Host) -> Iterator[Where]:
    """A greenfield clone whose gate was opened."""
    with greenfield_clone(host, "directus", pack=bundled()) as clone:
        open_gate(bundled(), clone.where)
        yield clone.where


@pytest.fixture(scope="session")
def ratified_url(ratified_server: EmbeddedServer) -> str:
    """The URL of a production of the tests' own, on a server of its own, ratified."""
    return ratified_server.url("directus")


@pytest.fixture
def sent(ratified_server: EmbeddedServer) -> Callable[[], str]:
    """Return what that server was sent since the test began, from its own log."""
    file = ratified_server.home / "log"
    start = file.stat().st_size

    def read() -> str:
        return file.read_bytes()[start:].decode()

    return read


@pytest.fixture(scope="session")
def ratified_server(cache: Path) -> Iterator[EmbeddedServer]:
    """A server of the tests' own, with a ratified production; it logs what it gets."""
    # One for each process: whoever is done first removes its own alone.
    server = EmbeddedServer(cache, 16, f"ratified-{os.getpid()}")

    def build(made: EmbeddedServer) -> dict[str, Any]:
        with contextlib.closing(standin.host_of(made, bundled())) as host:
            standin.build_production(host, bundled(), "default")
        with connect(made.url("directus")) as production:
            production.execute(RATIFY.encode())
            production.execute("ALTER SYSTEM SET log_statement = 'all'")
            production.execute("SELECT pg_reload_conf()")
        return {}

    server.acquire(build, print)
    try:
        yield server
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
    made = Production(ratified_url, tmp_path / "log", tmp_path / "rehearsed")
    before = made.pin(NEAR)
    yield made
    assert made.pin(NEAR).items() == before.items()


@pytest.fixture
def target(ratified_url: str, tmp_path: Path) -> Production:
    """The same, for tests of what sends nothing to it: its server's log shows that."""
    return Production(ratified_url, tmp_path / "log", tmp_path / "rehearsed")


class Production:
    """A production: its URL, the options that name it, what it holds."""

    def __init__(self, url: str, log: Path, records: Path | None = None) -> None:
        self.url = url
        self.log = log
        self.records = records
        self.target = ("--target-url", url, "--database", "directus", "--log", log)

    def run(self, packet: str) -> tuple[str | Path, ...]:
        """Return the words of a complete order to run a packet, rehearsed if it can."""
        return (
            *("run", packet, *self.target),
            *("--ratified-apr", APPROVAL, "--seal", SEALS[packet]),
            *self.rehearsal(packet),
        )

    def rehearsal(self, packet: str) -> tuple[str | Path, ...]:
        """Return the words that give a rehearsal, made now, of what it holds now."""
        if self.records is None:
            return ()
        file = rehearsed(open_packet(packet, bundled()), self.url, self.records)
        return ("--rehearsal", file)

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
