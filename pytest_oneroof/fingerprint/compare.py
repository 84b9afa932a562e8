"""Fingerprints of a database: reading, comparing, and telling what differs.

Schema and content fingerprints are read by their own modules and re-exported here;
this one holds what both share: differences, their text, and plain data for JSON.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from pytest_oneroof import errors as e
from pytest_oneroof.fingerprint.content import (
    CONTENT_FORMULA,
    Content,
    ContentFingerprint,
    read_content,
)
from pytest_oneroof.fingerprint.schema import (
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
    "Fingerprint",
    "SchemaFingerprint",
    "Scope",
    "compare",
    "compare_content",
    "comparison_to_data",
    "from_data",
    "read_content",
    "read_schema",
    "render",
    "summarise",
    "to_data",
]

Fingerprint: TypeAlias = SchemaFingerprint | ContentFingerprint

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
    return _differences(before, after)


def compare_content(
    before: ContentFingerprint, after: ContentFingerprint
) -> tuple[Difference, ...]:
    """Return what differs between two content fingerprints, by kind and identity.

    What is unreadable on both sides is no difference and is not shown to be equal:
    see `unreadable`. Raise OneroofError when the formulas differ.
    """
    return _differences(before, after)


def render(differences: Sequence[Difference]) -> str:
    """Return the differences as text, one headline and one diff each."""
    if not differences:
        return "no difference"
    head = f"{len(differences)} difference{'s'[: len(differences) != 1]}"
    return "\n".join([head, *(str(difference) for difference in differences)])


def summarise(fingerprint: Fingerprint) -> str:
    """Return a fingerprint in a few lines: digest, number by kind, what is missing."""
    counts = Counter(name.partition(" ")[0] for name in _texts(fingerprint))
    lines = [
        f"{fingerprint.database}: {fingerprint.formula} {fingerprint.digest}",
        "  " + ", ".join(f"{kind} {counts[kind]}" for kind in sorted(counts)),
    ]
    if fingerprint.left_out:
        lines.append(f"  left out: {', '.join(fingerprint.left_out)}")
    lines += [f"  {key}: {text}" for key, text in _unreadable(fingerprint).items()]
    return "\n".join(line for line in lines if line.strip())


def to_data(fingerprint: Fingerprint) -> dict[str, Any]:
    """Return a fingerprint as plain data for JSON."""
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
    return data


def comparison_to_data(
    before: Fingerprint, after: Fingerprint, differences: Sequence[Difference]
) -> dict[str, Any]:
    """Return the comparison of two fingerprints as plain data for JSON."""
    return {
        "formula": before.formula,
        "equal": not differences,
        "before": {"database": before.database, "digest": before.digest},
        "after": {"database": after.database, "digest": after.digest},
        "left_out": sorted({*before.left_out, *after.left_out}),
        "unreadable": sorted({*_unreadable(before), *_unreadable(after)}),
        "differences": [
            {**asdict(difference), "text": str(difference)}
            for difference in differences
        ],
    }


def from_data(data: Mapping[str, Any]) -> Fingerprint:
    """Return the fingerprint that `to_data` made the data of.

    Raise OneroofError when the digest written there is not that of its objects.
    """
    fingerprint: Fingerprint
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


def _texts(fingerprint: Fingerprint) -> Mapping[str, str]:
    if isinstance(fingerprint, SchemaFingerprint):
        return fingerprint.objects
    return {key: str(item) for key, item in fingerprint.items.items()}


def _unreadable(fingerprint: Fingerprint) -> dict[str, str]:
    if isinstance(fingerprint, SchemaFingerprint):
        return {}
    return {key: str(fingerprint.items[key]) for key in fingerprint.unreadable}


def _differences(before: Fingerprint, after: Fingerprint) -> tuple[Difference, ...]:
    if before.formula != after.formula:
        raise e.OneroofError(
            "fingerprints of two formulas cannot be compared: "
            f"{before.formula} and {after.formula}"
        )
    was, now = _texts(before), _texts(after)
    found = []
    for key in sorted(was.keys() | now.keys()):
        old, new = was.get(key), now.get(key)
        if old == new:
            continue
        change = ADDED if old is None else REMOVED if new is None else CHANGED
        kind, _, identity = key.partition(" ")
        found.append(Difference(kind, identity, change, old, new))
    return tuple(found)


def _visible(text: str | None) -> list[str]:
    """Return the lines of `text`, blanks at their ends made visible."""
    return [] if text is None else [_marked(line) for line in text.split("\n")]


def _marked(line: str) -> str:
    stripped = line.rstrip()
    rest = line[len(stripped) :]
    return stripped + rest.replace(" ", "·").replace("\t", "→").replace("\r", "␍")
