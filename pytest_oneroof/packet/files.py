"""The files of an evidence packet, from a run's values (domain: evidence, 6.2). Pure.

Everything that a reader could compute is computed here, by the functions with
which `packet_checks` computes it again from the packet's own bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import jinja2

from pytest_oneroof import __version__, resources
from pytest_oneroof.errors import OneroofError
from pytest_oneroof.evidence.conclusion import Conclusion, conclude
from pytest_oneroof.evidence.counting import (
    NOT_COUNTED,
    NOT_RUN,
    STATES,
    UNCHECKED,
    Evidence,
)
from pytest_oneroof.packet.attestations import attest, differences
from pytest_oneroof.packet.given import PacketInput
from pytest_oneroof.redaction import redacted
from pytest_oneroof.sealing import manifest as m
from pytest_oneroof.sealing.manifest import Entry
from pytest_oneroof.sealing.strict_json import write_json

FORMAT = "oneroof-packet/1"
TOOL = f"pytest-oneroof {__version__}"
TEMPLATES = "fixtures/evidence/packet/"
HASH_MANIFEST = "HASH_MANIFEST.txt"
TREE = "packet_tree.sha256"
GATES = ("G0", "G1", "G2", "G3")
LEVELS = ("L0", "L1", "L2", "L3")
# What is found of a run's items besides each one's own evidence.
BESIDES = ("deselected", "uncollected", "lost", "found")

ROLES = {
    "README_FOR_REVIEWER.md": "what this packet says, and how to check it",
    "commands.sh": "gates G0 to G3, run in place; tells the verdict beside",
    "RERUN.sh": "the same gates on a copy elsewhere",
    "exit_codes.json": "what each gate gave",
    "status.txt": "verdict, pytest's exit status, reasons",
    "results.tsv": "outcome and proof of each check, one line each",
    "results.json": "each check with its message and its proof",
    "baselines.json": "figures at entry and exit, and each process's end",
    "run.json": "versions, command line, times, target, actions",
    "attestations.json": "what this run did not do, computed",
    "seals.json": "the seals that the run checked",
    "settings.json": "every setting, and where it came from",
    "declared.json": "what the pack asks of a run: objectives, and what shows each",
    "provenance.json": "where the clone came from, and what it may be used for",
    "decision.json": "the decision that is asked for; nothing is selected",
    "blockers.json": "what stands in the way of production, and who can lift it",
    "probes.json": "the bad-input probes, and whether any was let through",
    "manifest.json": "this packet's files and raw evidence, and what it may not do",
}
# Raw evidence: what a run measured, as against what was computed from it.
RAW = {
    "check_results": "results.json",
    "baselines": "baselines.json",
    "probe_records": "probes.json",
}


def build_files(given: PacketInput) -> dict[str, bytes]:
    """Return every file of the packet by path, the two hash files last.

    Raise OneroofError for a report that would take the place of one of them.
    """
    if taken := sorted(given.reports.keys() & {*ROLES, HASH_MANIFEST, TREE}):
        raise OneroofError(f"a report cannot be called {taken[0]}: the packet has that")
    values = build_values(given)
    files = {path: write_json(value) for path, value in values.items()}
    files["results.tsv"] = build_table(values["results.json"])
    files["status.txt"] = build_status(values["run.json"])
    files["exit_codes.json"] = build_exit_codes(values["run.json"]["verdict"])
    files |= build_scripts()
    files |= given.reports
    roles = {**dict.fromkeys(files, "report"), **ROLES}
    names = sorted([*files, "README_FOR_REVIEWER.md", "manifest.json"])
    files["README_FOR_REVIEWER.md"] = build_readme(
        values, {name: roles[name] for name in names}
    )
    files["manifest.json"] = build_manifest(files, values["run.json"])
    return seal_files(files)


def build_values(given: PacketInput) -> dict[str, Any]:
    """Return the JSON values of the packet, redacted, by path."""
    run = asdict(given.run) | {
        "verdict": given.verdict,
        "reasons": list(given.reasons),
        "actions": list(given.actions),
        "fail_closed": list(given.fail_closed),
        "production": asdict(given.production),
    }
    baselines = [asdict(baseline) for baseline in given.baselines]
    values: dict[str, Any] = {
        "run.json": run,
        "results.json": {
            "items": [asdict(item) for item in given.items],
            "faults": [asdict(fault) for fault in given.faults],
            **{name: list(given.besides.get(name, ())) for name in BESIDES},
        },
        "baselines.json": {
            "baselines": baselines,
            "sessions": [dict(session) for session in given.sessions],
        },
        "seals.json": {"seals": [dict(seal) for seal in given.seals]},
        "settings.json": {
            name: {"value": value, "source": source}
            for name, (value, source) in sorted(given.settings.items())
        },
        "attestations.json": attest(run["production"], baselines, run["actions"]),
        "probes.json": build_probes(given.probes),
    }
    for path, value in (
        ("provenance.json", given.provenance),
        ("decision.json", given.decision),
        ("blockers.json", given.blockers),
        ("declared.json", given.declaration),
    ):
        if value is not None:
            values[path] = dict(value)
    cleaned: dict[str, Any] = redacted(values)
    return cleaned


def build_probes(probes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the probe records with what they come to together."""
    invalid = [p for p in probes if p["must"] == "refuse"]
    return {
        "probes": [dict(probe) for probe in probes],
        "any_invalid_exit0": any(p["actual_exit"] == 0 for p in invalid),
        "any_PASS_emitted_for_invalid": any(p["PASS_emitted"] for p in invalid),
        "any_SEAL_emitted_for_invalid": any(p["SEAL_emitted"] for p in invalid),
        "positive_controls": sum(
            p["must"] == "accept" and p["actual_exit"] == 0 for p in probes
        ),
    }


