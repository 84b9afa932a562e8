"""Which code a run was made from, and by whom. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Origin:
    """Commit, branch, who or which pipeline; '' and None for what is not known.

    `base` is the branch that a merge request is for; `changed` is whether the working
    tree differs from the commit; `meta` is what the user adds.
    """

    commit: str = ""
    branch: str = ""
    base: str = ""
    changed: bool | None = None
    by: str = ""
    pipeline: str = ""
    meta: Mapping[str, str] = field(default_factory=dict)


UNTOLD = Origin()
