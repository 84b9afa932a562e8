"""The engine serves any team: no name of One Roof's stands in its code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pytest_oneroof

NAMES = re.compile(
    r"directus|\bGOV-|FIX7|\bospa\b|\baxis|dot_tools|governance_|birth_registry"
    r"|event_outbox|collection_registry|system_issues|os_proposal|\bapr_|One Roof"
    r"|APR-|CLONE_TEST|ratified_apr",
    re.IGNORECASE,
)
# The option's name is part of the documented interface.
ALLOWED = {"commands/rollout.py": "ratified_apr"}
PACKAGE = Path(pytest_oneroof.__file__).parent
FILES = sorted(
    path
    for path in PACKAGE.rglob("*")
    # In a wheel the bundled pack lies inside the package.
    if path.suffix in {".py", ".sql", ".j2", ".css"}
    and path.relative_to(PACKAGE).parts[0] not in {"suites", "fixtures", "sql"}
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_name_of_one_pack_stands_in_the_engine(file: Path) -> None:
    """Tables, codes and words of the worked example live in its pack."""
    allowed = ALLOWED.get(file.relative_to(PACKAGE).as_posix())
    found = [
        f"{number}: {line.strip()}"
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        for match in NAMES.finditer(line)
        if match[0].lower() != allowed
    ]
    assert found == []
