"""What a new clone has to be, and the last steps that make a copy that clone."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.pq import TransactionStatus

from pytest_oneroof.clone.adopt import Keep, new_marker, prepare
from pytest_oneroof.clone.blockers import application_of
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.making import appear, require_new, swap
from pytest_oneroof.clone.watch import Watch
from pytest_oneroof.errors import CloneError
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import CLONE, MAKING, OurDatabase
from pytest_oneroof.postgres.scram import new_password


@dataclass(frozen=True)
class Wish:
    """A clone to be: its name, and what is done to the copy on the way.

    `sanitise` are SQL files that run on the copy before it is a clone; `expires`
    is as the marker holds it; `replaces` is the clone of ours whose place it
    takes, with its roles; `keep` is given marker and password of new roles before
    anything of them is committed.
    """

    name: str
    sanitise: tuple[Path, ...] = ()
    protected: bool = False
    expires: str = ""
    replaces: OurDatabase | None = None
    keep: Keep = lambda marker, password: None

    def marker(self, source: str) -> Marker:
        """Return the marker of its copy while that is in the making."""
        like = self.replaces.marker if self.replaces else None
        return new_marker(source, kind=MAKING, like=like)

    def require_place(self, host: Host) -> None:
        """Raise CloneError when another database has its name.

        Raise GuardRefused for a name that no clone may have.
        """
        if self.replaces is None:
            require_new(host, self.name)


def finish(
    host: Host, half: OurDatabase, marker: Marker, wish: Wish, watch: Watch
) -> tuple[OurDatabase, list[str]]:
    """Sanitise a half-made copy, make it a clone, and let it appear; tell the steps.

    Raise CloneError, after which whoever made the copy drops it.
    """
    told = [_sanitised(host, half, marker, file, watch) for file in wish.sanitise]
    password = None
    if wish.replaces is None:
        password = new_password()
        wish.keep(marker, password)
    half = prepare(host, half, marker, password=password, say=told.append)
    final = dataclasses.replace(marker, kind=CLONE, protected=wish.protected)
    if wish.expires or wish.replaces is None:
        final = dataclasses.replace(final, expires=wish.expires)
    if wish.replaces is None:
        return appear(host, half, host.new_name(wish.name), final), told
    return swap(host, half, wish.replaces, final), told


def _sanitised(
    host: Host, half: OurDatabase, marker: Marker, file: Path, watch: Watch
) -> str:
    watch.say(f"sanitising by {file.name}")
    data = file.read_bytes()
    application = application_of(marker.nonce)
    with host.entered(half, application=application) as inside:
        connection = inside.connection
        try:
            connection.execute(data)
        except psycopg.Error as error:
            raise CloneError(
                f"{file.name} failed on the copy: {str(error).strip()}\n"
                "the copy was dropped: nothing of it stays"
            ) from error
        if connection.info.transaction_status != TransactionStatus.IDLE:
            raise CloneError(
                f"{file.name} leaves its transaction open, so that nothing of it would "
                "stay\nthe copy was dropped; end the file with COMMIT"
            )
    return f"sanitised by {file.name}, sha256 {hashlib.sha256(data).hexdigest()}"
