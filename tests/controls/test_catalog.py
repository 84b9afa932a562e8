"""The catalog of faults: what its format admits, and what the shipped one holds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof import resources
from pytest_oneroof.controls.catalog import KINDS, Catalog, read_catalog
from pytest_oneroof.errors import SettingsError

FAULT = {"id": "x", "kind": "sql", "breaks": "A row is gone.", "noticed": ["a:b"]}


def read(folder: Path, *faults: dict[str, Any], **more: Any) -> Catalog:
    """Return the catalog of one file that holds these faults."""
    (folder / "one.json").write_text(json.dumps({"faults": faults, **more}))
    return read_catalog(folder)


def test_a_fault_is_read_whole(tmp_path: Path) -> None:
    """Checks given as a list need no text, and lines of a list are one text."""
    noticed = {"coverage:r1.1": "own: expected 30"}
    long = {**FAULT, "id": "y", "does": [["SELECT 1;", "SELECT 2"]], "noticed": noticed}
    one, two = read(tmp_path, FAULT, long).faults
    assert (one.area, one.noticed, one.generated) == ("own", {"a:b": ""}, False)
    assert (two.does, two.noticed) == (("SELECT 1;\nSELECT 2",), noticed)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id": "A b"}, "an id is made of a-z, 0-9, dots and hyphens"),
        (
            {"kind": "magic"},
            "kind is one of sql, admin, session, file, production, stepped",
        ),
        ({"area": "moon"}, "area is one of data, schema, boundary, own"),
        ({"breaks": " "}, "breaks says in a sentence what is broken"),
        ({"noticed": []}, "noticed names the checks that must notice"),
        ({"kind": "file"}, "kind file takes file, old and new"),
        ({"kind": "session"}, "kind session takes opens: admin or check"),
        ({"does_it": "x"}, "unknown: does_it"),
    ],
)
def test_a_wrong_fault_is_told_by_file_and_id(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    """What the format does not admit is refused, naming file and fault."""
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, {**FAULT, **change})
    assert f"{tmp_path}/one.json: fault " in str(refused.value)
    assert told in str(refused.value)


def test_an_id_is_used_once(tmp_path: Path) -> None:
    """An id twice, in one file or in two catalogs, is refused."""
    with pytest.raises(SettingsError, match="two faults have the id 'x'"):
        read(tmp_path, FAULT, FAULT)
    catalog = read(tmp_path, FAULT)
    with pytest.raises(SettingsError, match="two faults have the id 'x'"):
        catalog.joined(catalog)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """A folder that is not there is an error, never an empty catalog."""
    with pytest.raises(SettingsError, match="the folder of faults is missing: /"):
        read_catalog(tmp_path / "none")


def test_generated_faults_are_explained_by_their_whole_id(tmp_path: Path) -> None:
    """A pattern explains the ids that it matches from end to end."""
    explained = [{"matches": r"trigger\.t\.a.*", "reason": "a log"}]
    catalog = read(tmp_path, equivalent=explained)
    assert catalog.reason("trigger.t.abc") == "a log"
    assert catalog.reason("trigger.t.b") == catalog.reason("xtrigger.t.a") == ""


def test_the_shipped_catalog_is_broad() -> None:
    """Hundreds of faults over data, schema and boundary, of every kind, none unseen."""
    catalog = read_catalog(resources.path("fixtures/controls"))
    faults = catalog.faults
    assert catalog.unseen == {}
    areas = Counter(fault.area for fault in faults)
    kinds = Counter(fault.kind for fault in faults)
    assert len(faults) >= 400
    assert min(areas[area] for area in ("data", "schema", "boundary")) >= 30
    assert set(kinds) == set(KINDS)
