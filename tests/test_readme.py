"""README's examples of a check that commits, and of one that leaves something."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
Run = Callable[..., pytest.RunResult]


def blocks(kind: str, word: str) -> list[str]:
    """Return README's blocks of a kind that hold a word."""
    found = re.findall(rf"^```{kind}\n(.*?)^```", README.read_text(), re.M | re.S)
    return [block for block in found if word in block]


def plain(line: str) -> str:
    """Return a line without its indentation, fingerprints left out."""
    return re.sub(r"\(-?\d+\)", "(#)", " ".join(line.split()))


def test_what_readme_shows_is_what_it_prints(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """The shown checks run, and print the shown lines, each of them."""
    (good,) = blocks("python", "test_delete_reopens_the_gap")
    (dirty,) = blocks("python", "test_raw")
    commit = "def test_commit(oneroof_clone):\n    oneroof_clone.execute('COMMIT')\n"
    pytester.makepyfile(test_docs="\n".join((good, dirty, commit)))
    result = run_oneroof("--oneroof-clone", "test_docs.py")
    result.assert_outcomes(passed=2, failed=1, errors=1)
    printed = {plain(line) for line in result.outlines}
    for block in (*blocks("console", "test_raw"), *blocks("console", "refused COMMIT")):
        for line in block.splitlines():
            if line.startswith("E "):
                start = plain(line).removesuffix("…")
                assert any(told.startswith(start) for told in printed), line
