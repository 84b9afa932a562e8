"""SET ROLE to a role of the application: its stand-in on the clone takes its place.

A role's name is the whole server's, and production's own role is not for checks: so
`SET ROLE app`, `SET LOCAL ROLE app` and `set_config('role', 'app', …)` reach the
server with the name of the stand-in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.statements.read import Statement, Text

_CALL = re.compile(
    r"(\bset_config\s*\(\s*'role'\s*,\s*)'((?:[^']|'')*)'", re.IGNORECASE
)


def with_stand_ins(read: Text, roles: Mapping[str, str]) -> str | None:
    """Return a text with the stand-ins' names in it, or None where it names none."""
    if not roles or not any(
        s.name == "role" and s.value in roles for s in read.settings
    ):
        return None
    return "; ".join(_rewritten(statement, roles) for statement in read.statements)


def stand_in_of(role: str, roles: Mapping[str, str], clone: str) -> str:
    """Return the stand-in of a role; raise SettingsError where the clone has none."""
    if role in roles:
        return roles[role]
    known = ", ".join(map(repr, sorted(roles))) or "none"
    raise SettingsError(
        f"the clone {clone!r} has no role {role!r} to act as, it has: {known}\n"
        "a clone has those that own or are granted something in its database; after "
        "such a grant on the clone itself: oneroof clone adopt"
    )


def _rewritten(statement: Statement, roles: Mapping[str, str]) -> str:
    if statement.kind != "VariableSetStmt":
        return _CALL.sub(lambda call: _called(call, roles), statement.text)
    for name, value, local in statement.settings:
        if name == "role" and value in roles:
            scope = "LOCAL" if local else "SESSION"
            return f"SET {scope} ROLE {quoted(roles[str(value)])}"
    return statement.text


def _called(call: re.Match[str], roles: Mapping[str, str]) -> str:
    name = call[2].replace("''", "'")
    return f"{call[1]}'{roles[name]}'" if name in roles else call[0]


def quoted(name: str) -> str:
    """Return a role's name as an identifier in quotes."""
    return '"' + name.replace('"', '""') + '"'
