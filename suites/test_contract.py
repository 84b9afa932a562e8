"""Contract: eight read endpoints, their JSON, their figures, in three states.

Each is made inside the guarded transaction, where no view of that name stands
already: `sql/contract/`, shapes and figures in `fixtures/contract/`. With
`--oneroof-api-url` the live API is asked the same (docs/contract.md).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from jsonschema import Draft202012Validator
from psycopg import sql as composed
from pytest_oneroof.suites.contract_api import Answer, ApiError, ask
from pytest_oneroof.suites.contract_model import Model
from pytest_oneroof.suites.figures import Connection, compare, tell
from pytest_oneroof.suites.rules import assert_rules
from pytest_oneroof.suites.support import rows, sql, value

from pytest_oneroof import resources
from pytest_oneroof.redaction import redact
from pytest_oneroof.run.keys import settings_key
from pytest_oneroof.settings import Settings

STATES = ("baseline", "seed deleted", "direct override")
SHOWN = 3

Endpoint = dict[str, Any]


def test_e1_summary(oneroof_clone: Connection, request: pytest.FixtureRequest) -> None:
    """GET /coverage/summary tells the grid: 210 cells, covered, open, in percent."""
    check_endpoint("E1", oneroof_clone, request)


def test_e2_by_scope(oneroof_clone: Connection, request: pytest.FixtureRequest) -> None:
    """GET /coverage/by-scope tells covered and open objects of each of six scopes."""
    check_endpoint("E2", oneroof_clone, request)


def test_e3_by_owner(oneroof_clone: Connection, request: pytest.FixtureRequest) -> None:
    """GET /coverage/by-owner tells what each owner answers for, most cells first."""
    check_endpoint("E3", oneroof_clone, request)


def test_e4_by_object(
    oneroof_clone: Connection, request: pytest.FixtureRequest
) -> None:
    """GET /coverage/by-object tells covered and open scopes of each of 35 objects."""
    check_endpoint("E4", oneroof_clone, request)


def test_e5_gaps(oneroof_clone: Connection, request: pytest.FixtureRequest) -> None:
    """GET /coverage/gaps tells each open cell, and none where all is covered."""
    check_endpoint("E5", oneroof_clone, request)


def test_e6_ownership_detail(
    oneroof_clone: Connection, request: pytest.FixtureRequest
) -> None:
    """GET /coverage/ownership-detail tells an object's owners, and by which anchor."""
    assert_rules(oneroof_clone, "governance_object_ownership")
    check_endpoint("E6", oneroof_clone, request)


def test_e7_scan_status(
    oneroof_clone: Connection, request: pytest.FixtureRequest
) -> None:
    """GET /coverage/scan-status tells the last scan, what it wrote, and the cursor."""
    check_endpoint("E7", oneroof_clone, request)


def test_e8_events(oneroof_clone: Connection, request: pytest.FixtureRequest) -> None:
    """GET /coverage/events tells five governance types, inactive, and none emitted."""
    check_endpoint("E8", oneroof_clone, request)


def data(name: str) -> Any:
    """Return the value of a file of the contract's fixtures."""
    return resources.read_json(f"fixtures/contract/{name}.json")


def check_endpoint(
    name: str, connection: Connection, request: pytest.FixtureRequest
) -> None:
    """Assert shape, figures and three states of one endpoint; then of the live API."""
    endpoint = next(e for e in data("endpoints") if e["id"] == name)
    make_relation(connection, endpoint)
    for state in STATES:
        with in_state(connection, state):
            check_state(connection, endpoint, state, request)
    settings = request.config.stash[settings_key]
    if settings.api_url:
        check_api(connection, endpoint, settings, request)


def make_relation(connection: Connection, endpoint: Endpoint) -> None:
    """Make the endpoint's view or function, unless one of its name stands already.

    Asserts that it reads only, and with the rights of its caller.
    """
    relation = endpoint["relation"]
    question = sql("contract/relation_rights.sql")
    found = rows(connection, question, {"relation": relation})
    if not found:
        file = f"contract/{name_of_file(endpoint)}.sql"
        connection.execute(sql(file))
        found = rows(connection, question, {"relation": relation})
    tell(
        compare(
            {"relations": 1, "reads only": True, "with its caller's rights": True},
            {
                "relations": len(found),
                "reads only": all(reads for _, reads, _ in found),
                "with its caller's rights": all(caller for _, _, caller in found),
            },
        ),
        relation,
    )


def name_of_file(endpoint: Endpoint) -> str:
    """Return the name of the file, without suffix, that makes the relation."""
    return f"{endpoint['id']}_{endpoint['name'].replace('-', '_')}"


@contextlib.contextmanager
def in_state(connection: Connection, state: str) -> Iterator[None]:
    """Bring the clone into one of the three states for the length of the block."""
    with connection.transaction():
        if state == "seed deleted":
            tag = resources.read_json("fixtures/coverage.json")["seed_tag"]
            gone = rows(
                connection, sql("coverage/delete_seed.sql"), {"created_by": tag}
            )
            assert gone, f"no row of the seed {tag} to delete"
        elif state == "direct override":
            override = data("figures")["override"]
            made = rows(connection, sql("contract/direct_override.sql"), override)
            assert len(made) == 1, f"the override made {len(made)} rows"
        yield
        raise psycopg.Rollback


