"""`oneroof clone protect | unprotect | expire`: how long a clone is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from pytest_oneroof.clone.adopt import remark
from pytest_oneroof.clone.expiry import parse_expiry
from pytest_oneroof.clone.hold import find_ours, require_no_template
from pytest_oneroof.commands.clone.list import show
from pytest_oneroof.commands.clone.place import ADMIN, place
from pytest_oneroof.commands.output import JSON


@click.command()
@click.argument("name")
@ADMIN
@JSON
def protect(name: str, admin_url: str | None, *, as_json: bool) -> None:
    """Let nothing drop, replace or reset the clone NAME."""
    _change(name, admin_url, as_json=as_json, protected=True)


@click.command()
@click.argument("name")
@ADMIN
@JSON
def unprotect(name: str, admin_url: str | None, *, as_json: bool) -> None:
    """Let the clone NAME be dropped, replaced and reset again."""
    _change(name, admin_url, as_json=as_json, protected=False)


@click.command()
@click.argument("name")
@click.argument("when")
@ADMIN
@JSON
def expire(name: str, when: str, admin_url: str | None, *, as_json: bool) -> None:
    """Let gc drop the clone NAME at WHEN: 30m, 12h, 7d, 2w, a date, a time, never."""
    expires = parse_expiry(when, datetime.now(UTC))
    _change(name, admin_url, as_json=as_json, expires=expires)


def _change(name: str, admin_url: str | None, *, as_json: bool, **changes: Any) -> None:
    with place(admin_url) as here, here.host.making():
        found = find_ours(here.host, name)
        require_no_template(found)
        assert found.marker is not None
        remark(here.host, name, found.marker, **changes)
        show(here, name, as_json=as_json)
