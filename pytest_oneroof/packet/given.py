"""What a run hands over for its evidence packet: plain, frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["GO", "NO-GO"]
Contact = Literal["none", "stand-in", "live"]


@dataclass(frozen=True)
class RunFacts:
    """How the run was made: versions, command line, times in UTC, its exit status.

    `tool` is `packet_files.TOOL`; `command` is redacted before it comes here;
    `target` says what was checked: clone, rehearsal or production.
    """

    tool: str
    python: str
    pytest: str
    postgres: str
    command: tuple[str, ...]
    started: str
    finished: str
    exit_status: int
    target: str
    database: str
    phase: str = ""


@dataclass(frozen=True)
class ItemResult:
    """One item: what it counts as, and the plain values that this was decided by."""

    nodeid: str
    suite: str
    outcome: str
    seconds: float
    message: str = ""
    proof: Mapping[str, Any] | None = None
    why: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """Figures of one database at entry and exit, and its schema fingerprint.

    `organic` are figures that may move by themselves: (entry, exit) of each.
    """

    role: Literal["clone", "production"]
    database: str
    entry: Mapping[str, int]
    exit: Mapping[str, int]
    fingerprint_entry: str = ""
    fingerprint_exit: str = ""
    organic: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Production:
    """What the run had to do with a production.

    `xid_assigned` is whether the channel's session ever had a transaction id;
    None where there was no channel.
    """

    contact: Contact = "none"
    database: str = ""
    xid_assigned: bool | None = None


@dataclass(frozen=True)
class PacketInput:
    """All that one packet is made of.

    `actions` are the commands that wrote anywhere ('rollout rehearse', 'rollout
    run', …); `sessions` the end of each process's share (clone, differences,
    proof); `probes` the probe records; `reports` the bytes of further files by
    their path in the packet (report.html, verdict.json, …); `faults` are the
    items of the negative controls; `besides` is what else was found of the items
    (`files.BESIDES`); `declaration` is what the run was judged by.
    """

    run: RunFacts
    verdict: Verdict
    reasons: tuple[str, ...]
    items: tuple[ItemResult, ...]
    baselines: tuple[Baseline, ...] = ()
    sessions: tuple[Mapping[str, Any], ...] = ()
    production: Production = field(default_factory=Production)
    actions: tuple[str, ...] = ()
    seals: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    provenance: Mapping[str, Any] | None = None
    decision: Mapping[str, Any] | None = None
    blockers: Mapping[str, Any] | None = None
    declaration: Mapping[str, Any] | None = None
    probes: tuple[Mapping[str, Any], ...] = ()
    reports: Mapping[str, bytes] = field(default_factory=dict)
    # Suites of which every check has to have passed.
    fail_closed: tuple[str, ...] = ()
    faults: tuple[ItemResult, ...] = ()
    besides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
