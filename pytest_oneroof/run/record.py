"""What of a run goes on record beside its checks: settings, times, the production.

Apart from `report_plugin.py`, which has the hooks: these only look at what is there.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pytest_oneroof
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.evidence.facts import (
    PRODUCTION,
    Gate,
    Metric,
    RunFacts,
    State,
    Told,
)
from pytest_oneroof.evidence.verdict import declaration
from pytest_oneroof.pack import Pack
from pytest_oneroof.packet import given as packet_input
from pytest_oneroof.packet.files import TOOL
from pytest_oneroof.packet.of_run import READ_ONLY, Besides
from pytest_oneroof.production.baseline import (
    Baseline,
    compare_schemas,
)
from pytest_oneroof.production.figures import Figures, compare_metrics
from pytest_oneroof.redaction import redact
from pytest_oneroof.run.readonly import selects_readonly
from pytest_oneroof.settings import OPTIONS

if TYPE_CHECKING:
    from pytest_oneroof.run.conductor import RunPlugin

__all__ = [
    "READ_ONLY",
    "besides_of",
    "gate_of",
    "provenance_lines",
    "require_place",
    "state_of",
    "told_of",
]

STAMP = "%Y-%m-%dT%H:%M:%SZ"
COMMITTING = "rehearsal clones"


def require_place(folder: Path, config: pytest.Config) -> None:
    """Refuse a packet's folder in which something else is going to be written.

    Raise SettingsError: for the folder in which pytest works, or one above it, and
    where another option writes into it.
    """
    for place in (config.invocation_params.dir, config.rootpath):
        if place.is_relative_to(folder):
            raise SettingsError(
                f"--oneroof-report {folder} is where pytest works: a packet needs a "
                "folder of its own\nto fix this, name a new folder"
            )
    for option in ("xmlpath", "log_file", "basetemp"):
        given = config.getoption(option, None)
        if given and (config.invocation_params.dir / given).is_relative_to(folder):
            raise SettingsError(
                f"--oneroof-report {folder} would also get {given}: a packet holds "
                "what it seals, and nothing else\nto fix this, write that elsewhere"
            )


def besides_of(
    owner: RunPlugin, facts: RunFacts, started: datetime, status: int
) -> Besides:
    """Return how the run was made, its settings, and what it read of a production."""
    settings, end = owner.settings, owner.production.end
    shares = [share for share in owner.tally.shares if share.server]
    baselines = owner.production.baselines
    versions = sorted({share.server for share in shares})
    names = sorted({share.clone for share in shares})
    told_phase = Figures(owner.pack).phase(shares[0].entry) if shares else None
    phase = str(told_phase or "")
    if facts.target == PRODUCTION and end is not None:
        names, phase = [end.database], end.phase
    made = packet_input.RunFacts(
        tool=TOOL,
        python=platform.python_version(),
        pytest=pytest.__version__,
        postgres=", ".join(versions) or owner.production.version or "not asked",
        command=("pytest", *map(redact, map(str, owner.config.invocation_params.args))),
        started=started.strftime(STAMP),
        finished=datetime.now(UTC).strftime(STAMP),
        exit_status=status,
        target=_target(owner, facts),
        database=", ".join(names),
        phase=phase,
    )
    told = {
        option.name: (str(getattr(settings, option.name)), settings.told(option.name))
        for option in OPTIONS
    }
    committing = [s.name for s in owner.wanted() if s.needs == COMMITTING]
    return Besides(
        made=made,
        settings=told,
        production=_production(*baselines) if baselines else None,
        proved=not end.unproved if end is not None else None,
        actions=tuple(f"suite {name} on {COMMITTING}" for name in committing),
        asks=owner.pack.decision.blockers is not None,
        declaration=declaration(owner.pack),
        fail_closed=tuple(s.name for s in owner.pack.suites if s.fail_closed),
    )


def told_of(owner: RunPlugin, started: datetime) -> list[Told]:
    """Return versions, databases and settings, each with where it came from."""
    settings = owner.settings
    shares = [share for share in owner.tally.shares if share.server]
    servers = sorted({share.server for share in shares})
    clones = sorted({share.clone for share in shares})
    lines = [
        Told("pytest-oneroof", pytest_oneroof.__version__),
        *_pack(owner.pack),
        Told("begun", started.strftime(STAMP)),
        Told("Python", platform.python_version()),
        Told("pytest", pytest.__version__),
    ]
    if clones:
        lines.append(Told("clone", ", ".join(clones), settings.told("clone_url")))
        lines.append(Told("PostgreSQL", ", ".join(servers)))
    if owner.clone is not None:
        name = owner.clone.production_name()
        lines.append(Told("production", name, settings.told("production_url")))
    elif settings.production_url:
        name = redact(settings.production_url)
        lines.append(Told("production", name, settings.told("production_url")))
    names = ", ".join(suite.name for suite in owner.wanted()) or "none"
    lines.append(Told("suites", names, settings.told("suite")))
    lines += [
        Told(f"oneroof_{name}", str(getattr(settings, name)), settings.told(name))
        for name in (option.name for option in OPTIONS)
        if name in settings.sources
    ]
    return lines


def provenance_lines(facts: RunFacts) -> Iterator[str]:
    """Yield what the clone holds and may stand for, with all details."""
    told = facts.provenance
    if told is None:
        return
    if "unread" in told:
        yield f"secrets    contains_secrets: NOT_SHOWN ({told['unread']})"
        return
    yield f"secrets    {told['secrets']}"
    if not told["judged"]:
        return
    yield f"provenance {told['status']}: {told['verdict']}"
    if told["deliver"]:
        yield from (f"provenance {line}" for line in told["lines"])


def state_of(entry: Baseline, exit_: Baseline, where: str) -> State:
    """Return a production's two readings as a state: figures, drift, schema."""
    moved = compare_metrics(entry.metrics, exit_.metrics)
    differences = [
        f"{n} was {old} at entry, is {new}" for n, (old, new) in moved.items()
    ]
    differences += [f"schema: {found}" for found in compare_schemas(entry, exit_)]
    figures = [Metric(n, v, exit_.metrics.get(n)) for n, v in entry.metrics.items()]
    organic = [
        Metric(name, value.value, exit_.organic[name].value, organic=True)
        for name, value in entry.organic.items()
        if name in exit_.organic
    ]
    return State(
        database=exit_.database,
        where=where,
        metrics=(*figures, *organic),
        differences=tuple(differences),
    )


