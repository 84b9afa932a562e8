"""`oneroof clone snapshot | restore`."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pytest_oneroof.clone.expiry import parse_expiry
from pytest_oneroof.clone.hold import (
    held,
    require_no_template,
    require_unprotected,
)
from pytest_oneroof.clone.lifecycle import drop_source
from pytest_oneroof.clone.reset import drop_replaced
from pytest_oneroof.clone.snapshot import Restored
from pytest_oneroof.clone.snapshot import restore as restore_clone
from pytest_oneroof.clone.snapshot import snapshot as snapshot_clone
from pytest_oneroof.clone.wish import Wish
from pytest_oneroof.commands.clone.create import SANITISE
from pytest_oneroof.commands.clone.list import flow_data, show
from pytest_oneroof.commands.clone.place import (
    EXPIRES,
    PROTECT,
    Place,
    check_pattern,
    place,
    require_new,
)
from pytest_oneroof.commands.output import JSON, emit
from pytest_oneroof.commands.project import admin
from pytest_oneroof.run.progress import meter
from pytest_oneroof.sealing.seal import SealBroken

BROKEN = 3
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("name")
@click.argument("file", type=FILE)
@admin
@JSON
def snapshot(name: str, file: Path, admin_url: str | None, *, as_json: bool) -> None:
    """Dump the clone NAME to a new FILE (pg_dump -Fc), sealed by FILE.sha256.

    Never writes over a file. The seal is checked by restore, `oneroof seal check`
    and `sha256sum -c` alike.
    """
    with place(admin_url) as here:
        found = here.host.ours(name)
        require_no_template(found)
        with held(here.host, found), meter() as watch:
            done = snapshot_clone(here.host, found, file, watch)
        value = {
            "target": here.target,
            "clone": name,
            "file": str(done.file),
            "seal": str(done.seal),
            "sha256": done.sha256,
            **flow_data(done.flow),
        }
        lines = [
            f"{done.file}: {done.flow}, by pg_dump {done.tools}",
            f"sealed by {done.seal}: sha256 {done.sha256}",
        ]
        emit(value, lines, as_json=as_json)


@click.command()
@click.argument("file", type=FILE)
@click.argument("name")
@click.option("--replace", is_flag=True, help="Put it in the place of our clone NAME.")
@SANITISE
@PROTECT
@EXPIRES
@admin
@JSON
@click.pass_context
def restore(
    ctx: click.Context,
    file: Path,
    name: str,
    sanitise: tuple[Path, ...],
    admin_url: str | None,
    expires: str | None,
    *,
    replace: bool,
    protect: bool,
    as_json: bool,
) -> None:
    """Make the clone NAME of a snapshot FILE whose seal holds (else: status 3).

    With --replace it takes the place, and the roles, of a clone of ours, which
    goes only when the new one is whole.
    """
    until = parse_expiry(expires, datetime.now(UTC)) if expires else ""
    with place(admin_url) as here:
        wish = Wish(name, sanitise, protect, until, keep=here.keeper(name))
        try:
            if replace:
                done = _replace(here, file, wish)
            else:
                require_new(here, name)
                with meter() as watch:
                    done = restore_clone(here.host, file, wish, watch)
        except SealBroken as broken:
            click.echo(f"oneroof: {broken}\nnothing was restored", err=True)
            ctx.exit(BROKEN)
        here.record(done.found)
        differing = here.differing(done.found)
        told, data = _told(done, differing), _data(done, differing)
        show(here, name, told, data, as_json=as_json)


def _replace(here: Place, file: Path, wish: Wish) -> Restored:
    check_pattern(here, wish.name)
    old = here.host.ours(wish.name)
    require_no_template(old)
    require_unprotected(old)
    wish = dataclasses.replace(wish, replaces=old)
    with held(here.host, old, alone=True), meter() as watch:
        done = restore_clone(here.host, file, wish, watch)
        with here.host.making():
            drop_source(here.host, old)
            drop_replaced(here.host, old)
    here.baseline_file(old.name, old.marker).unlink(missing_ok=True)
    return done


def _told(done: Restored, differing: list[str]) -> list[str]:
    return [
        f"seal holds: sha256 {done.sha256}",
        *done.notes,
        f"restored {done.flow} of {done.header.database}",
        *differing,
    ]


def _data(done: Restored, differing: list[str]) -> dict[str, Any]:
    return {
        "sha256": done.sha256,
        "restored_from": done.header.database,
        **flow_data(done.flow),
        "notes": [*done.notes, *differing],
    }
