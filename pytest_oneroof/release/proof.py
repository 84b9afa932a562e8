"""A rollback that proves itself: before, applied, rolled back, by fingerprints.

Applied must differ from before, and rolled back must equal before (domain:
evidence, 6.4). What others changed in between is told apart: it is no part of
what the packet did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from pytest_oneroof.fingerprint.compare import (
    ContentFingerprint,
    SchemaFingerprint,
    compare,
    compare_content,
    from_data,
    read_content,
    read_schema,
    to_data,
)

DID_NOT_MUTATE = "ROLLBACK_APPLY_DID_NOT_MUTATE"
NOT_RESTORED = "ROLLBACK_NOT_RESTORED_TO_PIN"

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Pin:
    """Schema and content of a database at one moment; what a rollback aims at."""

    schema: SchemaFingerprint
    content: ContentFingerprint

    @property
    def digest(self) -> str:
        """Return both digests, shortened, as one word."""
        return f"{self.schema.digest[:16]}+{self.content.digest[:16]}"

    def digests(self) -> dict[str, str]:
        """Return both digests whole."""
        return {"schema": self.schema.digest, "content": self.content.digest}

    def items(self) -> dict[str, str]:
        """Return every object and content by its identity."""
        contents = {name: str(item) for name, item in self.content.items.items()}
        return {**self.schema.objects, **contents}


@dataclass(frozen=True)
class Proof:
    """One rollback, judged: codes are empty when it holds.

    `drift` names what others changed between the apply and the rollback.
    """

    surface: str
    before: str
    applied: str
    rolled_back: str
    codes: tuple[str, ...]
    differences: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the apply changed something and the rollback put it all back."""
        return not self.codes

    def to_dict(self) -> dict[str, Any]:
        """Return it as an entry of a rollback proof (evidence 6.5)."""
        return {
            "surface": self.surface,
            "before_hash": self.before,
            "after_apply_hash": self.applied,
            "after_rollback_hash": self.rolled_back,
            "restored_match": NOT_RESTORED not in self.codes,
            "apply_mutated": DID_NOT_MUTATE not in self.codes,
            "codes": list(self.codes),
            "differences": list(self.differences),
            "drift": list(self.drift),
        }

    def lines(self) -> list[str]:
        """Return it as lines for a person."""
        lines = [
            f"rollback of {self.surface}: before {self.before}, applied "
            f"{self.applied}, rolled back {self.rolled_back}"
        ]
        lines += [f"  {code}" for code in self.codes]
        lines += [f"  differs: {told}" for told in self.differences[:10]]
        lines += [f"  changed by others meanwhile: {told}" for told in self.drift[:10]]
        return lines


def read_pin(connection: Connection, relations: Sequence[str] | None = None) -> Pin:
    """Read the whole schema, and the content of all or only these relations.

    Relations that are not there are part of the pin as absent: name those that
    the packet writes and that exist before it.
    """
    return Pin(read_schema(connection), read_content(connection, relations))


def prove(
    surface: str,
    before: Pin,
    applied: Pin,
    rolled_back: Pin,
    *,
    met: Pin | None = None,
) -> Proof:
    """Judge one apply and its rollback.

    `met` is what the rollback found when it began, if time went by since the
    apply: what differs from the apply there, and the apply had not touched, is
    drift of others, and expected to stay.
    """
    codes = []
    undone = (met or applied).items() != rolled_back.items()
    if applied.items() == before.items() or not undone:
        codes.append(DID_NOT_MUTATE)
    expected, drift = _expected(before, applied, met or applied)
    found = rolled_back.items()
    differences = [
        f"{name}: expected {_short(expected.get(name))}, "
        f"found {_short(found.get(name))}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
    if differences:
        codes.append(NOT_RESTORED)
    return Proof(
        surface,
        before.digest,
        applied.digest,
        rolled_back.digest,
        tuple(codes),
        tuple(differences),
        drift,
    )


def differences(before: Pin, after: Pin) -> list[str]:
    """Return what differs between two pins, a headline each."""
    found = (
        *compare(before.schema, after.schema),
        *compare_content(before.content, after.content),
    )
    return [f"{d.kind} {d.identity} {d.change}" for d in found]


def pins_to_data(pins: Mapping[str, Pin]) -> dict[str, Any]:
    """Return pins as plain data for JSON."""
    return {
        name: {"schema": to_data(pin.schema), "content": to_data(pin.content)}
        for name, pin in pins.items()
    }


def pins_from_data(data: Mapping[str, Any]) -> dict[str, Pin]:
    """Return the pins of plain data; raise ValueError where it holds none."""
    try:
        pins = {
            name: (from_data(pin["schema"]), from_data(pin["content"]))
            for name, pin in data.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no pins: {error!r}") from error
    found = {}
    for name, (schema, content) in pins.items():
        if not isinstance(schema, SchemaFingerprint) or not isinstance(
            content, ContentFingerprint
        ):
            raise ValueError(f"no pins: {name} is mixed up")
        found[name] = Pin(schema, content)
    return found


def _expected(
    before: Pin, applied: Pin, met: Pin
) -> tuple[dict[str, str], tuple[str, ...]]:
    was, made, now = before.items(), applied.items(), met.items()
    expected = dict(was)
    drift = []
    for name in sorted(made.keys() | now.keys()):
        if made.get(name) == now.get(name):
            continue
        if was.get(name) != made.get(name):
            # Changed by the packet and then by others: not expected to stay.
            continue
        drift.append(name)
        expected.pop(name, None)
        if name in now:
            expected[name] = now[name]
    return expected, tuple(drift)


def _short(text: str | None) -> str:
    if text is None:
        return "absent"
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
