"""Settings of one run: every option, and where its value came from.

Apart from `options.py`, which teaches the table to pytest, so that the command
line tool reads the same settings without pytest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.redaction import Url

if TYPE_CHECKING:
    from pytest_oneroof.pack import Pack

Kind = Literal[
    "flag", "text", "url", "choice", "list", "pairs", "number", "path", "pattern"
]

_OFF = frozenset({"0", "false", "no", "off", ""})
# Matches no name: until the pack has said how its clones are named, none is one.
NO_CLONE = "(?!)"
DEFAULT_PACK = "oneroof"


class Option(NamedTuple):
    """One setting: its name without prefix, its kind, default and help text.

    With `ini_only` it has neither option nor environment variable, because it
    decides what or who is admitted and has to be seen in a review.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    metavar: str = ""
    ini_only: bool = False
    choices: tuple[str, ...] = ()


OPTIONS: tuple[Option, ...] = (
    Option(
        "clone",
        "flag",
        False,
        "Run the pack's suites, and of the project's own tests those that use "
        "the clone, on a guarded clone",
    ),
    Option(
        "clone_url",
        "url",
        None,
        "An existing clone on your own server, logging in as its check role "
        "(default: the embedded server)",
        "URL",
    ),
    Option(
        "admin_url",
        "url",
        None,
        "The administrator of that server: needed to close the clone, for -n, "
        "and for isolation 'database'",
        "URL",
    ),
    Option(
        "production_url",
        "url",
        None,
        "The production to accept, or to compare the clone with; read only",
        "URL",
    ),
    Option(
        "target",
        "text",
        None,
        "The environment to work on: which variables hold its URLs stands in the ini "
        "file's section [oneroof:NAME]",
        "NAME",
    ),
    Option(
        "pack",
        "text",
        DEFAULT_PACK,
        "What your team knows of its database: a folder, or an installed pack "
        "('none': your own tests only)",
        "NAME|DIR",
    ),
    Option(
        "suite",
        "list",
        (),
        "Of the pack's suites these ('all' for every one)",
        "NAME[,NAME]",
    ),
    Option("report", "path", None, "Write the evidence packet there", "DIR"),
    Option(
        "history",
        "path",
        None,
        "Add this run to its target's history there, and tell what changed since",
        "DIR",
    ),
    Option(
        "meta",
        "pairs",
        (),
        "What the report and the history tell of this run besides (may be repeated)",
        "KEY=VALUE",
    ),
    Option(
        "controls",
        "flag",
        False,
        "Also run the negative controls: every check must be seen failing",
    ),
    Option("pg_version", "number", 16, "Major version of the embedded server", "N"),
    Option(
        "profile",
        "choice",
        "default",
        "Size of the embedded stand-in: default (under 150 MB), or full (production's "
        "1.1 million births, over 1 GB)",
        "NAME",
        choices=("default", "full"),
    ),
    Option("strict", "flag", False, "Restored residue fails the check too"),
    Option(
        "keep_failed", "flag", False, "Keep a throw-away database whose test failed"
    ),
    Option("api_url", "url", None, "Your live read API, to compare with", "URL"),
    Option("faults", "path", None, "Folder of your own faults for the controls", "DIR"),
    Option("secrets_allow", "path", None, "Findings the secret scan allows", "FILE"),
    Option(
        "replace_postgresql",
        "list",
        (),
        "Fixtures of pytest-postgresql that run on the guarded clone instead",
        "NAME[,NAME]",
    ),
    Option("cache_dir", "path", None, "Where the embedded server is kept", "DIR"),
    Option(
        "allow_superuser",
        "flag",
        False,
        "Admit a check role that is superuser or may replicate",
        ini_only=True,
    ),
    Option(
        "clone_pattern",
        "pattern",
        NO_CLONE,
        "Regular expression that a clone's whole name must match (default: the pack's)",
        ini_only=True,
    ),
    Option(
        "productions",
        "list",
        (),
        "Declared productions: name, host:port/name, or system identifier/name "
        "(default: the pack's)",
        ini_only=True,
    ),
    Option(
        "allowed_databases",
        "list",
        (),
        "Databases that the read-only channel may read (default: the production)",
        ini_only=True,
    ),
    Option(
        "allowed_extensions",
        "list",
        (),
        "Extensions that are admitted although their code may leave the database",
        ini_only=True,
    ),
    Option(
        "allowed_routines",
        "list",
        (),
        "Routines and views, with their schema, that the read-only channel admits "
        "although they reach past READ ONLY",
        ini_only=True,
    ),
    Option(
        "allowed_signers",
        "path",
        None,
        "Who may sign release packets and rehearsals, in OpenSSH's format of "
        "allowed_signers; with it no packet runs unsigned",
        ini_only=True,
    ),
)
BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}


