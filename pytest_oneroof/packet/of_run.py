"""What a run hands over for its evidence packet, from its facts and reports. Pure.

Verdict and reasons are the run's own; `packet.checks` concludes again, by the same
function, from the evidence of each item that is handed over here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.evidence.facts import PRODUCTION, STANDIN, RunFacts
from pytest_oneroof.evidence.gather import Noted
from pytest_oneroof.evidence.tally import FAULTS, Share, Tally
from pytest_oneroof.packet import files as pf
from pytest_oneroof.packet.blockers import open_blockers
from pytest_oneroof.packet.decision import template
from pytest_oneroof.packet.given import (
    Baseline,
    Contact,
    ItemResult,
    PacketInput,
    Production,
)
from pytest_oneroof.packet.given import RunFacts as Made

PROBE = "oneroof_probe"
# What a production's channel notes of the checks that it served.
READ_ONLY = "read-only transaction"
_CONTACT: Mapping[str, Contact] = {PRODUCTION: "live", STANDIN: "stand-in"}


@dataclass(frozen=True)
class Besides:
    """What the facts do not tell: how the run was made, and the production's ends.

    `settings` are value and source by name; `proved` is whether every reading of
    the production was proved harmless, None where there was none; `asks` is whether
    the packet asks for a decision; `declaration` is what the run was judged by.
    """

    made: Made
    settings: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    production: Baseline | None = None
    proved: bool | None = None
    actions: tuple[str, ...] = ()
    asks: bool = False
    declaration: Mapping[str, Any] | None = None
    fail_closed: tuple[str, ...] = ()


def packet_of(
    facts: RunFacts,
    tally: Tally,
    noted: Mapping[str, Noted],
    besides: Besides,
    reports: Mapping[str, bytes],
) -> PacketInput:
    """Return all that the run's packet is made of.

    Raise OneroofError for a probe's record that is none.
    """
    baselines = [_clone(share) for share in tally.shares if share.entry]
    if besides.production is not None:
        baselines.append(besides.production)
    return PacketInput(
        run=besides.made,
        verdict="NO-GO" if facts.reasons else "GO",
        reasons=facts.reasons,
        items=tuple(_items(facts)),
        faults=tuple(_faults(tally)),
        besides={
            "deselected": tuple(tally.deselected),
            "uncollected": tuple(tally.uncollected),
            "lost": tuple(tally.lost),
            "found": tuple(tally.besides),
        },
        baselines=tuple(baselines),
        sessions=tuple(_session(share) for share in tally.shares),
        production=_production(facts, besides),
        actions=besides.actions,
        seals=tuple(
            {
                "seal": "holds" if seal.holds else "broken",
                "manifest": seal.name,
                "sha256": seal.sha256,
                "files": seal.files,
            }
            for seal in facts.seals
        ),
        settings=besides.settings,
        provenance=_provenance(facts),
        decision=_decision(facts) if besides.asks else None,
        blockers=_blockers(facts) if besides.asks else None,
        declaration=besides.declaration,
        probes=tuple(_probes(noted)),
        reports=reports,
        fail_closed=besides.fail_closed,
    )


def _items(facts: RunFacts) -> Iterator[ItemResult]:
    for check in facts.checks:
        proof = check.proof.to_dict() if check.proof else None
        yield ItemResult(
            nodeid=check.nodeid,
            suite=check.suite,
            outcome=check.outcome,
            seconds=round(check.seconds, 4),
            message=check.message,
            proof=proof,
            why=check.why,
            evidence=check.evidence.to_values(),
        )


def _faults(tally: Tally) -> Iterator[ItemResult]:
    for nodeid, item in tally.items.items():
        if nodeid.startswith(FAULTS):
            yield ItemResult(
                nodeid=nodeid,
                suite="controls",
                outcome=item.counted.state,
                seconds=round(item.seconds, 4),
                why=item.counted.why,
                evidence=item.evidence.to_values(),
            )


def _clone(share: Share) -> Baseline:
    entry, end = share.schema or ("", "")
    return Baseline("clone", share.clone, share.entry, share.exit, entry, end)


def _session(share: Share) -> dict[str, Any]:
    return {
        "clone": share.clone,
        "server": share.server,
        "differences": {
            k: [str(v) for v in pair] for k, pair in share.differences.items()
        },
        "unread": share.unread,
        "found": list(share.found),
        "proof": share.proof.to_dict() if share.proof else None,
    }


def _production(facts: RunFacts, besides: Besides) -> Production:
    contact = _CONTACT.get(facts.contacted, "none")
    if contact == "none":
        return Production()
    proofs = [check.proof for check in facts.checks if check.proof is not None]
    given = any(proof.ids for proof in proofs if proof.constraints == READ_ONLY)
    name = besides.production.database if besides.production else ""
    xid = True if given else (False if besides.proved else None)
    return Production(contact, name, xid_assigned=xid)


def _provenance(facts: RunFacts) -> dict[str, Any] | None:
    if facts.provenance is None:
        return None
    return {k: v for k, v in facts.provenance.items() if k != "lines"}


def _decision(facts: RunFacts) -> dict[str, Any]:
    still = open_blockers(facts.blockers)
    return template(rehearsed=bool(facts.tiers), open_blockers=still)


def _blockers(facts: RunFacts) -> dict[str, Any]:
    return {"blockers": [dict(record) for record in facts.blockers]}


def _probes(noted: Mapping[str, Noted]) -> Iterator[Mapping[str, Any]]:
    for nodeid, item in sorted(noted.items()):
        for name, text in item.properties:
            if name == PROBE:
                try:
                    record = json.loads(text)
                    pf.build_probes([record])
                except (KeyError, TypeError, ValueError) as error:
                    raise OneroofError(
                        f"property {PROBE} of {nodeid} is no probe's record: {error!r}"
                    ) from error
                yield record
