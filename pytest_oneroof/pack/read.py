"""A pack's `fixtures/pack.toml`, read, validated and made a `Pack`.

Its form stands in `fixtures/pack.schema.json`; which keys name files, in the model.
All that is wrong is told at once, each with its line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from pytest_oneroof import resources
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.pack import model
from pytest_oneroof.pack.model import FACTS, INTEGRITY, PGTAP, RECORDED, Pack, Suite

SCHEMA = "fixtures/pack.schema.json"
SECTIONS: Mapping[str, type[Any]] = {
    "fits": model.Fits,
    "figures": model.FigureFiles,
    "gate": model.GateFiles,
    "standin": model.StandInFiles,
    "release": model.ReleaseFiles,
    "verdict": model.VerdictFiles,
    "controls": model.ControlFiles,
    "provenance": model.ProvenanceFiles,
    "decision": model.DecisionFiles,
    "pgtap": model.PgtapFiles,
}
ENGINE = {suite.name: suite for suite in (INTEGRITY, RECORDED, PGTAP)}
_HEADER = re.compile(r"\s*\[+([^\]\n]+)\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")

Facts = Mapping[str, Any]
Finding = tuple[Sequence[str], str]


def read_pack(root: Path, package: str, *, name: str = "") -> Pack:
    """Return the pack in a folder.

    `package` is where its suites are imported from; `name` is what the pack is
    called if it does not say. Raise SettingsError, naming file, line and key, for
    whatever its form does not admit.
    """
    file = root / FACTS
    try:
        text = file.read_text(encoding="utf-8")
        facts = tomllib.loads(text)
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{root} is no pack: cannot read {FACTS}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: {error}") from error
    wrong = sorted((_line(text, path), told) for path, told in _findings(facts, root))
    if wrong:
        lines = [f"  line {line}: {told}" for line, told in dict.fromkeys(wrong)]
        raise SettingsError("\n".join([f"{file} is no pack's:", *lines]))
    return _made(facts, root, package, name or root.resolve().name)


def _made(facts: Facts, root: Path, package: str, name: str) -> Pack:
    sections = {
        key: kind(**_plain(facts[key]))
        for key, kind in SECTIONS.items()
        if key in facts
    }
    own = {
        suite: _suite(suite, entry, root)
        for suite, entry in facts.get("suites", {}).items()
    }
    engine = {INTEGRITY.name: INTEGRITY}
    if facts.get("figures", {}).get("expected"):
        engine[RECORDED.name] = RECORDED
    if facts.get("pgtap", {}).get("files"):
        engine[PGTAP.name] = PGTAP
    suites = (*own.values(), *(s for n, s in engine.items() if n not in own))
    others = {k: v for k, v in facts.items() if k not in (*SECTIONS, "suites")}
    values = {"name": name, **_plain(others), **sections, "suites": suites}
    return Pack(**values, root=root, package=package)


def _suite(name: str, entry: Facts, root: Path) -> Suite:
    """Return a pack's suite, or the engine's where the pack has none of that name."""
    own = (root / f"suites/test_{name}.py").exists()
    base = Suite(name) if own else ENGINE.get(name, Suite(name))
    return replace(base, **_plain(entry))


def _plain(values: Facts) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def _findings(facts: Facts, root: Path) -> Iterator[Finding]:
    """Yield whatever is not as it has to be: the key's path, and what is wrong."""
    validator = jsonschema.Draft202012Validator(resources.read_json(SCHEMA))
    errors = list(validator.iter_errors(facts))
    for error in errors:
        yield from _told(error)
    if not errors:
        yield from _pattern(facts)
        for path, value, kind in _named(facts):
            if told := _missing(root, value, kind):
                yield path, f"{'.'.join(path)}: {told}"


def _told(error: Any) -> Iterator[Finding]:
    path = [str(part) for part in error.absolute_path]
    if error.validator != "additionalProperties":
        yield path, f"{'.'.join(path)}: {error.message}"
        return
    known = error.schema["properties"]
    for key in sorted(set(error.instance) - set(known)):
        dotted = ".".join([*path, key])
        yield [*path, key], f"unknown key {dotted} (known: {', '.join(known)})"


def _pattern(facts: Facts) -> Iterator[Finding]:
    try:
        re.compile(facts.get("clone_pattern", ""))
    except re.error as error:
        yield ["clone_pattern"], f"clone_pattern: no regular expression: {error}"


def _named(facts: Facts) -> Iterator[tuple[Sequence[str], str, str]]:
    """Yield each file or folder that is named: the key's path, the name, its kind."""
    for section, kind in SECTIONS.items():
        for key in fields(kind):
            value = facts.get(section, {}).get(key.name)
            if value is not None and "names" in key.metadata:
                yield [section, key.name], value, key.metadata["names"]
    for suite in facts.get("suites", {}):
        if suite in ENGINE:
            continue
        yield ["suites", suite], f"suites/test_{suite}.py", "file"


def _missing(root: Path, name: str, kind: str) -> str:
    """Return why a name names nothing of the pack, or ''."""
    path, whole = (root / name).resolve(), root.resolve()
    if not path.is_relative_to(whole):
        return f"{name} leaves the pack's folder"
    if not (path.is_file() if kind == "file" else path.is_dir()):
        return f"no such {kind}: {name}"
    return ""


def _line(text: str, path: Sequence[str]) -> int:
    """Return the line on which a key, or the nearest thing above it, stands."""
    table: list[str] = []
    best, at = 0, 1
    for number, line in enumerate(text.splitlines(), 1):
        if found := _HEADER.match(line):
            table = _parts(found[1])
            here = table
        elif found := _KEY.match(line):
            here = [*table, *_parts(found[1])]
        else:
            continue
        if len(here) > best and list(path[: len(here)]) == here:
            best, at = len(here), number
    return at


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
