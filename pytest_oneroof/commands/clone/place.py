"""Where a clone command works: on the user's server, or on the embedded one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psycopg

from pytest_oneroof.clone import standin
from pytest_oneroof.clone.blockers import application_of
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.lifecycle import role_url
from pytest_oneroof.clone.look import Look, file_of
from pytest_oneroof.commands.output import progress
from pytest_oneroof.commands.project import Project, read_project
from pytest_oneroof.errors import GuardRefused, ServerError, SettingsError
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import OurDatabase, production_reasons
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.pack.fit import fit_pack
from pytest_oneroof.postgres.embedded import EmbeddedServer, default_cache, write_whole
from pytest_oneroof.production.figures import Figures
from pytest_oneroof.redaction import redact

STAND_IN = "stand-in"
NO_PHASES = "the pack knows no phases"
SHOWN = 3
PROTECT = click.option(
    "--protect", is_flag=True, help="Never drop, replace or reset it: see unprotect."
)
EXPIRES = click.option(
    "--expires",
    metavar="WHEN",
    help="When gc may drop it: 30m, 12h, 7d, 2w, a date or a time (default: never).",
)


@dataclass(frozen=True)
class Place:
    """A server that a command works on, and what `--json` calls it.

    `server` is set on the embedded server, whose production is the stand-in.
    """

    host: Host
    server: EmbeddedServer | None
    cache: Path
    project: Project

    @property
    def target(self) -> str:
        """The word that `--json` has for the server."""
        return STAND_IN if self.server else redact(self.host.url("postgres"))

    def keeper(self, name: str) -> Callable[[Marker, str], None]:
        """Return what writes a clone's URL, with its password, to a private file."""

        def keep(marker: Marker, password: str) -> None:
            file = self.url_file(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, role_url(self.host, name, marker.role, password))

        return keep

    def kept_url(self, found: OurDatabase) -> str:
        """Return the URL that is kept for a clone's check role, or ''."""
        file, role = self.url_file(found.name), found.marker.role
        if file.is_file():
            return file.read_text(encoding="utf-8").strip()
        if self.server is None or self.server.state["role"] != role:
            return ""
        return role_url(self.host, found.name, role, self.server.state["password"])

    def url_file(self, name: str) -> Path:
        """Return the file that keeps the URL of a clone's check role."""
        return self.cache / "urls" / f"{self.host.system_identifier}-{name}"

    @contextlib.contextmanager
    def session(self, found: OurDatabase) -> Iterator[psycopg.Connection[Any]]:
        """Yield a session on a clone that is known as ours while it ends, too."""
        application = application_of(found.marker.nonce)
        with self.host.entered(found, application=application) as inside:
            yield inside.connection

    def phase(self, found: OurDatabase) -> str:
        """Return the phase at which a clone stands, in a word."""
        with self.session(found) as connection:
            fit = fit_pack(self.project.pack, connection)
            phase = Figures(fit.pack).phase_of(connection)
        return phase.name if phase else f"unknown ({fit.left_out or NO_PHASES})"

    def record(self, found: OurDatabase) -> None:
        """Read a clone whole, and keep that as what later runs compare with."""
        look = Look(self.baseline_file(found.name, found.marker))
        with self.session(found) as connection:
            look.record(connection)

    def differing(self, found: OurDatabase) -> list[str]:
        """Tell how the embedded server's own clone differs from its baseline.

        Runs compare that clone with the baseline that was built with the server.
        """
        if self.server is None or found.name != self.server.state["clone"]:
            return []
        look = Look(standin.baseline_file(self.server))
        with self.session(found) as connection:
            changed = look.compare(connection).changed
        if not changed:
            return ["as the baseline that runs compare with"]
        told = "; ".join(str(residue) for residue in changed[:SHOWN])
        return [
            f"not as the baseline that runs compare with, in {len(changed)} objects: "
            f"{told}\nback to it: oneroof clone reset {found.name}"
        ]

    def forget(self, found: OurDatabase) -> None:
        """Remove the files that were kept for a clone that is gone."""
        self.url_file(found.name).unlink(missing_ok=True)
        self.baseline_file(found.name, found.marker).unlink(missing_ok=True)

    def forget_absent(self) -> None:
        """Remove the URL files of clones that are not on the server."""
        head = f"{self.host.system_identifier}-"
        for file in (self.cache / "urls").glob(f"{head}*"):
            if self.host.find(file.name.removeprefix(head)) is None:
                file.unlink(missing_ok=True)

    def baseline_file(self, name: str, marker: Marker) -> Path:
        """Return the file that keeps what a clone is compared with."""
        return file_of(self.host.records.folder, name, marker.nonce)


@contextlib.contextmanager
def place(admin_url: str | None) -> Iterator[Place]:
    """Yield the server to work on; without a URL the embedded one, and say so.

    Raise ServerError, in the server's words, for what it refuses.
    """
    project = read_project(admin_url=admin_url)
    settings = project.settings
    rules = project.rules(settings.admin_url)
    cache = settings.cache_dir or default_cache()
    with contextlib.ExitStack() as stack:
        if settings.admin_url:
            server, url = None, settings.admin_url
            records = Records(cache / "databases")
        else:
            server = _embedded(project, stack)
            records, url = standin.records_of(server), server.url("postgres")
        try:
            host = stack.enter_context(contextlib.closing(Host(url, records, rules)))
            yield Place(host, server, cache, project)
        except psycopg.Error as error:
            told = redact(str(error)).strip()
            raise ServerError(f"the server refused: {told}") from error


def check_pattern(here: Place, name: str) -> None:
    """Raise GuardRefused for a production, SettingsError for a name no clone has."""
    rules, server = here.host.rules, here.host.acting.server
    if reasons := tuple(production_reasons(server.identity(name), rules)):
        raise GuardRefused(name, reasons)
    if not rules.is_clone_name(name):
        told = here.project.settings.told("clone_pattern")
        raise SettingsError(
            f"a clone's name must match {rules.clone_pattern} ({told}), given: {name!r}"
        )


def require_new(here: Place, name: str) -> None:
    """Raise SettingsError for a name that no clone may have, or that is taken."""
    check_pattern(here, name)
    if here.host.find(name) is not None:
        raise SettingsError(
            f"the database {name!r} exists already; nothing was created over it\n"
            "to fix this, choose another name or drop it: oneroof clone drop"
        )


def _embedded(project: Project, stack: contextlib.ExitStack) -> EmbeddedServer:
    click.echo(
        "oneroof: no --admin-url: this is the embedded server, with a stand-in "
        "production",
        err=True,
    )
    server = standin.acquire(project.settings, project.pack, progress())
    stack.callback(server.release)
    return server
