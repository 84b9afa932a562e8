"""Where `oneroof rollout` works beside a production, and where logs are kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pytest_oneroof import settings as s
from pytest_oneroof.clone import standin
from pytest_oneroof.clone.host import Host
from pytest_oneroof.commands.project import Project, read_ini, read_project
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.ownership.proofs import OurDatabase
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.postgres.embedded import default_cache
from pytest_oneroof.release.rehearse_copy import Main

Say = Callable[[str], Any]
STAND_IN = "stand-in"


@contextlib.contextmanager
def server_of(
    say: Say,
    project: Project,
    admin_url: str | None = None,
    source: str | None = None,
    main: str | None = None,
) -> Iterator[tuple[Host, str, Main | None]]:
    """Yield the server, what is copied there, and the main clone, held if free."""
    rules = project.rules(admin_url)
    if admin_url is not None:
        origin = needed(source, "--from DATABASE says what to copy")
        records = Records(_cache(project) / "databases")
        with contextlib.closing(Host(admin_url, records, rules)) as host:
            found = host.ours(main) if main is not None else None
            yield host, origin, _main(host, found)
        return
    server = standin.acquire(*project, say)
    click.echo("oneroof: no target given: this is the embedded stand-in", err=True)
    try:
        with contextlib.closing(standin.host_of(server, project.pack, rules)) as host:
            found = host.ours(main or server.state["clone"])
            origin = source or server.state["production"]
            yield host, origin, _main(host, found)
    finally:
        server.release()


def _main(host: Host, found: OurDatabase | None) -> Main | None:
    return None if found is None else Main(found, free=host.try_lock(found.oid))


def needed(value: str | None, told: str) -> str:
    """Return a value that was given; raise SettingsError where it is missing."""
    if not value:
        raise SettingsError(f"missing: {told}")
    return value


def logs_folder(given: Path | None) -> Path:
    """Return where logs are kept: as given, or in the cache folder."""
    return given if given is not None else _cache(read_project()) / "rollouts"


def record_folders(given: Path | None) -> tuple[Path, ...]:
    """Return where records are looked for besides a log folder that was given."""
    return () if given is None else (_cache(read_project()) / "rollouts",)


@dataclass(frozen=True)
class Signers:
    """The file of who may sign, and the ini file that says so; both may be none."""

    file: Path | None
    ini: Path | None

    def line(self) -> str:
        """Tell whether seals and rehearsals have to be signed."""
        if self.file is None:
            where = self.ini or f"an ini file above {Path.cwd()}"
            return f"no signature demanded: no oneroof_allowed_signers in {where}"
        return f"signature demanded by {self.ini}: {self.file}"


def signers() -> Signers:
    """Return who may sign, by the ini file of the current folder."""
    ini = read_ini()
    found = s.resolve({}, {}, ini.get).allowed_signers
    return Signers(None if found is None else ini.path(found), ini.file)


def _cache(project: Project) -> Path:
    return project.settings.cache_dir or default_cache()
