"""The marker that makes a database ours: a comment on the database, and its text."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

PREFIX = "pytest-oneroof clone "
# What a stand-in carries, as the comment on its schema `public`.
SURROGATE = "GENERATED_SURROGATE_NOT_REAL_PRODUCTION_DUMP"


@dataclass(frozen=True)
class Marker:
    """What the marker says: who made this clone, when, from what.

    `nonce` is random, so that no two clones carry the same marker; `source` is
    the database copied from; `created` is UTC, ISO 8601; `role` is the clone's
    check role; `owner` its owner role; `kind` tells clone, template, copy,
    rehearsal or throwaway.
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

    def text(self) -> str:
        """Return the comment's text."""
        return PREFIX + json.dumps(asdict(self), sort_keys=True)


def parse_marker(comment: str | None) -> Marker | None:
    """Return the marker in a database's comment, or None where there is none."""
    if not comment or not comment.startswith(PREFIX):
        return None
    try:
        return Marker(**json.loads(comment[len(PREFIX) :]))
    except (TypeError, ValueError):
        return None
