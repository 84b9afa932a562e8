"""The contract's checks ask a live HTTP API, and compare it with the database."""

from __future__ import annotations

import contextlib
import importlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources
from pytest_oneroof.clone import standin
from pytest_oneroof.clone.throwaway import ThrowawayPool
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

HERE = Path(__file__).parent
RELATIONS = sorted(p.stem for p in resources.path("sql/contract").glob("E[1-8]_*.sql"))


def module(name: str) -> Any:
    """Return a module that lies beside this one."""
    sys.path.insert(0, str(HERE))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(HERE))


serving = module("read_api").serving


@pytest.fixture(scope="module")
def served(embedded: EmbeddedServer) -> Iterator[str]:
    """The URL of a copy of the baseline in which the contract's relations stand."""
    host = standin.host_of(embedded, bundled())
    state = embedded.state
    url = embedded.url("postgres", state["role"], state["password"])
    pool = ThrowawayPool(host, state["template"], state["clone"], url)
    found = pool.take()
    try:
        with connect(host.url(found.name)) as own:
            for file in RELATIONS:
                own.execute(resources.read_text(f"sql/contract/{file}.sql").encode())
        yield host.url(found.name)
    finally:
        pool.drop(found)
        pool.close()


Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run_contract(run_oneroof: Run) -> Run:
    """Run the contract suite with a live API."""

    def run(url: str, *more: str) -> pytest.RunResult:
        return run_oneroof(
            "--oneroof-clone", "--oneroof-suite", "contract",
            f"--oneroof-api-url={url}", *more,
        )  # fmt: skip

    return run


def test_there_are_eight_relations() -> None:
    """One file of the contract makes each of the eight."""
    assert [name.partition("_")[0] for name in RELATIONS] == [
        f"E{number}" for number in range(1, 9)
    ]


@pytest.mark.parametrize("postgrest", [False, True], ids=["plain", "postgrest"])
def test_api_that_agrees(served: str, run_contract: Run, *, postgrest: bool) -> None:
    """All eight pass, and each endpoint of the API was asked, in either style."""
    with serving(served, postgrest=postgrest) as api:
        result = run_contract(f"{api.url}/")
    result.assert_outcomes(passed=8)
    assert set(api.asked) >= set(api.endpoints)


def test_private_api(served: str, run_contract: Run) -> None:
    """User and password of the URL are sent, and never shown."""
    with serving(served, private=True) as api:
        url = api.url.replace("//", "//reader:s3cret%40@")
        run_contract(url).assert_outcomes(passed=8)
        result = run_contract(url.replace("reader", "nobody"))
    result.assert_outcomes(failed=8)
    result.stdout.fnmatch_lines(
        ["E1: GET http://nobody:[*][*][*]@127.0.0.1:*/summary answered 401"]
    )
    result.stdout.no_fnmatch_line("*s3cret*")


def spoil(name: str, value: Any) -> Any:
    """Spoil each endpoint's answer in a way of its own."""
    if name == "E1":
        value["covered_cells"] -= 1
    elif name == "E2":
        value.pop()
    elif name == "E3":
        value.reverse()
    elif name == "E4":
        value[0]["scopes_gap"] = "0"
    elif name == "E5":
        return "<html>Not what you want</html>"
    elif name == "E6":
        return [*value, value[0]] if value else value
    elif name == "E7":
        return 503
    elif name == "E8":
        value[0]["beside"] = None
    return value


def test_api_that_differs(served: str, run_contract: Run) -> None:
    """Each endpoint that answers wrongly fails its own check, which says how."""
    with serving(served) as api:
        api.spoil = spoil
        result = run_contract(api.url)
    result.assert_outcomes(failed=8)
    result.stdout.fnmatch_lines(
        [
            "*E1 GET http://127.0.0.1:*/api/coverage/summary, against the clone: not *",
            '  expected {*covered_cells": 210*',
            '  found {*covered_cells": 209*',
            "*E2 GET *by-scope, against the clone: not what the base tables say",
            "  rows: expected 6, found 5",
            "*E3 GET *: rows are not in the order of -accountable_cells, owner",
            "*E4 GET *: $[[]0].scopes_gap: '0' is not of type 'integer'",
            "*E5: GET *gaps answered no JSON: '<html>Not what you want</html>'",
            "*E6 GET *object=agents, against the clone *not what the base tables say",
            "  rows: expected 6, found 7",
            "*E7: GET *scan-status answered 503",
            "*E8 GET *: Additional properties * ('beside' was unexpected)",
        ]
    )


def test_api_of_another_state(served: str, run_contract: Run) -> None:
    """An API that serves a database with one anchor less is found out by six."""
    gone = (
        "DELETE FROM public.governance_object_ownership"
        " WHERE object_ref = 'GRP-AI' AND scope = 'audit' RETURNING to_jsonb"
        "(governance_object_ownership)"
    )
    with psycopg.connect(served) as own:
        (row,) = own.execute(gone).fetchone() or (None,)
    try:
        with serving(served) as api:
            result = run_contract(api.url)
    finally:
        with psycopg.connect(served) as own:
            own.execute(
                "INSERT INTO public.governance_object_ownership SELECT * FROM"
                " jsonb_populate_record(NULL::public.governance_object_ownership, %s)",
                [psycopg.types.json.Jsonb(row)],
            )
    result.assert_outcomes(passed=2, failed=6)
    result.stdout.fnmatch_lines(
        [
            "*E5 GET *: not what the base tables say",
            "  rows: expected 0, found 1",
            '  found {"object_ref": "agents", *"scope": "audit"}',
        ]
    )


@pytest.mark.parametrize(
    ("url", "tells"),
    [
        ("file:///etc", "oneroof_api_url is not http:// or https://: file:///etc"),
        (
            "http://127.0.0.1:9/x",
            "E1: GET http://127.0.0.1:9/x/coverage/summary failed",
        ),
    ],
    ids=["no-http", "nobody-there"],
)
def test_url_that_is_no_api(url: str, tells: str, run_contract: Run) -> None:
    """What is no HTTP address, and what does not answer, is told once per check."""
    result = run_contract(url)
    result.assert_outcomes(failed=8)
    result.stdout.fnmatch_lines([f"*{tells}*"])


def test_what_speaks_no_http(run_contract: Run) -> None:
    """A port that answers something else is told by its URL, not by a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        client.recv(1000)
                        client.sendall(b"no such protocol\n")

        threading.Thread(target=answer, daemon=True).start()
        port = server.getsockname()[1]
        result = run_contract(f"http://127.0.0.1:{port}")
    result.assert_outcomes(failed=8)
    url = f"http://127.0.0.1:{port}/coverage/summary"
    result.stdout.fnmatch_lines([f"*E1: GET {url} failed: no such protocol*"])


def test_api_without_the_contract(served: str, run_contract: Run) -> None:
    """A 404 by either style is told with both addresses."""
    with serving(served) as api:
        result = run_contract(f"{api.url}/v2")
    result.assert_outcomes(failed=8)
    result.stdout.fnmatch_lines(
        ["*E1: the API has no E1: 404 for */v2/coverage/summary and */v2/v_api_*"]
    )
