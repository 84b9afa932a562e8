"""`oneroof clone create | adopt | baseline`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pytest_oneroof.clone import adopt as adopting
from pytest_oneroof.clone import lifecycle, standin
from pytest_oneroof.clone.create import Creation
from pytest_oneroof.clone.expiry import parse_expiry
from pytest_oneroof.clone.hold import find_ours, held, require_no_template
from pytest_oneroof.clone.host import Found
from pytest_oneroof.clone.origin import AUTO, DUMP, TEMPLATE, read_origin
from pytest_oneroof.clone.wish import Wish
from pytest_oneroof.commands.clone.list import flow_data, show
from pytest_oneroof.commands.clone.place import (
    ADMIN,
    EXPIRES,
    PRODUCTION,
    PROTECT,
    Place,
    check_pattern,
    place,
    refuse_production,
    require_new,
)
from pytest_oneroof.commands.output import JSON, emit
from pytest_oneroof.errors import CloneError, SettingsError
from pytest_oneroof.pack.names import name_clone
from pytest_oneroof.run.progress import meter

SANITISE = click.option(
    "--sanitise",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    metavar="FILE",
    help="SQL to run on the copy before it becomes a clone (may be repeated).",
)


@click.command()
@click.argument("name", required=False)
@click.option(
    "--from",
    "source",
    metavar="DATABASE|URL",
    help="What to copy: a database of the same server, or any other by its URL.",
)
@click.option(
    "--by",
    type=click.Choice([AUTO, TEMPLATE, DUMP]),
    default=AUTO,
    help="template: CREATE DATABASE … TEMPLATE, while nobody is on it; dump: "
    "pg_dump | pg_restore, from a live one; auto: whichever fits.",
)
@SANITISE
@PROTECT
@EXPIRES
@ADMIN
@PRODUCTION
@JSON
def create(
    name: str | None,
    source: str | None,
    by: str,
    sanitise: tuple[Path, ...],
    admin_url: str | None,
    productions: tuple[str, ...],
    expires: str | None,
    *,
    protect: bool,
    as_json: bool,
) -> None:
    """Copy a database to the new clone NAME. The source is only read.

    Without --from and --admin-url: a further copy of the embedded baseline. The
    source's sessions are never ended, and what exists is never written over.
    """
    until = _until(expires)
    with place(admin_url) as here:
        if source is None:
            made_name = _copy_baseline(here, name, by, sanitise)
            if protect or until:
                _remark(here, made_name, protected=protect, expires=until)
            show(here, made_name, as_json=as_json)
            return
        name = name or _new_name(here, source)
        require_new(here, name)
        refuse_production(here, name, productions)
        wish = Wish(name, sanitise, protect, until, keep=here.keeper(name))
        origin = read_origin(here.host, source)
        with meter() as watch:
            made = Creation(here.host, origin, wish, watch).run(by)
            watch.begin("reading what later runs compare with")
            here.record(made.found)
        extra = {"way": made.way, **flow_data(made.flow), "notes": list(made.notes)}
        lines = [*made.notes, f"copied {made.flow}"]
        show(here, name, lines, extra, as_json=as_json)


@click.command()
@click.argument("name")
@click.option("--source", default="unknown", help="Which database it was copied from.")
@PROTECT
@EXPIRES
@ADMIN
@PRODUCTION
@JSON
def adopt(
    name: str,
    source: str,
    admin_url: str | None,
    productions: tuple[str, ...],
    expires: str | None,
    *,
    protect: bool,
    as_json: bool,
) -> None:
    """Make the existing database NAME a clone: roles, ownership, tripwire, marker.

    All of it, or nothing. Refused for whatever could be a production. A clone of
    ours is re-owned, and its check role gets a new password.
    """
    until = _until(expires)
    lines: list[str] = []
    with place(admin_url) as here:
        check_pattern(here, name)
        refuse_production(here, name, productions)
        found = here.host.find(name)
        if found is None:
            raise SettingsError(f"there is no database {name!r} to adopt")
        require_no_template(found)
        with held(here.host, found):
            _require_own_roles(here, found)
            lifecycle.adopt(
                here.host,
                name,
                source=source,
                keep=here.keeper(name),
                say=lines.append,
            )
            if protect or until:
                _remark(here, name, protected=protect, expires=until)
            here.record(find_ours(here.host, name))
        show(here, name, lines, {"notes": lines}, as_json=as_json)


@click.command()
@click.argument("name")
@click.option(
    "--template",
    is_flag=True,
    help="Also keep a copy as template: to reset to, and for -n.",
)
@ADMIN
@JSON
def baseline(
    name: str, admin_url: str | None, *, template: bool, as_json: bool
) -> None:
    """Bring a clone to its baseline by the committed stages of the pack.

    Refused, and nothing is changed, at another phase than that they begin at. The
    state is then recorded, for comparison after a crash.
    """
    with place(admin_url) as here:
        found = find_ours(here.host, name)
        require_no_template(found)
        assert found.marker is not None
        stages = standin.stages_of(here.project.pack)
        with held(here.host, found, alone=True):
            _require_start(here, found)
            with here.host.making():
                lifecycle.drop_source(here.host, found)
            notices = standin.run_stages(here.host, name, found.marker, stages)
            here.record(found)
            if template:
                with here.host.making():
                    lifecycle.ensure_source(here.host, found)
        value = {"target": here.target, "clone": name, "notices": notices}
        if template:
            value["template"] = lifecycle.source_name(found)
        emit(value, notices, as_json=as_json)


def _new_name(here: Place, source: str) -> str:
    """Return the name of a clone whose maker gave none."""
    database = source if source.isidentifier() else ""
    pattern = here.project.settings.clone_pattern
    return name_clone(pattern, f"{datetime.now(UTC):%Y%m%d}", source=database)


def _until(expires: str | None) -> str:
    return parse_expiry(expires, datetime.now(UTC)) if expires else ""


def _copy_baseline(
    here: Place, name: str | None, by: str, sanitise: tuple[Path, ...]
) -> str:
    if here.server is None or by != AUTO or sanitise:
        raise SettingsError(
            "--from DATABASE says what to copy\nonly a further copy of the embedded "
            "baseline needs none, and that is neither dumped nor sanitised"
        )
    template = here.host.find(here.server.state["template"])
    assert template is not None
    name = name or f"{here.server.state['clone']}_{{run}}"
    require_new(here, name.replace("{run}", "0"))
    with here.host.making():
        return lifecycle.create_copy(here.host, template, name, "clone").name


def _require_own_roles(here: Place, found: Found) -> None:
    """A new password would lock out those who use the old one for other copies."""
    marker = found.marker
    if marker is None:
        return
    others = [
        other.name
        for other in here.host.marked()
        if other.marker and other.marker.role == marker.role and other.oid != found.oid
    ]
    if others:
        raise CloneError(
            f"{found.name!r} shares its check role with {', '.join(others)}: a new "
            "password would lock those out\nit is a clone already: nothing was changed"
        )


def _require_start(here: Place, found: Found) -> None:
    start = standin.start_of(here.project.pack)
    if (phase := here.phase(found)) != start:
        raise SettingsError(
            f"{found.name!r} is not brought to its baseline, its phase is {phase}: "
            f"the stages begin at {start}\nnothing was changed\n"
            f"back to {start} and forth again: oneroof clone reset {found.name} "
            "--in-place"
        )


def _remark(here: Place, name: str, **changes: Any) -> None:
    found = find_ours(here.host, name)
    assert found.marker is not None
    adopting.remark(here.host, name, found.marker, **changes)
