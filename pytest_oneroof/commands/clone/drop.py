"""`oneroof clone reset | drop | gc`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click
import psycopg

from pytest_oneroof.clone import lifecycle, standin
from pytest_oneroof.clone.gc import Judged, collect
from pytest_oneroof.clone.hold import (
    held,
    require_free,
    require_no_template,
    require_unprotected,
)
from pytest_oneroof.clone.login import repair_roles
from pytest_oneroof.clone.reset import reset_from, template_of
from pytest_oneroof.commands.clone.list import show
from pytest_oneroof.commands.clone.place import Place, place
from pytest_oneroof.commands.output import JSON, emit
from pytest_oneroof.commands.project import admin
from pytest_oneroof.errors import CloneError, SettingsError
from pytest_oneroof.ownership.proofs import OurDatabase
from pytest_oneroof.run.progress import meter


@click.command()
@click.argument("name")
@click.option(
    "--in-place",
    is_flag=True,
    help="Take the stages' rows back and run the stages again, in the same database.",
)
@admin
@JSON
def reset(name: str, admin_url: str | None, *, in_place: bool, as_json: bool) -> None:
    """Bring the clone NAME back to its baseline.

    By a fresh copy of its template, under the same name and roles, which takes
    its place only when it is whole; or --in-place: the stages are taken back in
    the order of the foreign keys, then run again. Its roles lose every setting, and
    get the password that they were made with.
    """
    with place(admin_url) as here:
        found = here.host.ours(name)
        require_no_template(found)
        require_unprotected(found)
        with held(here.host, found, alone=True):
            phases = _reset_in_place(here, found) if in_place else _reset(here, found)
        found = here.host.ours(name)
        repair_roles(here.host, found, here.kept_url(found))
        here.record(found)
        notes = [*phases, *here.differing(found)]
        how = "in place" if in_place else "template"
        show(here, name, notes, {"reset": how, "notes": notes}, as_json=as_json)


@click.command()
@click.argument("name")
@admin
@JSON
def drop(name: str, admin_url: str | None, *, as_json: bool) -> None:
    """Drop a clone that carries our marker, and no other database.

    What blocks it is named with the statement that lifts it; nothing is ended
    that is not ours.
    """
    with place(admin_url) as here, here.host.making():
        found = here.host.ours(name)
        require_no_template(found)
        require_unprotected(found)
        require_free(here.host, found)
        lifecycle.drop(here.host, found)
        lifecycle.drop_source(here.host, found)
        here.forget(found)
        value = {"target": here.target, "dropped": name}
        emit(value, [f"dropped {name}"], as_json=as_json)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@admin
@JSON
def gc(admin_url: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Drop expired clones and what dead runs left.

    Kept are protected clones, those in use, and those that something blocks;
    each is told with its reason.
    """
    with place(admin_url) as here, here.host.making():
        before = {found.name: found for found in here.host.all_ours()}
        judged = collect(here.host, datetime.now(UTC), dry_run=dry_run)
        if not dry_run:
            _forget(here, judged, before)
            here.forget_absent()
        value = {
            "target": here.target,
            "dry_run": dry_run,
            "judged": [asdict(entry) for entry in judged],
        }
        emit(value, _lines(judged, dry_run=dry_run), as_json=as_json)


def _reset(here: Place, found: OurDatabase) -> list[str]:
    template = _template_of(here, found)
    with meter() as watch:
        fresh = reset_from(here.host, found, template, watch)
    with here.host.making():
        lifecycle.move_source(here.host, found, fresh)
    here.baseline_file(found.name, found.marker).unlink(missing_ok=True)
    return [f"a fresh copy of {template.name}"]


def _template_of(here: Place, found: OurDatabase) -> OurDatabase:
    built = here.server.state["template"] if here.server else None
    template = template_of(here.host, found, built=built)
    if template is None:
        raise SettingsError(
            f"{found.name!r} has no template to reset to\n"
            f"to fix this, either: oneroof clone reset {found.name} --in-place\n"
            f"or: oneroof clone restore FILE {found.name} --replace\n"
            f"or keep one beforehand: oneroof clone baseline {found.name} --template"
        )
    return template


def _reset_in_place(here: Place, found: OurDatabase) -> list[str]:
    pack = here.project.pack
    phases = [here.phase(found)]
    for files in (standin.undo_of(pack), standin.stages_of(pack)):
        try:
            standin.run_stages(here.host, found, files)
        except psycopg.Error as error:
            raise CloneError(
                f"{found.name!r} is not reset, its phase is {here.phase(found)}: "
                f"{str(error).strip()}\nwhat the last file did is undone; a fresh "
                f"copy: oneroof clone reset {found.name}"
            ) from error
        phases.append(here.phase(found))
    with here.host.making():
        lifecycle.drop_source(here.host, found)
    return [f"phase {' → '.join(phases)}"]


def _forget(here: Place, judged: list[Judged], before: dict[str, OurDatabase]) -> None:
    for entry in judged:
        if entry.goes and entry.name in before:
            here.forget(before[entry.name])


def _lines(judged: list[Judged], *, dry_run: bool) -> list[str]:
    verb = "would drop" if dry_run else "dropped"
    lines = [
        f"{verb if entry.goes else 'kept'} {entry.what} {entry.name}: {entry.why}"
        for entry in judged
    ]
    freed = sum(entry.size for entry in judged if entry.goes)
    if not any(entry.goes for entry in judged):
        return [*lines, "nothing to collect"]
    return [*lines, f"{freed / 2**20:,.0f} MB {'to free' if dry_run else 'freed'}"]
