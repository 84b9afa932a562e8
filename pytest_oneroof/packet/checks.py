"""Whether a packet's statuses agree with its evidence, level by level. Pure.

L0 every file is as listed; L1 what was computed is computed again; L2 invalid
input was refused; L3 it claims no authority. A finding at one level ends the
levels reached below it (domain: evidence, 6.2).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import jinja2

from pytest_oneroof.evidence.conclusion import GO, NO_GO
from pytest_oneroof.evidence.counting import Evidence, count, worst
from pytest_oneroof.evidence.verdict import declaration
from pytest_oneroof.pack import bundled
from pytest_oneroof.packet import files as pf
from pytest_oneroof.packet.attestations import attest
from pytest_oneroof.packet.decision import check_decision
from pytest_oneroof.packet.recomputed import (
    DECLARED,
    disagreements,
    document_again,
    words,
)
from pytest_oneroof.packet.tokens import forbidden_in
from pytest_oneroof.redaction import redacted
from pytest_oneroof.report.report import VERDICT, made_of
from pytest_oneroof.sealing.manifest import Entry, Finding
from pytest_oneroof.sealing.strict_json import MalformedJson, read_json, write_json

Files = Mapping[str, bytes]
Values = Mapping[str, Any]

REQUIRED = (
    "README_FOR_REVIEWER.md",
    "RERUN.sh",
    "attestations.json",
    "baselines.json",
    "commands.sh",
    "exit_codes.json",
    "manifest.json",
    "probes.json",
    "results.json",
    "results.tsv",
    "run.json",
    "seals.json",
    "settings.json",
    "status.txt",
)
# Files in which the packet speaks for itself; others quote what was refused.
CLAIMS = ("README_FOR_REVIEWER.md", "status.txt", "manifest.json", "exit_codes.json")

# Of what disagrees in verdict.json so much is told.
SHOWN = 5
FOUND_BY_RUN = ("FAILED_OPEN", "NO_POSITIVE_CONTROL")

_MALFORMED = (KeyError, TypeError, AttributeError, ValueError, jinja2.TemplateError)
_OPEN_URL = re.compile(rb"[a-z][a-z0-9+.-]*://[^\s/:@\"]*:(?!\*\*\*@)[^\s/@\"]+@", re.I)


def read_values(files: Files) -> tuple[dict[str, Any], list[Finding]]:
    """Return the values of the packet's JSON files, and what cannot be read."""
    values: dict[str, Any] = {}
    missing = [path for path in REQUIRED if path not in files]
    told = "the packet's format requires it"
    findings = [Finding("MISSING_REQUIRED_FILE", path, told) for path in missing]
    for path, data in files.items():
        if path.endswith(".json") and "/" not in path:
            try:
                values[path] = read_json(data)
            except MalformedJson as error:
                findings.append(Finding("MALFORMED_JSON", path, str(error)))
    return values, findings


def check_level(level: str, files: Files, values: Values) -> list[Finding]:
    """Return the findings of one level above L0.

    A value of another shape than the format's is a finding too.
    """
    found: list[Finding] = []
    for test in _TESTS[level]:
        try:
            found += test(files, values)
        except _MALFORMED as error:
            told = f"{test.__name__.strip('_')}: {type(error).__name__}: {error}"
            found.append(Finding("MALFORMED_PACKET", "packet", told))
    return found


def against_run(found: Iterable[Finding], values: Values) -> list[Finding]:
    """Return the findings that a run has made itself, and that its NO-GO tells.

    A check that let bad input through is a finding against what was checked; the
    packet that records it is whole. Under a GO it is a finding against the packet.
    """
    if values["run.json"]["verdict"] != NO_GO:
        return []
    return [finding for finding in found if finding.code in FOUND_BY_RUN]


def _manifest(files: Files, values: Values) -> Iterator[Finding]:
    listed = {entry["path"]: entry for entry in values["manifest.json"]["files"]}
    wanted = {path: Entry.of(path, files[path]) for path in files}
    del wanted["manifest.json"]
    for path in sorted(listed.keys() ^ wanted.keys()):
        told = "in one of HASH_MANIFEST.txt and manifest.json, not in both"
        yield Finding("MANIFEST_DISAGREES", path, told)
    for path in sorted(listed.keys() & wanted.keys()):
        entry = wanted[path]
        if (listed[path]["sha256"], listed[path]["bytes"]) != (
            entry.sha256,
            entry.size,
        ):
            told = "manifest.json gives another hash or length"
            yield Finding("MANIFEST_DISAGREES", path, told)


