"""Which databases may be acted on: what is seen of one in, a proof or reasons out.

Pure. A proof is a value that only the judge of its kind makes, from what the acting
connection says; whatever changes a database asks for one (`acts`). A declared
production gets none, whatever is written on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from pytest_oneroof.errors import GuardRefused
from pytest_oneroof.ownership.marker import Marker, parse_marker
from pytest_oneroof.ownership.records import Record
from pytest_oneroof.ownership.rules import Reason, Rules
from pytest_oneroof.postgres.identity import Identity

CLONE, COPY, THROWAWAY, REHEARSAL = "clone", "copy", "throwaway", "rehearsal"
TEMPLATE, KEPT, MAKING, REPLACED = "template", "kept", "making", "replaced"
# Kinds on which checks may run. The others are copied from, kept for a person to look
# at, not whole yet, or on their way out.
SERVING = (CLONE, COPY, THROWAWAY, REHEARSAL)
# Kinds whose databases belong to a run, and go when that run is dead.
PASSING = (COPY, THROWAWAY, REHEARSAL, MAKING, REPLACED)

_KINDS = {
    TEMPLATE: "a template, which clones are copied from",
    KEPT: "kept for a person to look at",
    MAKING: "still being made",
    REPLACED: "replaced, and about to go",
}
STANDBY = Reason(
    "standby",
    "the server is a hot standby (in recovery)",
    "nothing can be written there, and it may be production's own replica",
    "use a clone on a writable server",
)
_MINT = object()
_NONCE = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Seen:
    """A database, whoever's it is, as an acting connection sees it at one moment."""

    identity: Identity
    comment: str | None
    takes_connections: bool
    is_template: bool
    in_recovery: bool

    @property
    def name(self) -> str:
        """Its name."""
        return self.identity.name

    @property
    def oid(self) -> int:
        """Its oid."""
        return self.identity.oid


@dataclass(frozen=True)
class _Proof:
    """What all proofs are: what was seen when it was made, and that a judge made it."""

    seen: Seen
    minted: object = field(repr=False)

    def __post_init__(self) -> None:
        if self.minted is not _MINT:
            raise TypeError(f"a {type(self).__name__} is made by its judge alone")

    @property
    def name(self) -> str:
        """The database's name."""
        return self.seen.name

    @property
    def oid(self) -> int:
        """The database's oid."""
        return self.seen.oid


@dataclass(frozen=True)
class OurDatabase(_Proof):
    """A database that carries our marker as its own: the licence to act on it."""

    marker: Marker


@dataclass(frozen=True)
class Adoptable(_Proof):
    """A database that may become a clone: the licence to write its marker."""


@dataclass(frozen=True)
class HalfMade(_Proof):
    """A database that was created by us and never marked: the licence to drop it."""

    nonce: str


@dataclass(frozen=True)
class Source(_Proof):
    """A database that is copied as a template. It is only read."""


@dataclass(frozen=True)
class Empty:
    """An empty database as what a new one is made from: template0, and a locale.

    `locale` are words of the statement that creates it.
    """

    locale: sql.Composable


@dataclass(frozen=True)
class NewName:
    """A name that a new database of ours may have: the licence to create it."""

    name: str
    minted: object = field(repr=False)

    def __post_init__(self) -> None:
        if self.minted is not _MINT:
            raise TypeError("a NewName is made by its judge alone")


Reasons = tuple[Reason, ...]
MadeFrom = OurDatabase | Source | Empty


def judge_ours(seen: Seen, rules: Rules) -> OurDatabase | Reasons:
    """Return the proof that a database is ours, or every reason against it."""
    if reasons := reasons_against(seen, rules):
        return reasons
    marker = parse_marker(seen.comment)
    assert marker is not None
    return OurDatabase(seen, _MINT, marker)


def judge_adoptable(
    seen: Seen, sessions: Iterable[tuple[int, str]], rules: Rules
) -> Adoptable | Reasons:
    """Return the proof that a database may be made a clone, or every reason against.

    `sessions` are pid and role of those on it.
    """
    reasons = (
        *production_reasons(seen.identity, rules),
        *name_reasons(seen.name, rules),
        *_writable(seen),
        *_free(seen.name, list(sessions)),
        *_no_template(seen),
    )
    return reasons or Adoptable(seen, _MINT)


def judge_half_made(seen: Seen, record: Record, rules: Rules) -> HalfMade | Reasons:
    """Return the proof that a database is one that we had begun to make.

    Its name, which holds the nonce, stands in a record that was written before it;
    it has no comment and takes no connections, as when it was created.
    """
    reasons = (
        *production_reasons(seen.identity, rules),
        *name_reasons(seen.name, rules),
        *_writable(seen),
        *_recorded(seen, record),
    )
    return reasons or HalfMade(seen, _MINT, record.nonce)


def judge_new(new: Identity, rules: Rules, *, in_recovery: bool) -> NewName | Reasons:
    """Return the proof that a new database may have that name, or the reasons against.

    `new` is its identity, but for its oid, on the server that it will lie on.
    """
    reasons = (
        *production_reasons(new, rules),
        *name_reasons(new.name, rules),
        *([STANDBY] if in_recovery else []),
    )
    return reasons or NewName(new.name, _MINT)


def judge_source(seen: Seen) -> Source:
    """Return the proof of which database is copied: none is refused, as it is read."""
    return Source(seen, _MINT)


