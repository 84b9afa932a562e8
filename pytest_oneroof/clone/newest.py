"""The clone that a run takes where none is named: the newest that a command made."""

from __future__ import annotations

import contextlib
from pathlib import Path

from pytest_oneroof.clone.host import Host
from pytest_oneroof.errors import CloneError
from pytest_oneroof.ownership.proofs import CLONE, OurDatabase
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.redaction import Url


def newest_clone(admin_url: str, rules: Rules, cache: Path) -> Url:
    """Return the URL of the newest clone that `oneroof clone` made on that server.

    It is ours by the rules, and its URL is kept in the cache. Raise CloneError
    where there is none.
    """
    records = Records(cache / "databases")
    with contextlib.closing(Host(admin_url, records, rules)) as host:
        kept = {
            found: file
            for found in host.all_ours()
            if found.marker.kind == CLONE and (file := _file(host, found, cache))
        }
    if not kept:
        raise CloneError(
            "there is no clone on the administrator's server that oneroof clone made, "
            "and none is named\n"
            "to fix this, either: oneroof clone create --from DATABASE\n"
            "or name one: --oneroof-clone-url URL"
        )
    newest = max(kept, key=_created)
    return Url(kept[newest].read_text(encoding="utf-8").strip())


def _file(host: Host, found: OurDatabase, cache: Path) -> Path | None:
    """Return the private file that keeps a clone's URL, or None."""
    file = cache / "urls" / f"{host.system_identifier}-{found.name}"
    return file if file.is_file() else None


def _created(found: OurDatabase) -> str:
    return found.marker.created