# Made in every pytest run where the package is installed: without the methods that
# nobody calls, each of which a dataclass compiles.
@dataclass(frozen=True, repr=False, eq=False)
class Settings:
    """All settings, read once; `sources` says where each value came from."""

    clone: bool = False
    clone_url: Url | None = None
    admin_url: Url | None = None
    production_url: Url | None = None
    target: str | None = None
    pack: str | None = DEFAULT_PACK
    suite: tuple[str, ...] = ()
    report: Path | None = None
    history: Path | None = None
    meta: tuple[str, ...] = ()
    controls: bool = False
    pg_version: int = 16
    profile: str = "default"
    strict: bool = False
    keep_failed: bool = False
    api_url: Url | None = None
    faults: Path | None = None
    secrets_allow: Path | None = None
    replace_postgresql: tuple[str, ...] = ()
    cache_dir: Path | None = None
    allow_superuser: bool = False
    clone_pattern: str = NO_CLONE
    productions: tuple[str, ...] = ()
    allowed_databases: tuple[str, ...] = ()
    allowed_extensions: tuple[str, ...] = ()
    allowed_routines: tuple[str, ...] = ()
    allowed_signers: Path | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    def told(self, name: str) -> str:
        """Return where the setting's value came from, in words."""
        return self.sources.get(name, "default")

    def joined(self, pack: Pack) -> Settings:
        """Return them with the pack's names of databases where none were set."""
        told = f"pack {pack.name}"
        values = {"clone_pattern": pack.clone_pattern, "productions": pack.productions}
        open_ = {k: v for k, v in values.items() if k not in self.sources}
        sources = {**self.sources, **dict.fromkeys(open_, told)}
        return replace(self, **open_, sources=sources)  # type: ignore[arg-type]


def resolve(
    command_line: Mapping[str, Any],
    environ: Mapping[str, str],
    ini: Callable[[str], Any],
    *,
    flag: str = "--oneroof-",
) -> Settings:
    """Return the settings: command line before environment before ini file.

    `command_line` maps names without prefix to values, None where not given; `flag`
    begins its options. `ini` returns the raw ini value for a name, or None where it
    is not set. Raise SettingsError for a value that its kind does not admit, and
    for one that is given empty: nobody meant the default by it.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for option in OPTIONS:
        raw, source = _first(option, command_line, environ, ini, flag)
        if source is not None:
            values[option.name] = _converted(option, raw, source)
            sources[option.name] = source
    return Settings(**values, sources=sources)


def wanted(name: str) -> str:
    """Return, in words, what kind of value a setting takes."""
    option = BY_NAME[name]
    return " or ".join(option.choices) or _WANTED[option.kind]


def _first(
    option: Option,
    command_line: Mapping[str, Any],
    environ: Mapping[str, str],
    ini: Callable[[str], Any],
    flag: str,
) -> tuple[Any, str | None]:
    name = option.name
    if not option.ini_only:
        if (value := command_line.get(name)) is not None:
            return value, f"{flag}{name.replace('_', '-')}"
        if (value := environ.get(f"ONEROOF_{name.upper()}")) is not None:
            return value, f"ONEROOF_{name.upper()}"
    if (value := ini(name)) is not None:
        if option.kind in ("list", "pairs") and isinstance(value, str):
            value = value.splitlines()  # as pytest gives a list: it may be empty
        return value, f"oneroof_{name} in the ini file"
    return None, None


def _converted(option: Option, raw: Any, source: str) -> Any:
    # An option that may be repeated comes as a list; so does one of the ini file.
    repeated = isinstance(raw, list) and source.startswith("-")
    given = raw if repeated else [raw]
    if option.kind != "flag" and any(
        isinstance(part, str) and not part.strip() for part in given
    ):
        raise SettingsError(
            f"{source} is given, and is empty: it must be {wanted(option.name)}\n"
            "to fix this, give it a value, or leave it out: an unset secret of a CI "
            "job is empty"
        )
    try:
        value = _CONVERTERS[option.kind](raw)
        if option.choices and value not in option.choices:
            raise ValueError("there is no such one")
        return value
    except (ValueError, re.error) as error:
        raise SettingsError(
            f"{source} must be {wanted(option.name)}, given: {raw!r} ({error})"
        ) from error


def is_on(word: str) -> bool:
    """Whether a flag's word asks for something: anything but a word for no."""
    return word.strip().lower() not in _OFF


def _flag(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    if not is_on(str(raw)):
        return False
    if str(raw).strip().lower() in {"1", "true", "yes", "on"}:
        return True
    raise ValueError("neither true nor false")


def _list(raw: Any) -> tuple[str, ...]:
    parts = [raw] if isinstance(raw, str) else list(raw)
    words = [word.strip() for part in parts for word in re.split(r"[,\n]", part)]
    return tuple(dict.fromkeys(word for word in words if word))


def _pairs(raw: Any) -> tuple[str, ...]:
    """Return what has the form KEY=VALUE; a text may hold several, by commas."""
    parts = re.split(r",(?=[^,=]+=)|\n", raw) if isinstance(raw, str) else list(raw)
    pairs = [part.strip() for part in parts if part.strip()]
    for pair in pairs:
        if not pair.partition("=")[0].strip() or "=" not in pair:
            raise ValueError(f"{pair!r} has no key, or no '='")
    return tuple(pairs)


def _pattern(raw: Any) -> str:
    re.compile(raw)
    return str(raw)


def _text(raw: Any) -> str:
    return str(raw).strip()


def _url(raw: Any) -> Url:
    return Url(_text(raw))


def _path(raw: Any) -> Path:
    return Path(raw).expanduser()


_CONVERTERS: dict[Kind, Callable[[Any], Any]] = {
    "flag": _flag,
    "text": _text,
    "url": _url,
    "choice": _text,
    "list": _list,
    "pairs": _pairs,
    "number": int,
    "path": _path,
    "pattern": _pattern,
}
_WANTED: dict[Kind, str] = {
    "flag": "true or false",
    "text": "text",
    "url": "a URL",
    "choice": "one of its names",
    "list": "a list of names",
    "pairs": "KEY=VALUE",
    "number": "a whole number",
    "path": "a path",
    "pattern": "a regular expression",
}
