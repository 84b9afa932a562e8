"""Tests of schema compatibility: no difference of an expected entity is passed over."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.provenance.schema_compatibility import (
    Shape,
    compare_shapes,
    expectation_of,
    read_shapes,
)

WANTED: dict[str, Any] = {
    "types": {"text": ["text", "character varying"], "number": ["integer"]},
    "entities": [
        {
            "entity": "birth shape",
            "surface": "birth",
            "columns": {"id": "number", "code": "text"},
            "required": ["code"],
            "unique": [["code"]],
            "rows_at_least": 2,
            "impact": "births are lost",
        }
    ],
}
GOOD = Shape(
    {"id": ("integer", True), "code": ("text", True), "other": ("bytea", False)},
    frozenset({frozenset({"id"}), frozenset({"code"})}),
    2,
)


def mismatches(shape: Shape | None) -> tuple[str, ...]:
    """Return the differences of one shape."""
    [found] = compare_shapes({"birth": shape}, WANTED)
    assert found.impact == "births are lost"
    return found.mismatches


def test_expected_shape_fits() -> None:
    """A table with all that is expected, and more, fits."""
    [found] = compare_shapes({"birth": GOOD}, WANTED)
    assert found.fits
    assert found.clone_has == "birth (id integer, code text)"
    assert found.production_surface_expectation == "birth (id number, code text)"


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (None, "birth is absent"),
        (Shape({"code": ("text", True)}, GOOD.unique, 2), "column id is absent"),
        (
            Shape({**GOOD.columns, "id": ("uuid", True)}, GOOD.unique, 2),
            "column id is uuid, expected number",
        ),
        (
            Shape({**GOOD.columns, "code": ("text", False)}, GOOD.unique, 2),
            "column code may be null",
        ),
        (
            Shape(GOOD.columns, frozenset({frozenset({"code", "id"})}), 2),
            "(code) is not unique",
        ),
        (Shape(GOOD.columns, GOOD.unique, 1), "1 rows, expected 2 or more"),
    ],
    ids=["absent", "column", "type", "nullable", "key", "rows"],
)
def test_each_difference_is_told(shape: Shape | None, told: str) -> None:
    """Each way to differ is told, by itself."""
    assert mismatches(shape) == (told,)


def test_shapes_are_read_from_the_catalog(fresh_database: str) -> None:
    """Types, NOT NULL, whole unique keys and rows are read; partial keys are not."""
    with connect(fresh_database) as connection:
        connection.execute(
            "CREATE TABLE public.birth (id integer PRIMARY KEY,"
            " code varchar(20) NOT NULL, gone text, UNIQUE (id, code));"
            "ALTER TABLE public.birth DROP COLUMN gone;"
            "CREATE UNIQUE INDEX ON public.birth (code) WHERE id > 0;"
            "INSERT INTO public.birth SELECT i, i FROM generate_series(1, 9) AS i"
        )
        shapes = read_shapes(connection, WANTED)
    assert shapes["birth"] == Shape(
        {"id": ("integer", True), "code": ("character varying", True)},
        frozenset({frozenset({"id"}), frozenset({"id", "code"})}),
        2,
    )
    assert mismatches(shapes["birth"]) == ("(code) is not unique",)


def test_absent_tables_have_no_shape(fresh_database: str) -> None:
    """On an empty database every one of the seven entities is told absent."""
    expected = expectation_of(bundled())
    assert expected is not None
    with connect(fresh_database) as connection:
        found = compare_shapes(read_shapes(connection, expected), expected)
    assert len(found) == 7
    assert all("is absent" in entity.mismatches[0] for entity in found)


def test_declared_expectation_is_whole() -> None:
    """The seven entities are declared, each with columns, known types and an impact."""
    read = expectation_of(bundled())
    assert read is not None
    names = [entity["entity"] for entity in read["entities"]]
    assert len(names) == len(set(names)) == 7
    for entity in read["entities"]:
        assert entity["columns"]
        assert entity["impact"]
        assert set(entity["columns"].values()) <= set(read["types"])
        assert set(entity["required"]) <= set(entity["columns"])
