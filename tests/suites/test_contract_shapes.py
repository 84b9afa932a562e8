"""The shapes of the read contract, and a database that has its views already."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_oneroof import resources


def endpoints() -> list[dict[str, Any]]:
    """Return the endpoints as the fixtures list them."""
    found: list[dict[str, Any]] = resources.read_json(
        "fixtures/contract/endpoints.json"
    )
    return found


STANDS = """
import importlib

from pytest_oneroof import resources


def test_relation_that_stands_already(oneroof_clone, request):
    oneroof_clone.execute(resources.read_text("sql/contract/E5_gaps.sql"))
    suite = importlib.import_module("pytest_oneroof.suites.test_contract")
    (check,) = [f for n, f in vars(suite).items() if n.startswith("test_e5_")]
    check(oneroof_clone, request)
"""


def test_relation_that_stands_already(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """A view that the clone brought along is judged as it is, not made anew."""
    pytester.makepyfile(test_stands=STANDS)
    result = run_oneroof(
        "--oneroof-clone", "--oneroof-suite", "contract", "test_stands.py"
    )
    result.assert_outcomes(passed=8 + 1)


@pytest.mark.parametrize("endpoint", endpoints(), ids=lambda e: str(e["id"]))
def test_schema_refuses_an_empty_object(endpoint: dict[str, Any]) -> None:
    """Each schema is a valid one, wants every key, and takes no other."""
    schema = resources.read_json(f"fixtures/contract/{endpoint['name']}.schema.json")
    Draft202012Validator.check_schema(schema)
    row = schema if endpoint["kind"] == "object" else schema["items"]
    assert sorted(row["required"]) == sorted(row["properties"])
    wrong: Any = {"beside": 1} if endpoint["kind"] == "object" else [{"beside": 1}]
    told = "\n".join(e.message for e in Draft202012Validator(schema).iter_errors(wrong))
    assert "'beside' was unexpected" in told
    assert all(f"'{key}' is a required property" in told for key in row["required"])


def test_openapi_tells_the_same_shapes() -> None:
    """The OpenAPI document has each endpoint's path and, word for word, its schema."""
    document = resources.read_json("fixtures/contract/openapi.json")
    assert document["openapi"] == "3.1.0"
    shapes = {}
    for path, operations in document["paths"].items():
        content = operations["get"]["responses"]["200"]["content"]
        reference = content["application/json"]["schema"]["$ref"]
        shapes[path] = document["components"]["schemas"][reference.split("/")[-1]]
        assert list(operations) == ["get"]
    assert list(shapes) == [endpoint["path"] for endpoint in endpoints()]
    for endpoint in endpoints():
        text = resources.read_text(f"fixtures/contract/{endpoint['name']}.schema.json")
        schema = json.loads(text)
        del schema["$schema"], schema["$id"]
        assert shapes[endpoint["path"]] == schema
