"""What a check gets of the channel's libpq connection: to look at, not to send by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

# What tells of the connection and changes nothing.
SHOWN = frozenset(
    "backend_pid db error_message full_protocol_version get_error_message host "
    "hostaddr info is_busy needs_password nonblocking options parameter_status "
    "password pipeline_status port protocol_version server_version socket "
    "ssl_in_use status transaction_status tty used_gssapi used_password user "
    "_encoding".split()
)


class Handle:
    """A PGconn whose state can be read; whatever sends, receives or sets is refused."""

    __slots__ = ("_pgconn", "_refuse")

    def __init__(self, pgconn: Any, refuse: Callable[[str], NoReturn]) -> None:
        object.__setattr__(self, "_pgconn", pgconn)
        object.__setattr__(self, "_refuse", refuse)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in SHOWN:
            self._refuse(name)
        return getattr(self._pgconn, name)

    def __setattr__(self, name: str, value: object) -> None:
        self._refuse(name)
