"""Results and statements beyond the limits of the read-only channel, as errors."""

from __future__ import annotations

from pytest_oneroof import errors as e


class LimitExceeded(e.OneroofError):
    """Raised when a statement on the read-only channel passes one of its limits."""

    found = ""
    remedy = ""

    def __init__(self, limit: int, statement: str) -> None:
        super().__init__(limit, statement)
        self.limit = limit
        self.statement = statement

    def __str__(self) -> str:
        line = " ".join(self.statement.split())
        shown = line if len(line) <= 200 else f"{line[:199]}…"
        return (
            f"{self.found.format(self.limit)}\n  statement: {shown}\n"
            f"  instead: {self.remedy}"
        )


class RowLimitExceeded(LimitExceeded):
    """Raised when a result on the read-only channel has more rows than allowed.

    It is never cut: what the check would have judged is not the whole result.
    """

    found = "the result has more than {} rows"
    remedy = "count, aggregate, or narrow it in the query; a result is never cut"


class ByteLimitExceeded(LimitExceeded):
    """Raised when a result on the read-only channel has more bytes than allowed."""

    found = "the result has more than {} bytes"
    remedy = (
        "leave out wide columns, or ask for their length() or md5(); a result is "
        "never cut"
    )


class TimeLimitExceeded(LimitExceeded):
    """Raised when the server did not end a statement at its timeout.

    A routine that catches query_canceled goes on; its session is ended.
    """

    found = "the statement went on after the statement timeout of {} ms"
    remedy = "leave out the routine that catches query_canceled"
