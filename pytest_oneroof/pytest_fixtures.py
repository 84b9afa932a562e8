"""The fixtures that tests ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneroof.errors import ResidueError
from pytest_oneroof.state import proofs_key, run_key

if TYPE_CHECKING:
    from pytest_oneroof.clone.connection import GuardedConnection
    from pytest_oneroof.session import CloneRun

HOW = "needs a clone: run pytest --oneroof-clone (README: the first minute)"
CLONE_FIXTURES = frozenset({"oneroof_clone", "oneroof_target"})


@pytest.fixture
def oneroof_clone(request: pytest.FixtureRequest) -> Iterator[GuardedConnection]:
    """A psycopg connection to the clone, inside this check's guarded transaction.

    Everything is rolled back at the check's end, and proved to be gone: what
    was left makes the check an error. `commit()`, `rollback()` and `close()` are
    refused; `with oneroof_clone.transaction():` gives a savepoint. For code that
    commits use the marker `oneroof(isolation="savepoint")`. Skipped without
    `--oneroof-clone`.
    """
    run = _run(request)
    marker = read_marker(request.node)
    assert run.sandbox is not None
    connection = run.sandbox.begin(
        request.node.nodeid,
        savepoints=marker["isolation"] == "savepoint",
        constraints=marker["constraints"],
    )
    try:
        yield connection
    finally:
        proof = run.sandbox.finish()
        _judge(request.node, proof, marker["allow_residue"])


@pytest.fixture
def oneroof_target(request: pytest.FixtureRequest) -> Any:
    """A connection to what this run is about: the clone, or the production.

    For checks that only read, and hold on both.
    """
    return request.getfixturevalue("oneroof_clone")


def read_marker(item: pytest.Item) -> dict[str, Any]:
    """Return the marker's values, the closest marker winning, with defaults.

    Raise pytest.UsageError for a value that the marker does not know.
    """
    values: dict[str, Any] = {
        "isolation": "rollback",
        "allow_residue": {},
        "constraints": True,
    }
    for mark in reversed(list(item.iter_markers("oneroof"))):
        unknown = set(mark.kwargs) - set(values)
        if unknown or mark.args:
            raise pytest.UsageError(
                f"{item.nodeid}: the marker oneroof takes isolation, allow_residue "
                f"and constraints, given: {sorted(unknown) or mark.args}"
            )
        values |= mark.kwargs
    if values["isolation"] not in ("rollback", "savepoint", "database"):
        raise pytest.UsageError(
            f"{item.nodeid}: isolation is 'rollback', 'savepoint' or 'database', "
            f"given: {values['isolation']!r}"
        )
    if not all(values["allow_residue"].values()):
        raise pytest.UsageError(f"{item.nodeid}: allow_residue needs a reason")
    return values


def _run(request: pytest.FixtureRequest) -> CloneRun:
    run = request.config.stash.get(run_key, None)
    if run is None:
        pytest.skip(HOW)
    return run


def _judge(item: pytest.Item, proof: Any, allowed: dict[str, str]) -> None:
    from pytest_oneroof.clone import residue

    if allowed:
        proof = residue.allow(proof, allowed)
    item.stash.setdefault(proofs_key, []).append(proof)
    if proof.constraints.startswith("violated"):
        raise ResidueError(
            f"a deferred constraint is {proof.constraints}\n"
            "it is checked at the check's end, as a commit would; to leave it "
            "unchecked: @pytest.mark.oneroof(constraints=False)"
        )
    if proof.verdict != "clean":
        raise ResidueError(str(proof))