def _raw_evidence(files: Files, values: Values) -> Iterator[Finding]:
    for raw in values["manifest.json"]["raw_evidence"]:
        pointer = raw.get("pointer") or {}
        target = str(pointer.get("target", "?"))
        lacking = [
            key for key in ("hash", "size", "produced_by") if not pointer.get(key)
        ]
        if not raw.get("regeneration_command"):
            lacking.append("regeneration_command")
        if lacking or target not in files:
            told = f"lacks {', '.join(lacking)}" if lacking else "points nowhere"
            yield Finding("RAW_EVIDENCE_INCOMPLETE", target, told)
        elif pointer["hash"] != f"sha256:{hashlib.sha256(files[target]).hexdigest()}":
            yield Finding("RAW_EVIDENCE_STALE", target, "its pointer has another hash")


def _status(files: Files, values: Values) -> Iterator[Finding]:
    """Conclude again from each item's evidence; the verdict must follow from it."""
    run, again = values["run.json"], pf.conclude_again(values)
    if run["verdict"] not in (GO, NO_GO):
        told = f"unknown verdict {run['verdict']!r}"
        yield Finding("STATUS_DISAGREES", "run.json", told)
    elif run["verdict"] != again.word:
        told = f"it says {run['verdict']}, its evidence {again.word or 'nothing'}: "
        told += "; ".join(again.reasons[:3]) or "nothing speaks against it"
        yield Finding("STATUS_DISAGREES", "run.json", told)
    elif run["verdict"] == GO and run["reasons"]:
        told = f"it says GO, and: {run['reasons'][0]}"
        yield Finding("STATUS_DISAGREES", "run.json", told)
    elif run["verdict"] == NO_GO and not run["reasons"]:
        yield Finding("STATUS_DISAGREES", "run.json", "NO-GO without a reason")


def _items(files: Files, values: Values) -> Iterator[Finding]:
    """Count each item again, and compare its proof with the evidence of it."""
    results = values["results.json"]
    for item in (*results["items"], *results["faults"]):
        evidence = Evidence.from_values(item["evidence"])
        counted, name = count(evidence), item["nodeid"]
        if (item["outcome"], item["why"]) != (counted.state, counted.why):
            told = f"{name} says {item['outcome']}, its evidence {counted.state}"
            yield Finding("STATUS_DISAGREES", "results.json", told)
        said = item["proof"]["verdict"] if item["proof"] else None
        if item["suite"] != "controls" and said != worst(evidence.proofs):
            told = f"the proof of {name} says {said}, its evidence another verdict"
            yield Finding("STATUS_DISAGREES", "results.json", told)


def _computed(files: Files, values: Values) -> Iterator[Finding]:
    run, results = values["run.json"], values["results.json"]
    again = {
        "results.tsv": pf.build_table(results),
        "status.txt": pf.build_status(run),
        "exit_codes.json": pf.build_exit_codes(run["verdict"]),
    }
    if run["tool"] == pf.TOOL:
        roles = {**dict.fromkeys(files, "report"), **pf.ROLES}
        told = {path: roles[path] for path in sorted(files)}
        again |= {"README_FOR_REVIEWER.md": pf.build_readme(values, told)}
        again |= pf.build_scripts()
    for path, data in again.items():
        if files[path] != data:
            found = "it is not what the evidence gives when computed again"
            yield Finding("STATUS_DISAGREES", path, found)


def _report(files: Files, values: Values) -> Iterator[Finding]:
    """Make verdict.json again from the evidence, and the report from verdict.json."""
    if VERDICT not in values:
        return
    if DECLARED not in values:
        found = "verdict.json cannot be judged again without it"
        yield Finding("MISSING_REQUIRED_FILE", DECLARED, found)
        return
    told, again = values[VERDICT], document_again(values)
    same = values["run.json"]["tool"] == pf.TOOL
    # Another version may word it otherwise; its words of verdict are the same.
    compared = (told, again) if same else (words(told), words(again))
    for place, found in islice(disagreements(*compared), SHOWN):
        yield Finding("STATUS_DISAGREES", VERDICT, f"{place} is {found}")
    for path, data in (made_of(told) if same else {}).items():
        if path in files and files[path] != data:
            found = "it is not what verdict.json gives when rendered again"
            yield Finding("STATUS_DISAGREES", path, found)


def _declared(files: Files, values: Values) -> Iterator[Finding]:
    """Compare what was asked of the run with the pack's own, where that is here."""
    given, ours = values.get(DECLARED), bundled()
    if given is None or given["content"] != ours.content_hash:
        return
    if given != read_json(write_json(redacted(declaration(ours)))):
        told = f"pack {ours.name}, as it is here byte for byte, asks otherwise"
        yield Finding("STATUS_DISAGREES", DECLARED, told)


