"""What the tests of the release share: packets that were edited, and databases."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof import resources
from pytest_oneroof.clone import standin
from pytest_oneroof.clone.host import Host
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.release.plan import FOLDER, MANIFEST, Packet, open_packet
from pytest_oneroof.release.rehearsal_clone import greenfield_clone
from pytest_oneroof.release.rehearse import RATIFIED, open_gate
from pytest_oneroof.release.seal import write
from pytest_oneroof.release.steps import Where

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
    with greenfield_clone(host, "directus", ratified=RATIFIED) as clone:
        yield clone.where


@pytest.fixture(scope="module")
def open_clone(host: Host) -> Iterator[Where]:
    """A greenfield clone whose gate was opened."""
    with greenfield_clone(host, "directus", ratified=RATIFIED) as clone:
        open_gate(clone.where)
        yield clone.where


@pytest.fixture(scope="module")
def ratified_url(cache: Path) -> Iterator[str]:
    """The URL of a production of the tests' own, on a server of its own, ratified."""
    # One for each process: whoever is done first removes its own alone.
    server = EmbeddedServer(cache, 16, f"ratified-{os.getpid()}")

    def build(made: EmbeddedServer) -> dict[str, Any]:
        plan = resources.read_json(standin.PLAN)["production"]
        with contextlib.closing(
            Host(made.url("postgres"), standin.records_of(made))
        ) as host:
            standin.build_production(host, plan, "default")
        with connect(made.url("directus")) as production:
            production.execute(RATIFY.encode())
        return {}

    server.acquire(build, print)
    try:
        yield server.url("directus")
    finally:
        server.release()
        shutil.rmtree(server.home, ignore_errors=True)
