"""pgTAP files: their statements without psql, and what their output comes to."""

from __future__ import annotations

import pytest

from pytest_oneroof.errors import ScriptError
from pytest_oneroof.pgtap.judged import read_tap
from pytest_oneroof.pgtap.script import statements_of

BARE = ["SELECT plan(1)", "SELECT ok(true)"]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT plan(1); SELECT ok(true);",
        "BEGIN; SELECT plan(1); SELECT ok(true); ROLLBACK;",
        "START TRANSACTION; SELECT plan(1); SELECT ok(true); COMMIT;",
        "\\set QUIET 1\n\\pset pager off\n-- x\nBEGIN;\nSELECT plan(1);\n"
        "SELECT ok(true);\nROLLBACK;\n",
    ],
)
def test_the_transaction_is_ours(text: str) -> None:
    """What opens and ends a file's own transaction is left out, and psql's printing."""
    assert statements_of(text, "x.sql") == BARE


def test_other_transaction_control_is_left_in() -> None:
    """The guarded transaction judges it: a savepoint may be, a commit may not."""
    text = "BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT; SELECT 1; ROLLBACK;"
    found = statements_of(text, "x.sql")
    assert found == ["SAVEPOINT a", "ROLLBACK TO a", "COMMIT", "SELECT 1"]
    assert statements_of("SELECT 1; ROLLBACK;", "x.sql") == ["SELECT 1", "ROLLBACK"]


@pytest.mark.parametrize(
    "command", ["\\i other.sql", "\\copy t FROM x", "\\! ls", "\\gexec"]
)
def test_what_only_psql_can_do_is_refused(command: str) -> None:
    """Nothing is passed over that would change what the file asserts."""
    with pytest.raises(ScriptError, match=r"^x\.sql has a meta-command of psql"):
        statements_of(f"SELECT 1;\n{command}\n", "x.sql")


def reasons(*lines: str) -> list[str]:
    """Return why a file with this output does not pass."""
    return list(read_tap(lines).reasons())


def test_what_is_planned_and_holds_passes() -> None:
    """The plan may come first or last; excused assertions need not hold."""
    assert reasons("1..2", "ok 1 - a", "ok 2 - b") == []
    assert reasons("ok 1 - a", "1..1") == []
    assert reasons("1..1", "not ok 1 - a # TODO later") == []
    assert reasons("1..1", "ok 1 - a # SKIP no rows") == []
    assert reasons("1..0 # SKIP nothing to see") == []


def test_what_does_not_hold_is_told_with_its_reason() -> None:
    """Each failed assertion by its number and name, with what pgTAP says of it."""
    found = reasons("1..2", "not ok 1 - a", "# have: 1", "# want: 2", "ok 2 - b")
    assert found == ["not ok 1 - a\n# have: 1\n# want: 2"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((), "it has no plan"),
        (("ok 1 - a",), "it has no plan"),
        (("1..2", "ok 1 - a"), "2 assertions planned, 1 ran"),
        (("1..1", "ok 1 - a", "ok 2 - b"), "1 assertions planned, 2 ran"),
        (("1..1", "ok 1 - a", "Bail out! no"), "it gave up: no"),
    ],
)
def test_what_did_not_run_whole_does_not_pass(
    lines: tuple[str, ...], told: str
) -> None:
    """No plan, another count than planned, or a file that gave up."""
    assert told in "\n".join(reasons(*lines))
