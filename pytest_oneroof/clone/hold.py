"""Holding a clone for a command: nobody else works on it meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pytest_oneroof.clone.blockers import blockers
from pytest_oneroof.clone.host import Host
from pytest_oneroof.errors import CloneError, GuardRefused
from pytest_oneroof.ownership.proofs import TEMPLATE, OurDatabase
from pytest_oneroof.ownership.rules import Reason


def require_free(host: Host, ours: OurDatabase) -> None:
    """Raise CloneError when a run or another command has the clone."""
    if holder := host.lock_holder(ours.oid):
        raise _in_use(ours.name, holder)


def require_unprotected(ours: OurDatabase) -> None:
    """Raise GuardRefused for what is not to be dropped, replaced or reset."""
    if ours.marker.protected:
        raise GuardRefused(ours.name, [_protected(ours)])


def require_no_template(ours: OurDatabase) -> None:
    """Raise GuardRefused for a template that other clones are copied from."""
    if ours.marker.kind == TEMPLATE:
        reason = Reason(
            TEMPLATE,
            "it is a template of ours",
            "clones are copied from it, and it takes no connections itself",
            "use a copy: oneroof clone create; oneroof clone gc drops a template "
            "that no clone needs any more",
        )
        raise GuardRefused(ours.name, [reason])


@contextlib.contextmanager
def held(host: Host, ours: OurDatabase, *, alone: bool = False) -> Iterator[None]:
    """Hold a clone's lock; with `alone`, also raise CloneError for sessions on it.

    What a crashed run closed is opened again, as nobody else holds it.
    """
    with locked(host, ours.oid, ours.name):
        if alone and (standing := blockers(host, ours)):
            raise CloneError(
                f"{ours.name!r} is not changed, as others are on it:\n"
                + "\n".join(standing)
            )
        if not ours.seen.takes_connections:
            host.allow_connections(ours, allowed=True)
        yield


@contextlib.contextmanager
def locked(host: Host, oid: int, name: str) -> Iterator[None]:
    """Hold the lock of a database; raise CloneError when another has it."""
    with host.making():
        if not host.try_lock(oid):
            raise _in_use(name, host.lock_holder(oid))
    try:
        yield
    finally:
        if not host.admin.closed:
            host.unlock(oid)


def _in_use(name: str, holder: int | None) -> CloneError:
    who = f" (backend pid {holder})" if holder else ""
    return CloneError(f"{name!r} is in use by a run{who}\nwait until it has ended")


def _protected(ours: OurDatabase) -> Reason:
    return Reason(
        "protected",
        "the clone is protected",
        "it is neither dropped nor replaced nor reset while it is",
        f"if it may go: oneroof clone unprotect {ours.name}",
    )
