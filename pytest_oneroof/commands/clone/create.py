"""`oneroof clone create | adopt | baseline`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from pytest_oneroof.clone import lifecycle, standin
from pytest_oneroof.clone.adopt import adopt as make_clone
from pytest_oneroof.clone.adopt import find_adoptable, remark
from pytest_oneroof.clone.copying import create_copy
from pytest_oneroof.clone.create import Creation
from pytest_oneroof.clone.expiry import parse_expiry
from pytest_oneroof.clone.hold import held, locked, require_no_template
from pytest_oneroof.clone.origin import AUTO, DUMP, TEMPLATE, read_origin
from pytest_oneroof.clone.wish import Wish
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
from pytest_oneroof.errors import CloneError, SettingsError
from pytest_oneroof.ownership.proofs import CLONE, OurDatabase
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
@admin
@JSON
def create(
    name: str | None,
    source: str | None,
    by: str,
    sanitise: tuple[Path, ...],
    admin_url: str | None,
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
            copy = _copy_baseline(here, name, by, sanitise)
            if protect or until:
                copy = remark(here.host, copy, protected=protect, expires=until)
            show(here, copy.name, as_json=as_json)
            return
        name = name or _new_name(here, source)
        require_new(here, name)
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
@admin
@JSON
def adopt(
    name: str,
    source: str,
    admin_url: str | None,
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
        adoptable = find_adoptable(here.host, name)
        known = here.host.find_ours(name)
        if known is not None:
            require_no_template(known)
            _require_own_roles(here, known)
        hold = (
            held(here.host, known) if known else locked(here.host, adoptable.oid, name)
        )
        with hold:
            made, _ = make_clone(
                here.host,
                adoptable,
                source=source,
                keep=here.keeper(name),
                say=lines.append,
            )
            if protect or until:
                made = remark(here.host, made, protected=protect, expires=until)
            here.record(made)
        show(here, name, lines, {"notes": lines}, as_json=as_json)


@click.command()
@click.argument("name")
@click.option(
    "--template",
    is_flag=True,
    help="Also keep a copy as template: to reset to, and for -n.",
)
@admin
@JSON
def baseline(
    name: str, admin_url: str | None, *, template: bool, as_json: bool
) -> None:
    """Bring a clone to its baseline by the committed stages of the pack.

    Refused, and nothing is changed, at another phase than that they begin at. The
    state is then recorded, for comparison after a crash.
    """
    with place(admin_url) as here:
        found = here.host.ours(name)
        require_no_template(found)
        stages = standin.stages_of(here.project.pack)
        with held(here.host, found, alone=True):
            _require_start(here, found)
            with here.host.making():
                lifecycle.drop_source(here.host, found)
            notices = standin.run_stages(here.host, found, stages)
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
) -> OurDatabase:
    if here.server is None or by != AUTO or sanitise:
        raise SettingsError(
            "--from DATABASE says what to copy\nonly a further copy of the embedded "
            "baseline needs none, and that is neither dumped nor sanitised"
        )
    template = here.host.ours(here.server.state["template"])
    name = name or f"{here.server.state['clone']}_{{run}}"
    require_new(here, name.replace("{run}", "0"))
    with here.host.making():
        return create_copy(here.host, template, name, CLONE)


def _require_own_roles(here: Place, found: OurDatabase) -> None:
    """A new password would lock out those who use the old one for other copies."""
    others = [
        name
        for name, marker in here.host.markers()
        if marker.role == found.marker.role and name != found.name
    ]
    if others:
        raise CloneError(
            f"{found.name!r} shares its check role with {', '.join(others)}: a new "
            "password would lock those out\nit is a clone already: nothing was changed"
        )


def _require_start(here: Place, found: OurDatabase) -> None:
    start = standin.start_of(here.project.pack)
    if (phase := here.phase(found)) != start:
        raise SettingsError(
            f"{found.name!r} is not brought to its baseline, its phase is {phase}: "
            f"the stages begin at {start}\nnothing was changed\n"
            f"back to {start} and forth again: oneroof clone reset {found.name} "
            "--in-place"
        )