def gate_of(baseline: Baseline, where: str) -> Gate | None:
    """Return the gate as it was read at exit, None where there is none."""
    if baseline.gate is None:
        return None
    told = baseline.gate.to_dict()
    return Gate(
        status=baseline.gate.status,
        blockers=baseline.gate.tokens,
        where=where,
        figures=told["detail"],
    )


def _pack(pack: Pack) -> list[Told]:
    if pack.root is None:
        return [Told("pack", pack.name)]
    return [Told("pack", f"{pack.name}, sql and fixtures sha256 {pack.content_hash}")]


def _production(entry: Baseline, exit_: Baseline) -> packet_input.Baseline:
    return packet_input.Baseline(
        role="production",
        database=exit_.database,
        entry=entry.metrics,
        exit=exit_.metrics,
        fingerprint_entry=entry.schema.digest,
        fingerprint_exit=exit_.schema.digest,
        organic={
            name: (value.value, exit_.organic[name].value)
            for name, value in entry.organic.items()
            if name in exit_.organic
        },
    )


def _target(owner: RunPlugin, facts: RunFacts) -> str:
    """Say what was checked; a read-only run on a clone is called a rehearsal."""
    if facts.target == PRODUCTION:
        return PRODUCTION
    readonly = selects_readonly(owner.config.option.markexpr)
    return "rehearsal" if readonly else facts.target