def check_state(
    connection: Connection,
    endpoint: Endpoint,
    state: str,
    request: pytest.FixtureRequest,
) -> None:
    """Assert what the database answers in one state: shape, base tables, figures."""
    model = Model(value(connection, sql("contract/base_rows.sql")))
    where = f"{endpoint['id']} {endpoint['path']}, {state}"
    told: list[dict[str, Any]] = []
    for argument in arguments(endpoint):
        answer = read(connection, endpoint, argument)
        check_answer(answer, endpoint, argument, model, where)
        told += [{"object": argument, **r} if argument else r for r in as_rows(answer)]
    found = figures_of(told, data("figures")["states"][state][endpoint["id"]])
    note(request, state, found)
    tell({name: pair for name, pair in found.items() if pair[0] != pair[1]}, where)


def arguments(endpoint: Endpoint) -> list[str]:
    """Return what to call the endpoint with; one empty text where it takes nothing."""
    return list(data("figures")["objects"]) if "parameter" in endpoint else [""]


def read(connection: Connection, endpoint: Endpoint, argument: str) -> Any:
    """Return the JSON of the endpoint's relation, its rows as a client gets them."""
    relation = composed.Identifier("public", endpoint["relation"])
    if "parameter" in endpoint:
        query = composed.SQL("SELECT to_jsonb(e) FROM {}(%s) AS e").format(relation)
        found = connection.execute(query, [argument]).fetchall()
    else:
        query = composed.SQL("SELECT to_jsonb(e) FROM {} AS e").format(relation)
        found = connection.execute(query).fetchall()
    answer = [row for (row,) in found]
    if endpoint["kind"] == "array":
        return answer
    assert len(answer) == 1, f"{endpoint['relation']}: {len(answer)} rows, expected 1"
    return answer[0]


def check_answer(
    answer: Any, endpoint: Endpoint, argument: str, model: Model, where: str
) -> None:
    """Assert an answer's shape, its order, and that it is what the base rows say."""
    schema = data(f"{endpoint['name']}.schema")
    found = sorted(Draft202012Validator(schema).iter_errors(answer), key=str)
    if found:
        error = found[0]
        pytest.fail(f"{where}: {error.json_path}: {error.message}", pytrace=False)
    expected = as_rows(model.expected(endpoint["name"], argument))
    told = as_rows(answer)
    shown = f"{where} of {argument}" if argument else where
    difference(expected, told, endpoint, shown)


def difference(
    expected: list[Any], told: list[Any], endpoint: Endpoint, where: str
) -> None:
    """Fail with the rows that differ, or with the order when only that does."""
    missing = [row for row in expected if row not in told]
    beyond = [row for row in told if row not in expected]
    if missing or beyond or len(expected) != len(told):
        compare({"rows": len(expected)}, {"rows": len(told)})
        lines = [f"{where}: not what the base tables say"]
        lines.append(f"  rows: expected {len(expected)}, found {len(told)}")
        lines += [f"  expected {shown(row)}" for row in missing[:SHOWN]]
        lines += [f"  found {shown(row)}" for row in beyond[:SHOWN]]
        pytest.fail("\n".join(lines), pytrace=False)
    if expected != told:
        keys = ", ".join(endpoint["order"])
        pytest.fail(f"{where}: rows are not in the order of {keys}", pytrace=False)


def figures_of(told: list[Any], known: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the known figures of a state, each with (expected, found)."""
    found: dict[str, tuple[Any, Any]] = {"rows": (known["rows"], len(told))}
    for column, total in known.get("sums", {}).items():
        found[column] = (total, sum(int(row[column]) for row in told))
    for part in known.get("holds", []):
        if len(told) == 1:
            found |= {key: (wanted, told[0].get(key)) for key, wanted in part.items()}
            continue
        same = [row for row in told if part.items() <= row.items()]
        found[shown(part)] = (
            "once",
            "once" if len(same) == 1 else f"{len(same)} times",
        )
    return found


def note(
    request: pytest.FixtureRequest, state: str, found: dict[str, tuple[Any, Any]]
) -> None:
    """Keep the figures for the report: name, expected, found."""
    told = [[f"{state}: {name}", *pair] for name, pair in found.items()]
    request.node.user_properties.append(("oneroof_figures", json.dumps(told)))


def check_api(
    connection: Connection,
    endpoint: Endpoint,
    settings: Settings,
    request: pytest.FixtureRequest,
) -> None:
    """Assert that the live API answers as the database that it serves does.

    That is the production where one is given, as a clone is closed to everybody
    while a run has it; else the clone stands for it.
    """
    assert settings.api_url is not None
    if settings.production_url:
        name, served = "production", request.getfixturevalue("oneroof_production")
    else:
        name, served = "clone", connection
    model = Model(value(served, sql("contract/base_rows.sql")))
    for argument in arguments(endpoint):
        answer = asked(settings.api_url, endpoint, argument)
        where = f"{endpoint['id']} GET {answer.url}, against the {name}"
        check_answer(answer.value, endpoint, argument, model, where)
    told = [["live API", redact(settings.api_url), f"agrees with the {name}"]]
    request.node.user_properties.append(("oneroof_figures", json.dumps(told)))


def asked(url: str, endpoint: Endpoint, argument: str) -> Answer:
    """Return the live API's answer; fail with one line where there is none."""
    wrong = ""
    try:
        return ask(url, endpoint, argument)
    except ApiError as error:
        wrong = f"{endpoint['id']}: {error}"
    pytest.fail(wrong, pytrace=False)


def as_rows(answer: Any) -> list[Any]:
    """Return an answer's rows; a single object is one."""
    return answer if isinstance(answer, list) else [answer]


def shown(row: Any) -> str:
    """Return a row as one line of JSON."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True)
