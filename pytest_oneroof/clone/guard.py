"""The guard: facts of a database in, an admitted clone or every reason against it.

Pure: it opens no connection. `judge` is the only maker of a GuardedClone, and
whatever writes asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pytest_oneroof.errors import GuardRefused
from pytest_oneroof.ownership.marker import Marker, parse_marker
from pytest_oneroof.ownership.proofs import (
    STANDBY,
    is_ours,
    marker_reasons,
    name_reasons,
    production_reasons,
    serving_reasons,
)
from pytest_oneroof.ownership.rules import Reason, Rules
from pytest_oneroof.postgres.facts import (
    DatabaseFacts,
    Definer,
    Facts,
    Power,
    SessionFacts,
)
from pytest_oneroof.postgres.outward import WayOut
from pytest_oneroof.postgres.ways import tell_ways

_MINT = object()
_SUPERUSER = Power("superuser")


@dataclass(frozen=True)
class GuardedClone:
    """A database that the guard has admitted: the licence to write to it.

    Made by `judge` alone. `uncovered` names powers of the check role, `extensions`
    code without bounds, that were admitted by setting, and which the proof therefore
    does not cover.
    """

    database: str
    oid: int
    system_identifier: str
    marker: Marker
    role: str
    server_version: str
    reachable: tuple[str, ...] = ()
    uncovered: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    _minted: object = None

    @property
    def not_covered(self) -> tuple[str, ...]:
        """What no proof covers, in words."""
        return (*self.uncovered, *(f"extension {name}" for name in self.extensions))

    def __post_init__(self) -> None:
        if self._minted is not _MINT:
            raise TypeError("a GuardedClone is made by guard.judge alone")


def judge(facts: Facts, rules: Rules) -> GuardedClone | tuple[Reason, ...]:
    """Return the admitted clone, or every reason against it (never both).

    `facts` is what `catalog.read_facts` read.
    """
    reasons = tuple(reason for test in _TESTS for reason in test(facts, rules))
    if reasons:
        return reasons
    marker = parse_marker(facts.comment)
    assert marker is not None
    return GuardedClone(
        database=facts.database,
        oid=facts.database_oid,
        system_identifier=facts.system_identifier,
        marker=marker,
        role=facts.role,
        server_version=facts.server_version,
        reachable=tuple(database.name for database in _within_reach(facts, rules)),
        uncovered=tuple(
            str(power)
            for power in _telling(facts.powers, facts, rules)
            if _is_waived(power, facts, rules)
        ),
        extensions=tuple(
            sorted({str(w.extension) for w in facts.ways if _is_allowed(w, rules)})
        ),
        _minted=_MINT,
    )


def admit(facts: Facts, rules: Rules) -> GuardedClone:
    """Return the admitted clone; raise GuardRefused with every reason."""
    verdict = judge(facts, rules)
    if isinstance(verdict, GuardedClone):
        return verdict
    raise GuardRefused(facts.database, verdict)


def _name(facts: Facts, rules: Rules) -> Iterable[Reason]:
    return name_reasons(facts.database, rules)


def _production(facts: Facts, rules: Rules) -> Iterable[Reason]:
    return production_reasons(facts.identity, rules)


def _marker(facts: Facts, rules: Rules) -> Iterable[Reason]:
    yield from marker_reasons(facts.identity, facts.comment)
    marker = parse_marker(facts.comment)
    if marker is None:
        return
    yield from serving_reasons(marker)
    if facts.role != marker.role and not _is_superuser(facts, rules):
        yield Reason(
            "role",
            f"the connection logs in as {facts.role!r}",
            f"the clone's check role is {marker.role!r}; no other role's powers "
            "were looked at",
            "log in as the check role: oneroof clone status shows its URL",
        )


def refuse_sessions(database: str, sessions: Sequence[SessionFacts]) -> None:
    """Raise GuardRefused where others are on the clone."""
    if sessions:
        raise GuardRefused(database, [_occupied(sessions)])


def _sessions(facts: Facts, rules: Rules) -> Iterable[Reason]:
    if facts.sessions:
        yield _occupied(facts.sessions)


def _occupied(sessions: Sequence[SessionFacts]) -> Reason:
    who = ", ".join(str(session) for session in sessions)
    return Reason(
        "sessions",
        f"{len(sessions)} foreign session(s) on it: {who}",
        "what others do there could be taken for what a check left",
        f"end what is yours, e.g. SELECT pg_terminate_backend({sessions[0].pid}), or "
        "use a clone of your own",
    )


def _connect(facts: Facts, rules: Rules) -> Iterable[Reason]:
    marker = parse_marker(facts.comment)
    expected = {facts.owner, facts.role}
    if marker is not None:
        expected |= {marker.owner, marker.role}
    others = [name for name in facts.connectors if name not in expected]
    database = facts.database
    if facts.public_connects:
        others = ["PUBLIC"]
    if others:
        names = ", ".join(others)
        yield Reason(
            "connect",
            f"{names} may connect to it",
            "besides check role, owner and administrator nobody may, so that no "
            "application works on the clone by mistake",
            f'REVOKE CONNECT ON DATABASE "{database}" FROM {names}',
        )


def _outward(facts: Facts, rules: Rules) -> Iterable[Reason]:
    for found in facts.outward:
        yield Reason(
            "outward",
            f"a path leads out of it: {found}",
            "what is done through it is not undone by a rollback",
            "drop it on the clone",
        )
    if _SUPERUSER not in facts.powers:
        yield from _ways(facts, rules)
    for definer in facts.definers:
        if definer.extension in rules.allowed_extensions:
            continue
        if powers := _telling(definer.powers, facts, rules):
            yield Reason(
                "definer",
                f"SECURITY DEFINER routine {definer.routine} runs as "
                f"{definer.owner!r}: {', '.join(map(str, powers))}",
                "through it a check has that role's powers, in every database",
                _definer_remedy(definer, facts),
            )


def _definer_remedy(definer: Definer, facts: Facts) -> str:
    if definer.extension:
        return f"on the clone: REVOKE EXECUTE ON ROUTINE {definer.routine} FROM PUBLIC"
    return (
        f"oneroof clone adopt {facts.database} re-owns it, or: ALTER ROUTINE "
        f"{definer.routine} OWNER TO the clone's owner role"
    )


def _ways(facts: Facts, rules: Rules) -> Iterable[Reason]:
    adopt = f"or: oneroof clone adopt {facts.database} --admin-url URL, which does so\n"
    for told in tell_ways(way for way in facts.ways if not _is_allowed(way, rules)):
        yield Reason(
            "outward",
            f"a way leads out of it: {told.found}",
            told.why,
            f"on the clone: {told.remedy}\n{adopt if told.closable else ''}"
            "or admit its extension in the ini file, where every report names it: "
            "oneroof_allowed_extensions",
        )


def _is_allowed(way: WayOut, rules: Rules) -> bool:
    return way.extension in rules.allowed_extensions


def _powers(facts: Facts, rules: Rules) -> Iterable[Reason]:
    for power in _telling(facts.powers, facts, rules):
        if not _is_waived(power, facts, rules):
            yield Reason(
                "power",
                f"the check role {facts.role!r} has power beyond the clone: {power}",
                "roles belong to the whole server: through it a check could reach "
                "other databases, production among them",
                _power_remedy(facts.role, power),
            )


def _power_remedy(role: str, power: Power) -> str:
    if power.what in ("superuser", "replication"):
        return (
            "log in as a check role: oneroof clone adopt makes one; a server where "
            "that cannot be: oneroof_allow_superuser = true in the ini file (every "
            "report then says what is not covered)"
        )
    if power.database_oid is not None:
        return (
            "let the clone have an owner role of its own: oneroof clone adopt "
            "re-owns its objects one by one"
        )
    if power.through:
        return f'REVOKE "{power.through}" FROM "{role}"'
    return f'ALTER ROLE "{role}" NO{power.what.upper()}'


def _production_reach(facts: Facts, rules: Rules) -> Iterable[Reason]:
    if _is_superuser(facts, rules):
        return
    role = facts.role
    for database in _within_reach(facts, rules):
        name = database.name
        if rules.production_of(facts.identity_of(name, database.oid)):
            yield Reason(
                "reach",
                f"the check role {role!r} may connect to the production {name!r}",
                "nothing but the ratified executor may reach production",
                f'in pg_hba.conf, above other lines: all "{name}" "{role}" reject '
                f"(as: local {name} {role} reject; host {name} {role} all reject)\n"
                f'or: REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC; GRANT CONNECT '
                f'ON DATABASE "{name}" TO the roles that use it',
            )


def _writable(facts: Facts, rules: Rules) -> Iterable[Reason]:
    if facts.in_recovery:
        yield STANDBY
    if facts.is_template:
        yield Reason(
            "template",
            "the database is a template (IS_TEMPLATE)",
            "what a check left there would be in every copy",
            f'use a copy of it: CREATE DATABASE … TEMPLATE "{facts.database}"',
        )


def _tripwire(facts: Facts, rules: Rules) -> Iterable[Reason]:
    # Where there is no marker, `adopt` is told already, and makes it.
    if not facts.tripwire and parse_marker(facts.comment) is not None:
        yield untried_tripwire("there is no table oneroof.tripwire")


def untried_tripwire(found: str) -> Reason:
    """Return the reason against a clone whose tripwire refuses no commit."""
    return Reason(
        "tripwire",
        f"the tripwire does not hold: {found}",
        "it refuses, on the server, whatever commit of a check gets past all else",
        "use a fresh clone: oneroof clone create, or oneroof clone reset",
    )


def _within_reach(facts: Facts, rules: Rules) -> list[DatabaseFacts]:
    """Return the other databases that the role may connect to and are not ours."""
    ours = _ours(facts, rules)
    return [
        database
        for database in facts.databases
        if database.reachable
        and database.oid != facts.database_oid
        and database.oid not in ours
    ]


def _telling(powers: Iterable[Power], facts: Facts, rules: Rules) -> list[Power]:
    """Return the powers worth naming: a superuser has all the others.

    What is owned in databases that are ours too is none.
    """
    ours = _ours(facts, rules)
    held = [power for power in powers if power.database_oid not in ours]
    return [_SUPERUSER] if _SUPERUSER in held else held


def _ours(facts: Facts, rules: Rules) -> frozenset[int]:
    """Return the oids of the server's databases that are ours."""
    return frozenset(
        database.oid
        for database in facts.databases
        if is_ours(
            facts.identity_of(database.name, database.oid), database.comment, rules
        )
    )


def _is_superuser(facts: Facts, rules: Rules) -> bool:
    return rules.allow_superuser and _SUPERUSER in facts.powers


def _is_waived(power: Power, facts: Facts, rules: Rules) -> bool:
    return rules.allow_superuser and (
        _SUPERUSER in facts.powers or power.what == "replication"
    )


_TESTS: tuple[Callable[[Facts, Rules], Iterable[Reason]], ...] = (
    _name,
    _production,
    _marker,
    _sessions,
    _connect,
    _outward,
    _powers,
    _production_reach,
    _writable,
    _tripwire,
)
