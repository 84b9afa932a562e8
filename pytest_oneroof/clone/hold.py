"""Holding a clone for a command: nobody else works on it meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pytest_oneroof.clone.blockers import blockers
from pytest_oneroof.clone.guard import Reason
from pytest_oneroof.clone.host import Found, Host
from pytest_oneroof.clone.lifecycle import unmarked
from pytest_oneroof.errors import CloneError, GuardRefused, SettingsError

TEMPLATE = "template"


def find_ours(host: Host, name: str) -> Found:
    """Return the database of that name, which carries our marker.

    Raise SettingsError where there is none, GuardRefused where it is not ours.
    """
    found = host.find(name)
    if found is None:
        raise SettingsError(f"there is no database {name!r}")
    if found.marker is None:
        raise GuardRefused(name, [unmarked()])
    return found


def require_free(host: Host, found: Found) -> None:
    """Raise CloneError when a run or another command has the clone."""
    if holder := host.lock_holder(found.oid):
        raise CloneError(
            f"{found.name!r} is in use by a run (backend pid {holder})\n"
            "wait until it has ended"
        )


def require_unprotected(found: Found) -> None:
    """Raise GuardRefused for what is not to be dropped, replaced or reset."""
    if found.marker is not None and found.marker.protected:
        raise GuardRefused(found.name, [_protected(found)])


def require_no_template(found: Found) -> None:
    """Raise GuardRefused for a template that other clones are copied from."""
    if found.marker is not None and found.marker.kind == TEMPLATE:
        reason = Reason(
            TEMPLATE,
            "it is a template of ours",
            "clones are copied from it, and it takes no connections itself",
            "use a copy: oneroof clone create; oneroof clone gc drops a template "
            "that no clone needs any more",
        )
        raise GuardRefused(found.name, [reason])


@contextlib.contextmanager
def held(host: Host, found: Found, *, alone: bool = False) -> Iterator[None]:
    """Hold a clone's lock; with `alone`, also raise CloneError for sessions on it.

    What a crashed run closed is opened again, as nobody else holds it.
    """
    with host.making():
        if not host.try_lock(found.oid):
            require_free(host, found)
            raise CloneError(f"{found.name!r} is in use by a run")
    try:
        if alone and (standing := blockers(host, found)):
            raise CloneError(
                f"{found.name!r} is not changed, as others are on it:\n"
                + "\n".join(standing)
            )
        host.allow_connections(found.name, allowed=True)
        yield
    finally:
        if not host.admin.closed:
            host.unlock(found.oid)


def _protected(found: Found) -> Reason:
    return Reason(
        "protected",
        "the clone is protected",
        "it is neither dropped nor replaced nor reset while it is",
        f"if it may go: oneroof clone unprotect {found.name}",
    )
