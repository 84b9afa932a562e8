"""A clone that may commit: made for one use from the run's template, then dropped.

What cannot be shown inside a transaction that is rolled back (a commit, a
notification, a build that stays) is shown here, and the run's own clone is not
touched. The guard judges such a clone too.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.adopt import remark
from pytest_oneroof.clone.copying import create_copy
from pytest_oneroof.clone.guard import GuardedClone, admit
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.login import own_url
from pytest_oneroof.errors import CloneError
from pytest_oneroof.fingerprint.content import ContentFingerprint, read_content
from pytest_oneroof.fingerprint.schema import SchemaFingerprint, read_schema
from pytest_oneroof.ownership.proofs import KEPT, OurDatabase
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.ownership.same_server import require_direct, require_same
from pytest_oneroof.postgres.catalog import read_facts
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.statements.scripts import ScriptRun, run_script

Connection = psycopg.Connection[Any]
_DATED = re.compile(r".*?[0-9]{8}")


@dataclass(frozen=True)
class Fingerprint:
    """Schema and content of a whole database at one moment."""

    schema: SchemaFingerprint
    content: ContentFingerprint

    def differences(self, other: Fingerprint) -> list[str]:
        """Return what differs, one line each: object, here, there."""
        pairs = (
            (dict(self.schema.objects), dict(other.schema.objects)),
            (
                {key: str(item) for key, item in self.content.items.items()},
                {key: str(item) for key, item in other.content.items.items()},
            ),
        )
        return [
            f"{key}: {here.get(key, 'absent')} | {there.get(key, 'absent')}"
            for here, there in pairs
            for key in sorted(here.keys() | there.keys())
            if here.get(key) != there.get(key)
        ]


class Rehearsal:
    """A clone that commits. `connection` is in autocommit, as the check role.

    `clone` is the guard's admission of exactly that connection.
    """

    def __init__(self, host: Host, found: OurDatabase, url: str, rules: Rules) -> None:
        self.name = found.name
        self.url = own_url(host, found, url)
        self.admin_url = host.url(found.name)
        self._opened: list[Connection] = []
        session = self._open()
        try:
            facts = read_facts(session)
            self.clone: GuardedClone = admit(facts, rules)
            require_direct(session)
            require_same(session, host.acting, found)
            self.connection = self._writable(session)
        except BaseException:
            self.close()
            raise

    def connect(self) -> Connection:
        """Return a further connection of the check role that may commit."""
        return self._writable(self._open())

    def run(self, file: Path) -> ScriptRun:
        """Run a committing file, its bytes whole; raise psycopg.Error as it fails."""
        return run_script(self.connection, file)

    def fingerprint(self) -> Fingerprint:
        """Read schema and content as they are now; every row is read once."""
        return Fingerprint(read_schema(self.connection), read_content(self.connection))

    def close(self) -> None:
        """Close all connections handed out; idempotent."""
        while self._opened:
            self._opened.pop().close()

    def _open(self) -> Connection:
        session: Connection = connect(self.url, application="pytest-oneroof rehearsal")
        self._opened.append(session)
        return session

    def _writable(self, session: Connection) -> Connection:
        session.execute("SET default_transaction_read_only = off")
        return session


def why_not(lease: Lease) -> str:
    """Return why no rehearsal clone can be made in this run, or nothing."""
    if lease.host is None:
        return (
            "needs a database of its own, which only an administrator can make: "
            "--oneroof-admin-url URL (ONEROOF_ADMIN_URL)"
        )
    if not lease.renewable:
        return (
            f"needs a template to copy, and {lease.database!r} on your own server has "
            "none: run it on the embedded server, without --oneroof-clone-url"
        )
    return ""


@contextlib.contextmanager
def rehearsal(
    lease: Lease,
    rules: Rules,
    *,
    kind: str = "rehearsal",
    keep: Callable[[str], bool] = lambda name: False,
) -> Iterator[Rehearsal]:
    """Make a clone of the run's template, hand it out locked, and drop it after.

    Dropped after a failure too, unless `keep`, asked with its name, returns true.
    One left by a killed run is dropped by the next run's sweep, since its lock is
    free. Raise CloneError where none can be made, GuardRefused where the guard does
    not admit it.

    :param kind: 'rehearsal' or 'throwaway'; part of the name.
    """
    if reason := why_not(lease):
        raise CloneError(f"no {kind} clone: {reason}")
    assert lease.host is not None
    with contextlib.closing(lease.host.twin()) as host:
        found = _make(host, lease, kind)
        made: Rehearsal | None = None
        try:
            made = Rehearsal(host, found, lease.url, rules)
            yield made
        finally:
            if made is not None:
                made.close()
            if made is None or not keep(found.name):
                _drop(host, found)
            else:
                _keep(host, found)


def _make(host: Host, lease: Lease, kind: str) -> OurDatabase:
    template = host.ours(lease.template or "")
    dated = _DATED.match(lease.database)
    stem = dated[0] if dated else lease.database
    with host.making():
        found = create_copy(host, template, f"{stem}_{kind}_{{run}}", kind)
        held = Lease(url=lease.url, database=found.name, host=host, oid=found.oid)
        host.try_lock(found.oid)
        held.note_use()
    return found


def _drop(host: Host, found: OurDatabase) -> None:
    with host.making():
        host.unlock(found.oid)
        lifecycle.drop(host, found)


def _keep(host: Host, found: OurDatabase) -> None:
    """Mark it so that no sweep takes it."""
    remark(host, found, kind=KEPT)
    host.unlock(found.oid)
