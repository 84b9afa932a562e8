"""What a dump in custom format says of the database that it was made from."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from pytest_oneroof.clone.settings import Setting
from pytest_oneroof.errors import CloneError, SettingsError
from pytest_oneroof.ownership.marker import Marker, parse_marker
from pytest_oneroof.ownership.proofs import Empty
from pytest_oneroof.postgres.tools import Tools, fitting_tools

# As pg_dump writes them into the statement that a restore with --create begins with.
_CREATE = re.compile(r"^CREATE DATABASE (.+?) WITH TEMPLATE = template0(.*);$", re.M)
_LOCALE = re.compile(
    r" (?:ENCODING|LOCALE_PROVIDER|LOCALE|LC_COLLATE|LC_CTYPE|ICU_LOCALE|ICU_RULES"
    r"|BUILTIN_LOCALE) = (?:'(?:[^']|'')*'|[a-z]+)"
)
_QUOTED = r"(?:\"(?:[^\"]|\"\")+\"|[^\s\"]+)"
_SETTING = re.compile(
    rf"^ALTER (?:ROLE ({_QUOTED}) IN )?DATABASE {_QUOTED} SET (\S+) TO (.+);$", re.M
)
_COMMENT = re.compile(r"^COMMENT ON DATABASE .+? IS '((?:[^']|'')*)';$", re.M)
_TOO_NEW = "unsupported version"


@dataclass(frozen=True)
class Header:
    """A dump's database: its name, locale, settings and, if it was ours, marker."""

    database: str
    locale: str
    settings: tuple[Setting, ...]
    marker: Marker | None
    tools: Tools

    def empty(self) -> Empty:
        """Return an empty database like it, as what a new one is made from."""
        return Empty(sql.SQL(self.locale))


def read_header(file: Path, major: int) -> Header:
    """Return what a dump says, read by tools that fit a server of that major version.

    The dump is a sealed one, as its words become part of statements. Raise
    SettingsError for a file that is no dump in custom format.
    """
    for tools in fitting_tools(major):
        done = _read(tools, file)
        if done.returncode == 0:
            return _parsed(done.stdout, tools)
        if _TOO_NEW not in done.stderr:
            break
    else:
        raise CloneError(
            f"{file.name} was dumped by newer client tools than any on this machine\n"
            f"{done.stderr.strip()}"
        )
    raise SettingsError(f"{file.name} is no snapshot: {done.stderr.strip()}")


def _read(tools: Tools, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(tools.path("pg_restore"), "--create", "--schema-only"),
            *("--section=pre-data", "--file=-", str(file.absolute())),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _parsed(text: str, tools: Tools) -> Header:
    create, comment = _CREATE.search(text), _COMMENT.search(text)
    if create is None:
        raise SettingsError("the dump does not say which database it was made from")
    return Header(
        database=_plain(create[1]),
        locale="".join(_LOCALE.findall(create[2])),
        settings=tuple(_settings(text)),
        marker=parse_marker(comment[1].replace("''", "'")) if comment else None,
        tools=tools,
    )


def _settings(text: str) -> Iterator[Setting]:
    """Yield the settings of the database; their values are SQL as it stands there."""
    for role, name, value in _SETTING.findall(text):
        yield Setting(_plain(role), _plain(name), sql.SQL(value))


def _plain(name: str) -> str:
    """Return a name without its quotes."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