def build_table(results: Mapping[str, Any]) -> bytes:
    """Return the results as tab-separated lines: id, outcome, proof, seconds."""
    lines = ["check\toutcome\tproof\tseconds"]
    for item in results["items"]:
        verdict = item["proof"]["verdict"] if item["proof"] else "none"
        name = item["nodeid"].encode("unicode_escape").decode()
        lines.append(f"{name}\t{item['outcome']}\t{verdict}\t{item['seconds']:.3f}")
    return "".join(f"{line}\n" for line in lines).encode()


def build_status(run: Mapping[str, Any]) -> bytes:
    """Return verdict, exit status and reasons, one line each, for the shell gate."""
    lines = [f"verdict\t{run['verdict']}", f"exit\t{run['exit_status']}"]
    lines += [f"reason\t{' '.join(reason.split())}" for reason in run["reasons"]]
    return "".join(f"{line}\n" for line in lines).encode()


def build_exit_codes(verdict: str) -> bytes:
    """Return what commands.sh writes for an untouched packet with that verdict."""
    gates = dict.fromkeys(GATES, 0)
    return write_json({"gates": gates, "overall": "PASS", "verdict": verdict})


def build_scripts() -> dict[str, bytes]:
    """Return the shell scripts of a packet."""
    names = ("commands.sh", "RERUN.sh")
    return {name: resources.path(TEMPLATES + name).read_bytes() for name in names}


def build_readme(values: Mapping[str, Any], roles: Mapping[str, str]) -> bytes:
    """Return the reviewer's page."""
    run = values["run.json"]
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    text = resources.read_text(f"{TEMPLATES}README_FOR_REVIEWER.md.j2")
    page = environment.from_string(text).render(
        verdict=run["verdict"],
        reasons=run["reasons"],
        run=run,
        counts=count_results(values["results.json"]),
        attestations=values["attestations.json"],
        roles=roles,
    )
    return page.encode()


def build_manifest(files: Mapping[str, bytes], run: Mapping[str, Any]) -> bytes:
    """Return manifest.json: files, raw evidence, and what the packet may not do."""
    listed = [
        {
            "path": path,
            "sha256": hashlib.sha256(files[path]).hexdigest(),
            "bytes": len(files[path]),
            "role": ROLES.get(path, "report"),
            "by_reference": False,
        }
        for path in sorted(files)
    ]
    value = {
        "packet": FORMAT,
        "authority": "none",
        "may_gate": False,
        "decision_effect": "NONE",
        "levels_targeted": list(LEVELS),
        "files": listed,
        "raw_evidence": [
            _raw(kind, path, files[path], run)
            for kind, path in RAW.items()
            if path in files
        ],
    }
    return write_json(value)


def seal_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files with HASH_MANIFEST.txt and packet_tree.sha256 over them."""
    entries = [Entry.of(p, files[p]) for p in sorted(files, key=str.encode)]
    listed = m.render(entries, lengths=False)
    tree = f"{hashlib.sha256(listed).hexdigest()}  {HASH_MANIFEST}\n"
    return {**files, HASH_MANIFEST: listed, TREE: tree.encode()}


def count_results(results: Mapping[str, Any]) -> dict[str, int]:
    """Return how many checks had which outcome, and how many proofs which verdict."""
    items = results["items"]
    outcomes = Counter(item["outcome"] for item in items)
    verdicts = Counter(item["proof"]["verdict"] for item in items if item["proof"])
    told = {name: outcomes[name] for name in STATES}
    told["not_run"] = outcomes[NOT_RUN] + outcomes[NOT_COUNTED]
    told["not_checked"] = sum(outcomes[name] for name in UNCHECKED)
    told |= {name: verdicts[name] for name in ("clean", "dirty", "unprovable")}
    return {"checks": len(items), **told}


def conclude_again(values: Mapping[str, Any]) -> Conclusion:
    """Return the verdict that the packet's own evidence gives.

    Raise TypeError, KeyError where that is not of the packet's form.
    """
    results = values["results.json"]
    items = {
        item["nodeid"]: Evidence.from_values(item["evidence"])
        for item in (*results["items"], *results["faults"])
    }
    status = values["run.json"]["exit_status"]
    return conclude(items, list(_against(values)), status)


def _against(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is found against the run besides its items, in words."""
    results = values["results.json"]
    for name in results["uncollected"]:
        yield f"{name} could not be collected"
    for name in results["lost"]:
        yield f"{name} ended without telling what it left"
    for baseline in values["baselines.json"]["baselines"]:
        for name in differences(baseline):
            yield f"{baseline['database']}: {name} is not at exit as at entry"
    for session in values["baselines.json"]["sessions"]:
        proof = session.get("proof")
        unclean = proof is not None and proof["verdict"] != "clean"
        if session.get("differences") or session.get("unread") or unclean:
            yield f"{session.get('clone', 'a session')} is not as it was"
    for seal in values["seals.json"]["seals"]:
        if seal["seal"] != "holds":
            yield f"the seal {seal['manifest']} is broken"
    yield from results["found"]


def _raw(kind: str, path: str, data: bytes, run: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "class": kind,
        "pointer": {
            "target": path,
            "hash": f"sha256:{hashlib.sha256(data).hexdigest()}",
            "size": len(data),
            "produced_by": run["tool"],
            "timestamp_policy": "times in UTC, as read from the clock",
        },
        "storage_location": "packet",
        "regeneration_command": " ".join(run["command"]),
        "determinism": "functional",
        "nvsz_root": {"designated": False, "designated_by": None},
    }