def proven(verdict: Any, name: str) -> Any:
    """Return the proof in a verdict; raise GuardRefused where it is reasons."""
    if isinstance(verdict, tuple):
        raise GuardRefused(name, verdict)
    return verdict


def reasons_against(seen: Seen, rules: Rules) -> Reasons:
    """Return every reason why a database is not provably ours, production first."""
    return (*_foreign(seen.identity, seen.comment, rules), *_writable(seen))


def is_ours(identity: Identity, comment: str | None, rules: Rules) -> bool:
    """Whether a database is one of ours, whoever may write to it at the moment."""
    return not any(True for _ in _foreign(identity, comment, rules))


def _foreign(identity: Identity, comment: str | None, rules: Rules) -> Iterable[Reason]:
    yield from production_reasons(identity, rules)
    yield from name_reasons(identity.name, rules)
    yield from marker_reasons(identity, comment)


def serving_reasons(marker: Marker) -> Reasons:
    """Return the reason against checks on a database whose marker says otherwise."""
    if marker.kind in SERVING:
        return ()
    return (
        Reason(
            "kind",
            f"its marker says that it is {_KINDS.get(marker.kind, 'of no known kind')}",
            "checks run on clones and copies of them, and on nothing else of ours",
            "use a clone: oneroof clone list shows them, clone create makes one",
        ),
    )


def marked_productions(all_seen: Iterable[Seen], rules: Rules) -> Reasons:
    """Return a reason for each declared production that carries a marker of ours."""
    return tuple(
        Reason(
            "production",
            f"{seen.name!r} is the declared production {str(production)!r}, and "
            f"carries a marker of ours",
            "somebody renamed a clone, restored a dump over it or copied a comment; "
            "nothing is collected or swept on a server in that state",
            f'if it is the production: COMMENT ON DATABASE "{seen.name}" IS NULL; if '
            "not: correct oneroof_productions in the ini file",
        )
        for seen in all_seen
        if parse_marker(seen.comment) is not None
        and (production := rules.production_of(seen.identity)) is not None
    )


def production_reasons(identity: Identity, rules: Rules) -> Iterable[Reason]:
    """Yield the reason against a declared production, or against none being declared.

    None is needed on the embedded server, where nothing else lives.
    """
    if production := rules.production_of(identity):
        yield Reason(
            "production",
            f"{identity.name!r} is the declared production {str(production)!r}",
            "nothing but the ratified executor writes to production",
            "name a clone of it: oneroof clone create",
        )
    if not rules.productions and rules.own_server:
        yield Reason(
            "production",
            "no production is declared (oneroof_productions is empty)",
            "a database can only be told from production when production is known",
            "list your productions in the ini file: oneroof_productions = NAME, "
            "HOST:PORT/NAME or SYSTEM_IDENTIFIER/NAME",
        )


def name_reasons(name: str, rules: Rules) -> Iterable[Reason]:
    """Yield the reason against a name that no clone has."""
    if not rules.is_clone_name(name):
        yield Reason(
            "name",
            f"the database is named {name!r}",
            f"a clone's whole name matches {rules.clone_pattern}",
            "give the clone such a name; if your clones have another form, set "
            "oneroof_clone_pattern in the ini file",
        )


def marker_reasons(identity: Identity, comment: str | None) -> Iterable[Reason]:
    """Yield the reason against a database that carries no marker as its own."""
    marker = parse_marker(comment)
    if marker is None:
        found = "a comment that is not ours" if comment else "no comment"
        yield Reason(
            "marker",
            f"the database carries no marker of ours ({found})",
            "only a database that was made or adopted as a clone is written to",
            f"oneroof clone adopt {identity.name} --admin-url URL",
        )
    elif why := marker.why_not_of(identity):
        yield Reason(
            "marker",
            f"the marker on the database is not its own: {why}",
            "a comment that travelled says nothing about the database it came to",
            f"where it is a clone: oneroof clone adopt {identity.name} --admin-url URL",
        )


def _writable(seen: Seen) -> Iterable[Reason]:
    if seen.in_recovery:
        yield STANDBY


def _free(name: str, sessions: list[tuple[int, str]]) -> Iterable[Reason]:
    if sessions:
        who = ", ".join(f"pid {pid} of {role}" for pid, role in sessions)
        yield Reason(
            "sessions",
            f"{name!r} has sessions: {who}",
            "a database that somebody works on could be a production",
            "end what is yours and try again",
        )


def _no_template(seen: Seen) -> Iterable[Reason]:
    if seen.is_template:
        yield Reason(
            TEMPLATE,
            "it is a template",
            "databases are copied from it, and what checks left would be in each",
            f'adopt a copy of it, or: ALTER DATABASE "{seen.name}" IS_TEMPLATE false',
        )


def _recorded(seen: Seen, record: Record) -> Iterable[Reason]:
    fits = (
        record.database == seen.name
        and record.system_identifier == seen.identity.system_identifier
        and _NONCE.fullmatch(record.nonce) is not None
        and seen.name.endswith(f"_{record.nonce[:8]}_{MAKING}")
        and seen.comment is None
        and not seen.takes_connections
    )
    if not fits:
        yield Reason(
            "record",
            f"{seen.name!r} is not as the record of its making says",
            "what is begun has a name with its nonce, no comment, and is closed",
            "nothing, if it is not ours; else drop it yourself",
        )
