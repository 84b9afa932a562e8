"""What a rule of a statement policy is: one row of data with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Policy = Literal["guarded", "read-only"]
Subject = Literal[
    "text",
    "verb",
    "setting",
    "next mode",
    "written",
    "trait",
    "statement",
    "language",
    "extension",
    "function",
    "any function",
    "call beside",
]
# subject, title, reason, remedy, patterns separated by |
Row = tuple[Subject, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a policy refuses, why, and what to do instead.

    `subject` says what `pattern` (fnmatch, case-sensitive) is compared with: the
    field of `Statement` of that name; "text" rules are matched by `policy` itself.
    "next mode" is of a setting that changes how transactions begin, where commits are
    played. A "function" is PostgreSQL's own, so one of that name in another schema
    passes; "any function" is compared without its schema; "call beside" is PostgreSQL's
    own with arguments that act outside. These, and languages, are refused only where
    the catalog knows one of that name that can act outside. `title` is how the message
    names it, `{}` being what matched.
    """

    policy: Policy
    subject: Subject
    pattern: str
    title: str
    reason: str
    remedy: str


def expand(policy: Policy, rows: Iterable[Row]) -> Iterator[Rule]:
    """Yield a rule for each pattern of each row."""
    for subject, title, reason, remedy, patterns in rows:
        for pattern in patterns.split("|"):
            yield Rule(policy, subject, pattern, title, reason, remedy)
