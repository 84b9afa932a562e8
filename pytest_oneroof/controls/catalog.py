"""The catalog of faults: what is broken, how, and which checks must notice. Pure.

A catalog is a folder of JSON files. A check is named `suite:id`, as in the list of
checks (`coverage:r1.1`), one of a project's own by its node id; a name that ends in
`*` stands for all that begin so. docs/controls.md tells the format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_oneroof.errors import SettingsError

KINDS = ("sql", "admin", "session", "file", "production", "stepped")
AREAS = ("data", "schema", "boundary", "own")
_IDENT = re.compile(r"[a-z0-9][a-z0-9._-]*")
_KEYS = frozenset(
    {
        *("id", "kind", "area", "breaks", "does", "noticed", "but", "equivalent"),
        *("file", "definition", "old", "new", "session", "opens"),
        *("at", "declares"),
    }
)
_ROOTS = frozenset({"faults", "equivalent", "unseen", "production"})


@dataclass(frozen=True)
class Fault:
    """One thing broken.

    `does` are statements; `noticed` maps each check that must notice to a text that
    its failure has to hold ('' for any), `but` are exceptions to a name with `*`.
    `equivalent` is the reason why nobody can notice. `old` becomes `new` in a `file`
    of the package, or in the `definition` of a view or function. `opens` and
    `session` are a session beside the check's, `declares` is what is declared the
    production instead; `at` is where a stepped suite has to be. A generated fault
    breaks `relation`, and is shown to the checks that lean on it, `shown_to`; one that
    notices it is enough.
    """

    ident: str
    kind: str
    area: str
    breaks: str
    does: tuple[str, ...] = ()
    noticed: Mapping[str, str] = field(default_factory=dict)
    but: tuple[str, ...] = ()
    equivalent: str = ""
    file: str = ""
    definition: str = ""
    old: str = ""
    new: str = ""
    session: tuple[str, ...] = ()
    opens: str = ""
    declares: str = ""
    at: str = ""
    relation: str = ""
    shown_to: frozenset[str] = frozenset()

    @property
    def generated(self) -> bool:
        """Whether it was made from the database's catalog."""
        return bool(self.relation)


@dataclass(frozen=True)
class Explained:
    """Generated faults that no check can notice, by a pattern of their ids."""

    matches: re.Pattern[str]
    reason: str


@dataclass(frozen=True)
class Catalog:
    """Listed faults, explanations of generated ones, and of checks that kill none.

    `production` are committing files that make a production of a clone.
    """

    faults: tuple[Fault, ...] = ()
    explained: tuple[Explained, ...] = ()
    unseen: Mapping[str, str] = field(default_factory=dict)
    production: tuple[str, ...] = ()

    def joined(self, other: Catalog) -> Catalog:
        """Return both catalogs as one; raise SettingsError for an id that both have."""
        known = {fault.ident for fault in self.faults}
        for fault in other.faults:
            if fault.ident in known:
                raise SettingsError(f"two faults have the id {fault.ident!r}")
        return Catalog(
            (*self.faults, *other.faults),
            (*self.explained, *other.explained),
            {**self.unseen, **other.unseen},
            (*self.production, *other.production),
        )

    def reason(self, ident: str) -> str:
        """Return why a generated fault cannot be noticed, or ''."""
        found = (e.reason for e in self.explained if e.matches.fullmatch(ident))
        return next(found, "")


def read_catalog(folder: Path) -> Catalog:
    """Return the catalog in a folder's JSON files, read in the order of their names.

    Raise SettingsError, naming file and fault, for what the format does not admit.
    """
    if not folder.is_dir():
        raise SettingsError(f"the folder of faults is missing: {folder}")
    whole = Catalog()
    for file in sorted(folder.glob("*.json")):
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            whole = whole.joined(_catalog(data))
        except ValueError as error:
            raise SettingsError(f"{file}: {error}") from error
    return whole


def _catalog(data: Any) -> Catalog:
    if not isinstance(data, dict) or set(data) - _ROOTS:
        raise SettingsError(f"expected an object of {', '.join(sorted(_ROOTS))}")
    faults = tuple(_fault(entry) for entry in data.get("faults", ()))
    _once(fault.ident for fault in faults)
    explained = []
    for entry in data.get("equivalent", ()):
        if set(entry) != {"matches", "reason"} or not entry["reason"].strip():
            raise SettingsError(f"equivalent takes matches and a reason: {entry}")
        explained.append(Explained(re.compile(entry["matches"]), entry["reason"]))
    return Catalog(
        faults,
        tuple(explained),
        dict(data.get("unseen", {})),
        tuple(data.get("production", ())),
    )


def _fault(entry: Mapping[str, Any]) -> Fault:
    ident = str(entry.get("id", ""))
    wrong = []
    if not _IDENT.fullmatch(ident):
        wrong.append("an id is made of a-z, 0-9, dots and hyphens")
    if unknown := set(entry) - _KEYS:
        wrong.append(f"unknown: {', '.join(sorted(unknown))}")
    if entry.get("kind") not in KINDS:
        wrong.append(f"kind is one of {', '.join(KINDS)}")
    if entry.get("area", "own") not in AREAS:
        wrong.append(f"area is one of {', '.join(AREAS)}")
    if not str(entry.get("breaks", "")).strip():
        wrong.append("breaks says in a sentence what is broken")
    if not entry.get("noticed"):
        wrong.append("noticed names the checks that must notice")
    if entry.get("kind") == "file" and not (entry.get("file") and entry.get("old")):
        wrong.append("kind file takes file, old and new")
    if entry.get("kind") == "stepped" and not entry.get("at"):
        wrong.append("kind stepped takes at: a stage of the suite")
    if entry.get("kind") == "session" and not entry.get("opens"):
        wrong.append("kind session takes opens: admin or check")
    if wrong:
        raise SettingsError(f"fault {ident!r}: {'; '.join(wrong)}")
    noticed = entry.get("noticed", {})
    return Fault(
        ident=ident,
        kind=entry["kind"],
        area=entry.get("area", "own"),
        breaks=entry["breaks"],
        does=_texts(entry.get("does", ())),
        noticed=noticed if isinstance(noticed, dict) else dict.fromkeys(noticed, ""),
        but=_texts(entry.get("but", ())),
        equivalent=entry.get("equivalent", ""),
        file=entry.get("file", ""),
        definition=entry.get("definition", ""),
        old=_joined(entry.get("old", "")),
        new=_joined(entry.get("new", "")),
        session=_texts(entry.get("session", ())),
        opens=entry.get("opens", ""),
        declares=entry.get("declares", ""),
        at=entry.get("at", ""),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(_joined, value))


def _joined(value: Any) -> str:
    """Return a text that JSON may give as the list of its lines."""
    return value if isinstance(value, str) else "\n".join(value)


def _once(idents: Iterable[str]) -> None:
    seen: set[str] = set()
    for ident in idents:
        if ident in seen:
            raise SettingsError(f"two faults have the id {ident!r}")
        seen.add(ident)
