"""The marker that makes a database ours: a comment on the database, and its text."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import asdict, dataclass

from pytest_oneroof.postgres.identity import Identity

PREFIX = "pytest-oneroof clone "
# What a stand-in carries, as the comment on its schema `public`.
SURROGATE = "GENERATED_SURROGATE_NOT_REAL_PRODUCTION_DUMP"


@dataclass(frozen=True)
class Marker:
    """What the marker says: who made this clone, when, from what, and which it is.

    `nonce` is random, so that no two clones carry the same marker; `source` is
    the database copied from; `created` is UTC, ISO 8601; `role` is the clone's
    check role; `owner` its owner role; `kind` tells what it is for (see `proofs`).
    `system_identifier`, `oid` and `name` are those of the database that it was
    written on: a comment travels by RENAME, by pg_dump and by hand, and proves
    nothing elsewhere.
    """

    nonce: str
    source: str
    created: str
    kind: str
    owner: str
    role: str
    baseline: str = ""
    protected: bool = False
    expires: str = ""
    system_identifier: str = ""
    oid: int = 0
    name: str = ""

    def text(self) -> str:
        """Return the comment's text."""
        return PREFIX + json.dumps(asdict(self), sort_keys=True)

    def bound_to(self, identity: Identity) -> Marker:
        """Return the marker as it is written on that database."""
        return dataclasses.replace(
            self,
            system_identifier=identity.system_identifier,
            oid=identity.oid,
            name=identity.name,
        )

    def why_not_of(self, identity: Identity) -> str:
        """Return how the marker came to a database that it was not written on.

        '' where it was written on that very database.
        """
        if not self.name:
            return "it does not say which database it was written on"
        written = f"it was written on {self.name!r}"
        if self.system_identifier != identity.system_identifier:
            return (
                f"{written} of another server, system identifier "
                f"{self.system_identifier}: it came with a dump, or by hand"
            )
        if self.oid != identity.oid:
            return f"{written}, oid {self.oid}: it came with a dump, or by hand"
        if self.name != identity.name:
            return f"{written}: the database was renamed since"
        return ""


def parse_marker(comment: str | None) -> Marker | None:
    """Return the marker in a database's comment, or None where there is none.

    Whether it is that database's own, `Marker.why_not_of` tells.
    """
    if not comment or not comment.startswith(PREFIX):
        return None
    try:
        marker = Marker(**json.loads(comment[len(PREFIX) :]))
    except (TypeError, ValueError):
        return None
    return marker if _is_sound(marker) else None


def _is_sound(marker: Marker) -> bool:
    """Whether each field has its type: the text may be anybody's."""
    fields = dataclasses.fields(Marker)
    kinds = {"oid": int, "protected": bool}
    return all(
        type(getattr(marker, field.name)) is kinds.get(field.name, str)
        for field in fields
    )
