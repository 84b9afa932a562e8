"""Fingerprints of a database: reading, comparing, and telling what differs.

Schema and content fingerprints are read by their own modules and re-exported here;
this one holds what both share: differences, their text, and plain data for JSON.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pytest_oneroof import errors as e
from pytest_oneroof.postgres.fingerprint_content import (
    CONTENT_FORMULA,
    Content,
    ContentFingerprint,
    read_content,
)
from pytest_oneroof.postgres.fingerprint_schema import (
    OWN_SCHEMA,
    SCHEMA_FORMULA,
    SchemaFingerprint,
    Scope,
    read_schema,
)

__all__ = [
    "CONTENT_FORMULA",
    "OWN_SCHEMA",
    "SCHEMA_FORMULA",
    "Content",
    "ContentFingerprint",
    "Difference",
    "SchemaFingerprint",
    "Scope",
    "compare",
    "compare_content",
    "from_data",
    "read_content",
    "read_schema",
    "render",
    "to_data",
]

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_CONTEXT_LINES = 2
_SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}


@dataclass(frozen=True)
class Difference:
    """One object that is not alike on both sides; the side that lacks it has None."""

    kind: str
    identity: str
    change: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """Return a headline and a small unified diff of the definitions."""
        kind = self.kind.replace("_", " ")
        lines = [f"{_SIGNS[self.change]} {kind} {self.identity} {self.change}"]
        before, after = _visible(self.before), _visible(self.after)
        diff = difflib.unified_diff(before, after, lineterm="", n=_CONTEXT_LINES)
        lines += [f"    {line}" for line in list(diff)[2:] if line[:2] != "@@"]
        return "\n".join(lines)


def compare(
    before: SchemaFingerprint, after: SchemaFingerprint
) -> tuple[Difference, ...]:
    """Return what differs between two schema fingerprints, by kind and identity.

    Raise OneroofError when they were read by different formulas.
    """
    _require_same_formula(before.formula, after.formula)
    return _differences(before.objects, after.objects)


def compare_content(
    before: ContentFingerprint, after: ContentFingerprint
) -> tuple[Difference, ...]:
    """Return what differs between two content fingerprints, by kind and identity.

    What is unreadable on both sides is no difference and is not shown to be equal:
    see `unreadable`. Raise OneroofError when the formulas differ.
    """
    _require_same_formula(before.formula, after.formula)
    return _differences(
        {key: str(item) for key, item in before.items.items()},
        {key: str(item) for key, item in after.items.items()},
    )


def render(differences: Sequence[Difference]) -> str:
    """Return the differences as text, one headline and one diff each."""
    if not differences:
        return "no difference"
    head = f"{len(differences)} difference{'s'[: len(differences) != 1]}"
    return "\n".join([head, *(str(difference) for difference in differences)])


def to_data(
    fingerprint: SchemaFingerprint | ContentFingerprint,
    differences: Iterable[Difference] | None = None,
) -> dict[str, Any]:
    """Return a fingerprint, and differences to another, as plain data for JSON."""
    data: dict[str, Any] = {
        "formula": fingerprint.formula,
        "digest": fingerprint.digest,
        "database": fingerprint.database,
        "left_out": list(fingerprint.left_out),
    }
    if isinstance(fingerprint, SchemaFingerprint):
        data["server_version"] = fingerprint.server_version
        data["objects"] = dict(fingerprint.objects)
    else:
        data["unreadable"] = list(fingerprint.unreadable)
        data["items"] = {key: asdict(item) for key, item in fingerprint.items.items()}
    if differences is not None:
        data["differences"] = [asdict(difference) for difference in differences]
    return data


def from_data(data: Mapping[str, Any]) -> SchemaFingerprint | ContentFingerprint:
    """Return the fingerprint that `to_data` made the data of.

    Raise OneroofError when the digest written there is not that of its objects.
    """
    fingerprint: SchemaFingerprint | ContentFingerprint
    common = {
        "formula": data["formula"],
        "database": data["database"],
        "left_out": tuple(data["left_out"]),
    }
    if "objects" in data:
        fingerprint = SchemaFingerprint(
            data["objects"], server_version=data["server_version"], **common
        )
    else:
        items = {key: Content(**item) for key, item in data["items"].items()}
        fingerprint = ContentFingerprint(items, **common)
    if fingerprint.digest != data["digest"]:
        raise e.OneroofError(
            f"stored fingerprint of {data['database']} is damaged: "
            f"digest {data['digest']}, its objects give {fingerprint.digest}"
        )
    return fingerprint


def _require_same_formula(before: str, after: str) -> None:
    if before != after:
        raise e.OneroofError(
            f"fingerprints of two formulas cannot be compared: {before} and {after}"
        )


def _differences(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[Difference, ...]:
    found = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        change = ADDED if old is None else REMOVED if new is None else CHANGED
        kind, _, identity = key.partition(" ")
        found.append(Difference(kind, identity, change, old, new))
    return tuple(found)


def _visible(text: str | None) -> list[str]:
    """Return the lines of `text`, blanks at their ends made visible."""
    lines = (text or "").split("\n") if text is not None else []
    return [_marked(line) for line in lines]


def _marked(line: str) -> str:
    stripped = line.rstrip()
    rest = line[len(stripped) :]
    return stripped + rest.replace(" ", "·").replace("\t", "→").replace("\r", "␍")