def _readme_of_another_version(files: Files, values: Values) -> Iterator[Finding]:
    """Compare the first line alone where other versions may word the rest otherwise."""
    run = values["run.json"]
    head = f"# Evidence packet: {run['verdict']} ({run['target']} {run['database']})\n"
    if not files["README_FOR_REVIEWER.md"].startswith(head.encode()):
        told = "its heading does not say what run.json says"
        yield Finding("STATUS_DISAGREES", "README_FOR_REVIEWER.md", told)


def _attestations(files: Files, values: Values) -> Iterator[Finding]:
    run, given = values["run.json"], values["attestations.json"]
    baselines = values["baselines.json"]["baselines"]
    again = attest(run["production"], baselines, run["actions"])
    for name in sorted(again.keys() | given.keys()):
        if again.get(name) != given.get(name):
            told = f"{name}: the evidence gives {again.get(name)}"
            yield Finding("ATTESTATION_DISAGREES", "attestations.json", told)


def _probes(files: Files, values: Values) -> Iterator[Finding]:
    given = values["probes.json"]
    if pf.build_probes(given["probes"]) != given:
        told = "its summary is not what its records give"
        yield Finding("STATUS_DISAGREES", "probes.json", told)
    for probe in given["probes"]:
        refused = probe["must"] == "refuse"
        if refused and (
            probe["actual_exit"] == 0 or probe["PASS_emitted"] or probe["SEAL_emitted"]
        ):
            yield Finding(
                "FAILED_OPEN", "probes.json", f"{probe['id']} was let through"
            )
        elif probe["actual_exit"] != probe["expected_exit"]:
            told = f"{probe['id']} ended with {probe['actual_exit']}"
            yield Finding("FAILED_OPEN", "probes.json", told)
    if given["probes"] and not given["positive_controls"]:
        told = "all was refused, also what is right: no positive control"
        yield Finding("NO_POSITIVE_CONTROL", "probes.json", told)


def _fail_closed_suites(files: Files, values: Values) -> Iterator[Finding]:
    for item in values["results.json"]["items"]:
        if (
            item["suite"] in values["run.json"]["fail_closed"]
            and item["outcome"] != "passed"
        ):
            found = f"{item['nodeid']} {item['outcome']}"
            yield Finding("FAILED_OPEN", "results.json", found)


def _authority(files: Files, values: Values) -> Iterator[Finding]:
    manifest = values["manifest.json"]
    claimed = {
        "packet": pf.FORMAT,
        "authority": "none",
        "may_gate": False,
        "decision_effect": "NONE",
    }
    for key, wanted in claimed.items():
        if manifest[key] != wanted or type(manifest[key]) is not type(wanted):
            told = f"{key} is {manifest[key]!r}, a packet's is {wanted!r}"
            yield Finding("AUTHORITY_CLAIMED", "manifest.json", told)
    beyond = [lv for lv in manifest["levels_targeted"] if lv not in pf.LEVELS]
    if beyond:
        told = f"level {beyond[0]} is deferred: L3 is the ceiling"
        yield Finding("AUTHORITY_CLAIMED", "manifest.json", told)
    for raw in manifest["raw_evidence"]:
        root = raw["nvsz_root"]
        if root["designated"] or root["designated_by"]:
            told = f"designated by {root['designated_by']!r}"
            yield Finding("STORAGE_ROOT_DESIGNATED", "manifest.json", told)


def _governance(files: Files, values: Values) -> Iterator[Finding]:
    for path in CLAIMS:
        if count := len(forbidden_in(files[path].decode(errors="replace"))):
            told = f"{count} claim{'s'[: count != 1]} that no packet can make"
            yield Finding("FORBIDDEN_TOKEN", path, told)
    for path, data in files.items():
        if _OPEN_URL.search(data):
            yield Finding("UNREDACTED_URL", path, "a URL with a password")
    if "decision.json" in values:
        for found in check_decision(values["decision.json"]):
            yield Finding(found.code, "decision.json", found.found)
        if values["decision.json"].get("selected_option") is not None:
            told = "a run's packet asks; an owner answers elsewhere"
            yield Finding("SELECTED_BY_TOOL", "decision.json", told)


_TESTS: dict[str, tuple[Callable[[Files, Values], Iterator[Finding]], ...]] = {
    "L1": (
        _manifest,
        _raw_evidence,
        _status,
        _items,
        _computed,
        _declared,
        _report,
        _readme_of_another_version,
        _attestations,
    ),
    "L2": (_probes, _fail_closed_suites),
    "L3": (_authority, _governance),
}
