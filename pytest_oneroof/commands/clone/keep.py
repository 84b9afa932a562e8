"""`oneroof clone protect | unprotect | expire`: how long a clone is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from pytest_oneroof.clone.adopt import remark
from pytest_oneroof.clone.expiry import parse_expiry
from pytest_oneroof.clone.hold import require_no_template
from pytest_oneroof.commands.clone.list import show
from pytest_oneroof.commands.clone.place import place
from pytest_oneroof.commands.output import JSON
from pytest_oneroof.commands.project import admin


@click.command()
@click.argument("name")
@admin
@JSON
def protect(name: str, admin_url: str | None, *, as_json: bool) -> None:
    """Let nothing drop, replace or reset the clone NAME."""
    _change(name, admin_url, as_json=as_json, protected=True)


@click.command()
@click.argument("name")
@admin
@JSON
def unprotect(name: str, admin_url: str | None, *, as_json: bool) -> None:
    """Let the clone NAME be dropped, replaced and reset again."""
    _change(name, admin_url, as_json=as_json, protected=False)


@click.command()
@click.argument("name")
@click.argument("when")
@admin
@JSON
def expire(name: str, when: str, admin_url: str | None, *, as_json: bool) -> None:
    """Let gc drop the clone NAME at WHEN: 30m, 12h, 7d, 2w, a date, a time, never."""
    expires = parse_expiry(when, datetime.now(UTC))
    _change(name, admin_url, as_json=as_json, expires=expires)


def _change(name: str, admin_url: str | None, *, as_json: bool, **changes: Any) -> None:
    with place(admin_url) as here, here.host.making():
        found = here.host.ours(name)
        require_no_template(found)
        remark(here.host, found, **changes)
        show(here, name, as_json=as_json)
