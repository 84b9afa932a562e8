"""Tests of the mutation operators: what is turned, and what is left alone."""

from __future__ import annotations

import json

import pytest

from pytest_oneroof.controls.mutants import another, figures_of, mutants_of
from pytest_oneroof.controls.noted import noted


def texts(text: str, *, block: bool = False) -> set[str]:
    """Return the mutants of a text, spaces made one."""
    return {" ".join(m.text.split()) for m in mutants_of(text, block=block)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a = b", {"a <> b"}, id="equal"),
        pytest.param("a < b", {"a >= b", "a <= b"}, id="less"),
        pytest.param("a >= b", {"a < b", "a > b"}, id="at least"),
        pytest.param("a AND b", {"a OR b"}, id="and"),
        pytest.param("a OR b", {"a AND b"}, id="or"),
        pytest.param("NOT a", {"a"}, id="not"),
        pytest.param("a IS NULL", {"a IS NOT NULL"}, id="null"),
        pytest.param("a IS NOT NULL", {"a IS NULL"}, id="not null"),
        pytest.param("EXISTS (b)", {"NOT EXISTS (b)"}, id="exists"),
        pytest.param("a LEFT JOIN b", {"a JOIN b"}, id="join"),
        pytest.param("f('x = y')", {"f('x = y_other')"}, id="literal"),
        pytest.param("'it''s'", {"'it''s_other'"}, id="quote"),
        pytest.param("x < 3", {"x >= 3", "x <= 3", "x < 4"}, id="number"),
        pytest.param("true", {"false"}, id="boolean"),
        pytest.param("a -- = b", set(), id="comment"),
    ],
)
def test_expressions(text: str, expected: set[str]) -> None:
    """Each operator, literal and word is turned once; a string is one literal."""
    assert texts(text) == expected


def test_branches_of_a_body() -> None:
    """A branch is taken never and always, a refusal is not raised, a write skipped."""
    body = (
        "BEGIN IF a THEN RAISE EXCEPTION 'no %', b; END IF; INSERT INTO t SELECT; END"
    )
    assert texts(body, block=True) == {
        body.replace("IF a THEN", "IF false THEN"),
        body.replace("IF a THEN", "IF true THEN"),
        body.replace("RAISE EXCEPTION", "RAISE NOTICE"),
        body.replace("INSERT INTO t SELECT", "NULL"),
    }


def test_labels_are_told_apart() -> None:
    """No two mutants of a text have the same label: it becomes a fault's id."""
    text = "SELECT 1 FROM a LEFT JOIN b ON x < 1 AND y IS NOT NULL OR z = 'w'"
    labels = [mutant.label for mutant in mutants_of(text)]
    assert len(labels) == len(set(labels))


def test_figures_that_were_read() -> None:
    """Only what was read is made another, each by itself; a remark is no figure."""
    data = {"about": "it", "a": {"x": 1, "y": True}, "b": ["s", None], "c": 5}
    read: set[tuple[object, ...]] = set()
    given = noted(data, (), read)
    assert given["a"]["x"] == 1
    assert "s" in given["b"]
    assert read == {("a", "x"), ("b", 0), ("b", 1)}
    found = {m.label: json.loads(m.text) for m in figures_of(json.dumps(data), read)}
    assert found == {
        "a.x": data | {"a": {"x": 2, "y": True}},
        "b.0": data | {"b": ["s_other", None]},
        "b.1": data | {"b": ["s", "_other"]},
    }


@pytest.mark.parametrize(
    "take",
    [
        pytest.param(lambda d: {**d["a"]}, id="unpacked"),
        pytest.param(lambda d: {"z": 1} | d["a"], id="joined"),
        pytest.param(lambda d: dict(d["a"]), id="copied"),
        pytest.param(lambda d: list(d["a"].values()), id="values"),
        pytest.param(lambda d: d["a"] == {"x": 1}, id="compared"),
    ],
)
def test_whoever_takes_all_reads_each(take: object) -> None:
    """Taking an object whole reads each value of it, and none of its neighbours."""
    read: set[tuple[object, ...]] = set()
    take(noted({"a": {"x": 1, "y": 2}, "b": {"z": 3}}, (), read))  # type: ignore[operator]
    assert read == {("a", "x"), ("a", "y")}


@pytest.mark.parametrize("value", [True, 0, 1.5, "text", "", None])
def test_another_is_another(value: object) -> None:
    """Another value differs, and is of the same kind where there was one."""
    assert another(value) != value
    assert value is None or type(another(value)) is type(value)
