"""What a check's marker allows it to leave passes, and is shown with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
CHECKS = """
import pytest

OTHER = b"ROLLBACK; BEGIN READ WRITE"
ROW = b"INSERT INTO law_catalog (law_code) VALUES ('LEFT')"

def raw(db, *texts):
    for text in texts:
        db.pgconn.exec_(text)

@pytest.mark.oneroof(allow_residue={"content": "imports for good"})
def test_row(oneroof_clone):
    raw(oneroof_clone, OTHER, ROW, b"COMMIT")

@pytest.mark.oneroof(allow_residue={"unprovable": "has to notify"})
def test_notifies(oneroof_clone):
    raw(oneroof_clone, OTHER, b"NOTIFY left_behind", b"COMMIT")

@pytest.mark.oneroof(allow_residue={"schema": "is another kind"})
def test_other_kind(oneroof_clone):
    raw(oneroof_clone, OTHER, ROW, b"COMMIT")

def test_after(oneroof_clone):
    count = "SELECT count(*) FROM law_catalog"
    assert oneroof_clone.execute(count).fetchone() == (5,)
"""


def test_allowed_residue_is_shown_with_its_reason(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """Only the kinds that the marker names pass; the clone is made anew anyway."""
    pytester.makepyfile(test_allowed=CHECKS)
    result = run_oneroof("--oneroof-clone", "--oneroof-report=r", "test_allowed.py")
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*test_allowed.py::test_other_kind: dirty",
            "*left behind: content table public.law_catalog: before 5 rows *",
            "proof * 3 clean, 1 dirty of 4 checks; *; allowed: 2",
        ]
    )
    found = list(pytester.path.glob("r/**/verdict.json"))
    assert found, list(pytester.path.rglob("r/*"))
    told = json.loads(found[0].read_text())
    text = json.dumps(told)
    assert "(allowed: imports for good)" in text
    assert "(allowed: has to notify)" in text
    assert "is another kind" not in text
