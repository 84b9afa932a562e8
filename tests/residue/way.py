"""What a way of leaving something is: how it goes, who stops it, what is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from psycopg import pq
from psycopg.errors import error_from_result

OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


@dataclass(frozen=True)
class Way:
    """One way, and its outcome.

    `by` names the layer that stops or finds it. `refused` are words of our
    refusal, `sqlstate` the server's error; `restored` and `left` begin what the
    proof names; `reason` is why it is unprovable; `constraints` what it says of
    deferred ones; `stays` is what remains afterwards.
    """

    id: str
    what: str
    by: str
    run: Callable[[Any], Any]
    refused: str = ""
    sqlstate: str = ""
    restored: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    reason: str = ""
    constraints: str = ""
    note: str = ""
    stays: str = ""
    isolation: str = "rollback"
    open_clone: bool = False

    @property
    def verdict(self) -> str:
        """The verdict that the proof must have."""
        if self.left:
            return "dirty"
        return "unprovable" if self.reason else "clean"

    @property
    def outcome(self) -> str:
        """What a user is told, as docs/residue.md says it."""
        parts = []
        if self.refused:
            parts.append(f"refused: “{self.refused}”")
        if self.sqlstate:
            parts.append(f"server error {self.sqlstate}")
        if self.constraints:
            parts.append(f"error: “{self.constraints}”")
        parts += [f"dirty: {left}" for left in self.left]
        parts += [f"restored: {restored}" for restored in self.restored]
        if self.reason:
            parts.append(f"unprovable: “{self.reason}”")
        if self.note:
            parts.append(f"clean, noted: “{self.note}”")
        if self.stays:
            parts.append(f"stays: {self.stays}")
        return "; ".join(parts) or "clean"

    def row(self) -> str:
        """Return the way's row in the tables of docs/residue.md."""
        cells = (f"`{self.id}`", self.what, self.by, self.outcome)
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


@dataclass
class Ways:
    """A table of ways, filled by its decorator."""

    rows: dict[str, Way] = field(default_factory=dict)

    def __call__(self, what: str, by: str, **outcome: Any) -> Callable[[Any], Any]:
        """Add the decorated function as a way; its name is the way's id."""

        def add(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
            name = run.__name__.strip("_").replace("_", "-")
            assert name not in self.rows, name
            self.rows[name] = Way(name, what, by, run, **outcome)
            return run

        return add

    def statement(
        self, name: str, what: str, by: str, text: str, **outcome: Any
    ) -> None:
        """Add a way that sends one text by execute()."""
        self.rows[name] = Way(name, what, by, lambda db: db.execute(text), **outcome)

    def raw(self, name: str, what: str, by: str, *texts: str, **outcome: Any) -> None:
        """Add a way that sends texts past the classifier, by pgconn.exec_()."""
        self.rows[name] = Way(name, what, by, lambda db: raw(db, *texts), **outcome)


def raw(db: Any, *texts: str) -> Any:
    """Send texts by libpq itself, which no Python code can stop."""
    result = None
    for text in texts:
        result = db.pgconn.exec_(text.encode())
        if result.status not in OK:
            raise error_from_result(result)
    return result
