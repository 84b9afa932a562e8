"""A pack as frozen values: its facts, and its files by their names.

Read by `read.py`; docs/packs.md tells what each key means. Files are named
relative to the pack's folder. What a pack does not name is not done.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_oneroof.errors import SettingsError

FACTS = "fixtures/pack.toml"
NONE = "none"
# Any database whose name says that it is a dated test copy.
ANY_CLONE = "[a-z0-9_]+_test_[0-9]{8}(_[a-z0-9_]+)?"


def _file() -> Any:
    """Return a key that names a file of the pack."""
    return field(default=None, metadata={"names": "file"})


def _folder() -> Any:
    """Return a key that names a folder of the pack."""
    return field(default=None, metadata={"names": "folder"})


@dataclass(frozen=True)
class Suite:
    """One suite: the test module `suites/test_NAME.py`.

    `needs` is 'clone', 'read-only channel', 'rehearsal clones' or 'nothing'. An
    `ordered` suite stays on one worker, in its order. One with `moments` runs on
    production, its checks parametrised by `moment`. `engine`: it is the engine's own,
    for any database. `fail_closed`: a packet in which
    one of its checks did not pass does not hold. Without `generated_faults` its
    checks are called under listed faults only.
    """

    name: str
    default: bool = True
    needs: str = "clone"
    ordered: bool = False
    moments: tuple[str, ...] = ()
    fail_closed: bool = False
    generated_faults: bool = True
    engine: bool = False

    @property
    def file(self) -> str:
        """The file name of its module."""
        return f"test_{self.name}.py"


# The suite for any database. A pack's [suites] may leave it out of the default run.
INTEGRITY = Suite("integrity", generated_faults=False, engine=True)
# One check for each figure of `[figures] expected`.
RECORDED = Suite("figures", generated_faults=False, engine=True)
# One check for each pgTAP file of the pack.
PGTAP = Suite("pgtap", generated_faults=False, engine=True)


@dataclass(frozen=True)
class Fits:
    """Tables without which the pack's suites are not collected."""

    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class FigureFiles:
    """Queries of figures, the phases that they tell, and recorded expectations."""

    metrics: str | None = _file()
    organic: str | None = _file()
    phases: str | None = _file()
    expected: str | None = _file()


@dataclass(frozen=True)
class GateFiles:
    """The plan of the gate that a release waits for."""

    plan: str | None = _file()


@dataclass(frozen=True)
class StandInFiles:
    """The plan of a stand-in production; `undo` names what takes its stages back."""

    plan: str | None = _file()
    undo: str | None = _file()


@dataclass(frozen=True)
class ReleaseFiles:
    """Release packets, and the seals by which the pack's owner pins them.

    `open_gate` opens the gate of a rehearsal clone. `approval` is the setting by
    which the packets' files are told the code of their approval, and
    `rehearsal_approval` the code that a rehearsal gives.
    """

    packets: str | None = _folder()
    seals: Mapping[str, str] = field(default_factory=dict)
    open_gate: str | None = _file()
    approval: str | None = None
    rehearsal_approval: str = "REHEARSAL-ONLY"


@dataclass(frozen=True)
class VerdictFiles:
    """Declared objectives, and the query of the ownership map."""

    objectives: str | None = _file()
    cells: str | None = _file()


@dataclass(frozen=True)
class ControlFiles:
    """The folder of the pack's own faults, and tables whose every column is broken.

    `registries` are those whose values the pack's checks compare, by schema and name;
    `figures` are JSON files of expected values, or folders of such.
    """

    faults: str | None = _folder()
    registries: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProvenanceFiles:
    """Standing judgements on clones, and the shape that a clone must have."""

    candidates: str | None = _file()
    expectation: str | None = _file()


@dataclass(frozen=True)
class PgtapFiles:
    """The folder of the pack's pgTAP files."""

    files: str | None = _folder()


@dataclass(frozen=True)
class DecisionFiles:
    """The records of what stands before production."""

    blockers: str | None = _file()


@dataclass(frozen=True)
class Pack:
    """One pack, read once. `root` is its folder, None for the pack 'none'.

    `package` is the name under which its suites are imported, `told` what a user
    calls the place of its facts.
    """

    name: str = NONE
    root: Path | None = None
    package: str = ""
    clone_pattern: str = ANY_CLONE
    productions: tuple[str, ...] = ()
    fits: Fits = field(default_factory=Fits)
    suites: tuple[Suite, ...] = (INTEGRITY,)
    figures: FigureFiles = field(default_factory=FigureFiles)
    gate: GateFiles = field(default_factory=GateFiles)
    standin: StandInFiles = field(default_factory=StandInFiles)
    release: ReleaseFiles = field(default_factory=ReleaseFiles)
    verdict: VerdictFiles = field(default_factory=VerdictFiles)
    controls: ControlFiles = field(default_factory=ControlFiles)
    provenance: ProvenanceFiles = field(default_factory=ProvenanceFiles)
    decision: DecisionFiles = field(default_factory=DecisionFiles)
    pgtap: PgtapFiles = field(default_factory=PgtapFiles)

    def path(self, name: str) -> Path:
        """Return the path of one of the pack's files or folders."""
        if self.root is None:
            raise SettingsError(f"the pack {self.name!r} has no files: {name}")
        return self.root / name

    def read_text(self, name: str) -> str:
        """Return the text of one of the pack's files (UTF-8)."""
        return self.path(name).read_text(encoding="utf-8")

    def read_json(self, name: str) -> Any:
        """Return the value in one of the pack's JSON files."""
        return json.loads(self.read_text(name))

    def needed(self, section: str, key: str) -> str:
        """Return the file that a key names; raise SettingsError where it is missing."""
        value: str | None = getattr(getattr(self, section), key)
        if value is None:
            raise SettingsError(
                f"the pack {self.name!r} names no [{section}] {key}: this needs it\n"
                f"to fix this, name it in the pack's {FACTS}, or choose another "
                "pack: ONEROOF_PACK"
            )
        return value

    def suite(self, name: str | None) -> Suite | None:
        """Return the suite of that name, or None."""
        return next((suite for suite in self.suites if suite.name == name), None)

    def without_checks(self) -> Pack:
        """Return what stays of a pack that does not fit: how databases are named."""
        return Pack(
            name=NONE, clone_pattern=self.clone_pattern, productions=self.productions
        )

    @property
    def content_hash(self) -> str:
        """The sha256 over path and bytes of all below `sql` and `fixtures`."""
        return _content_hash(self.root) if self.root is not None else ""


@functools.cache
def _content_hash(root: Path) -> str:
    digest = hashlib.sha256()
    for folder in ("sql", "fixtures"):
        for file in sorted((root / folder).rglob("*")):
            if file.is_file():
                name = file.relative_to(root).as_posix()
                data = file.read_bytes()
                digest.update(f"{name}\0{len(data)}\0".encode())
                digest.update(data)
    return digest.hexdigest()
