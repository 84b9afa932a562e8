"""Evidence packets on disk: written whole, verified at once and by others."""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pytest_oneroof.answer import BROKEN, DONE, WRONG_USE, Answer
from pytest_oneroof.errors import OneroofError, SettingsError
from pytest_oneroof.packet import checks as packet_checks
from pytest_oneroof.packet import files as pf
from pytest_oneroof.packet.given import PacketInput
from pytest_oneroof.sealing.manifest import Finding
from pytest_oneroof.sealing.seal import check
from pytest_oneroof.sealing.strict_json import MalformedJson, read_json

_EXECUTABLE = ("commands.sh", "RERUN.sh")
# renameat2(2): relative paths are the process's own; exchange both names at once.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def write_packet(folder: Path, given: PacketInput) -> Answer:
    """Write a run's packet to `folder`, whole or not at all, and verify it there.

    An earlier packet there is replaced; a folder that holds anything else is
    not touched: SettingsError names what is in the way. Raise OneroofError where
    the folder cannot be written; an earlier packet is then still there. The answer
    is that of `verify_packet`: status 3 where the run's verdict disagrees with its
    evidence.
    """
    require_ours(folder)
    files = pf.build_files(given)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".oneroof-", dir=folder.parent) as work:
            made = Path(work) / "packet"
            _write_files(made, files)
            _put(made, folder, Path(work) / "replaced")
    except OSError as error:
        raise OneroofError(
            f"the evidence packet cannot be written to {folder}: "
            f"{error.strerror or error}"
        ) from error
    return verify_packet(folder)


def verify_packet(folder: Path, *, pin: str | None = None) -> Answer:
    """Check every hash of a packet, and every status against its evidence.

    Status 0; 3 with every finding where it does not hold; 2 where there is no
    such folder. `pin` is the tree hash that the reader was given another way.
    """
    if not folder.is_dir():
        told = f"there is no packet folder {folder}"
        return Answer(WRONG_USE, {"packet": "absent", "findings": []}, (told,))
    files, findings = _read_files(folder, pin)
    levels = {"L0": findings}
    against_run: list[Finding] = []
    if not findings:
        values, unreadable = packet_checks.read_values(files)
        levels["L1"] = unreadable
        for level in pf.LEVELS[1:]:
            if level == "L1" and unreadable:
                continue
            if not any(levels.values()):
                found = packet_checks.check_level(level, files, values)
                against_run += packet_checks.against_run(found, values)
                levels[level] = [f for f in found if f not in against_run]
    if any(levels.values()):
        return _broken(levels)
    return _holds(files, values, _tree_pin(folder), against_run)


def _read_files(
    folder: Path, pin: str | None
) -> tuple[dict[str, bytes], list[Finding]]:
    tree = _tree_pin(folder)
    findings = []
    if tree is None:
        told = "it is absent or not of the form 'sha256  HASH_MANIFEST.txt'"
        findings.append(Finding("MALFORMED_TREE", pf.TREE, told))
    if pin is not None and pin != tree:
        told = "the packet is not the one whose tree hash was given"
        findings.append(Finding("TREE_PIN_MISMATCH", pf.TREE, told))
    checked = check(
        folder / pf.HASH_MANIFEST,
        folder,
        pin=tree or "",
        lengths=False,
        besides=(pf.TREE,),
    )
    findings += checked.findings
    order = [entry.path for entry in checked.entries]
    if order != sorted(order, key=str.encode):
        told = "its lines are not in bytewise order"
        findings.append(Finding("ORDER_MISMATCH", pf.HASH_MANIFEST, told))
    return dict(checked.files), findings


def _tree_pin(folder: Path) -> str | None:
    path = folder / pf.TREE
    with contextlib.suppress(OSError, ValueError):
        if not path.is_symlink():
            text = path.read_bytes().decode("ascii")
            sha256, _, rest = text.partition("  ")
            if rest == f"{pf.HASH_MANIFEST}\n" and len(sha256) == 64:
                return sha256
    return None


def require_ours(folder: Path) -> None:
    """Refuse to replace a folder that holds anything but an earlier packet.

    Raise SettingsError, naming what is in the way.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise SettingsError(
            f"--oneroof-report {folder} is no folder: nothing was written"
        )
    names = sorted(path.name for path in folder.iterdir())
    if names and not _is_packet(folder):
        raise SettingsError(
            f"--oneroof-report {folder} holds other files: {', '.join(names[:3])}"
            f"{', …' if len(names) > 3 else ''}; nothing was written there\n"
            "to fix this, name a new or empty folder, or an earlier packet"
        )


def _is_packet(folder: Path) -> bool:
    """Tell whether a folder is a packet of ours with nothing else in it."""
    try:
        manifest = read_json((folder / "manifest.json").read_bytes())
        listed = {entry["path"] for entry in manifest["files"]}
    except (OSError, MalformedJson, KeyError, TypeError):
        return False
    listed |= {"manifest.json", pf.HASH_MANIFEST, pf.TREE}
    there = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() or path.is_symlink()
    }
    return manifest.get("packet") == pf.FORMAT and there <= listed


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if name in _EXECUTABLE:
            path.chmod(0o755)


def _put(made: Path, folder: Path, replaced: Path) -> None:
    """Move a packet to its place; the earlier one is kept if that fails."""
    if folder.exists():
        if _exchange(made, folder):
            return
        folder.rename(replaced)
    try:
        made.rename(folder)
    except OSError:
        if replaced.exists():
            replaced.rename(folder)
        raise


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system cannot.

    Elsewhere than on Linux there is a moment without either (two renames).
    """
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    paths = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    return bool(rename(*paths, _RENAME_EXCHANGE) == 0)


def _holds(
    files: Mapping[str, bytes],
    values: Mapping[str, Any],
    tree: str | None,
    against_run: list[Finding],
) -> Answer:
    run = values["run.json"]
    counts = pf.count_results(values["results.json"])
    # What the run let through is told by its NO-GO, and by the level reached.
    reached = pf.LEVELS[: pf.LEVELS.index("L2")] if against_run else pf.LEVELS
    data = {
        "packet": "holds",
        "tree": tree,
        "files": len(files),
        "level_reached": reached[-1],
        "verdict": run["verdict"],
        "reasons": run["reasons"],
        "results": counts,
        "attestations": values["attestations.json"],
        "findings": [],
        "found_by_run": [asdict(finding) for finding in against_run],
    }
    lines = (
        f"packet holds: {len(files)} files, tree {tree}",
        f"levels {', '.join(reached)} reached; it records {run['verdict']} "
        f"({run['target']}), {counts['passed']} of {counts['checks']} checks passed",
    )
    return Answer(DONE, data, lines)


def _broken(levels: Mapping[str, list[Finding]]) -> Answer:
    findings = [finding for found in levels.values() for finding in found]
    failed = next(level for level, found in levels.items() if found)
    place = pf.LEVELS.index(failed)
    data = {
        "packet": "broken",
        "level_reached": pf.LEVELS[place - 1] if place else None,
        "failed_level": failed,
        "findings": [asdict(finding) for finding in findings],
    }
    count = len(findings)
    head = f"packet is broken at {failed}: {count} finding{'s'[: count != 1]}"
    return Answer(BROKEN, data, (head, *(f"  {finding}" for finding in findings)))
