"""The clone that a run takes where none is named: the newest that a command made."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from pytest_oneroof.clone.host import Found, Host
from pytest_oneroof.clone.records import Records
from pytest_oneroof.errors import CloneError
from pytest_oneroof.redaction import Url

KIND = "clone"


def newest_clone(admin_url: str, pattern: str, cache: Path) -> Url:
    """Return the URL of the newest clone that `oneroof clone` made on that server.

    Its name matches the pattern, and its URL is kept in the cache. Raise CloneError
    where there is none.
    """
    records = Records(cache / "databases")
    with contextlib.closing(Host(admin_url, records)) as host:
        kept = {
            found: file
            for found in host.marked()
            if _may_serve(found, pattern) and (file := _file(host, found, cache))
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


def _may_serve(found: Found, pattern: str) -> bool:
    marker = found.marker
    return (
        marker is not None
        and marker.kind == KIND
        and re.fullmatch(pattern, found.name) is not None
    )


def _file(host: Host, found: Found, cache: Path) -> Path | None:
    """Return the private file that keeps a clone's URL, or None."""
    file = cache / "urls" / f"{host.system_identifier}-{found.name}"
    return file if file.is_file() else None


def _created(found: Found) -> str:
    assert found.marker is not None
    return found.marker.created
