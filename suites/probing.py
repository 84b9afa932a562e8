"""What the probes share: a refusal judged in full, and its record for the packet."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, configuration, settings

from pytest_oneroof.answer import DONE, Answer
from pytest_oneroof.packet.tokens import forbidden_in

RECORD = "oneroof_probe"
# Words by which an output would pass an invalid input on (domain: evidence, 6.8).
PASSES = re.compile(r"\b(?:PASS|PASSED|OK|GO|READY|AUTHORIZED|PROVEN_OK)\b")
SEALS = re.compile(r"\b(?:SEAL|SEALED|CERT|CERTIFICATE|DIGEST)\b|\b[0-9a-f]{64}\b")

# Examples are drawn anew in every run.
widened = settings(
    max_examples=50,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


class Probe:
    """One probe: it hands real input to real code, and judges what comes out.

    `properties` are the test item's, which junit and the packet take over.
    """

    def __init__(
        self, name: str, properties: list[tuple[str, object]], folder: Path
    ) -> None:
        self.name = name
        self.folder = folder
        self._properties = properties
        self._written: set[Path] = set()

    def write(self, name: str, data: bytes) -> Path:
        """Write the probe's own input to a file."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        self._written.add(file)
        return file

    def is_refused(
        self,
        answer: Answer,
        *,
        status: int,
        codes: Sequence[str],
        hides: Iterable[str] = (),
    ) -> None:
        """Assert that the input is refused by exactly these codes, with that status.

        No word of success, no seal and none of the texts in `hides` may stand in
        anything written, and no file may have been made.
        """
        written = said(answer)
        found = codes_of(answer)
        passes = [*PASSES.findall(written), *forbidden_in(written)]
        seals = SEALS.findall(written)
        self._tell("refuse", answer, status, passes=bool(passes), seals=bool(seals))
        assert answer.status == status != DONE, (
            f"{self.name}: exit status {answer.status}, expected {status}: {written}"
        )
        assert sorted(found) == sorted(codes), (
            f"{self.name}: expected {', '.join(codes)}, found {', '.join(found)}"
        )
        assert not passes, f"{self.name}: a refusal says {passes}"
        assert not seals, f"{self.name}: a refusal gives out {seals}"
        for text in hides:
            assert text not in written, f"{self.name}: what was planted is repeated"
        made = self._made()
        assert not made, f"{self.name}: a refusal left {sorted(map(str, made))}"

    def is_accepted(self, answer: Answer) -> None:
        """Assert that what is right is let through, with status 0."""
        self._tell("accept", answer, DONE, passes=False, seals=False)
        assert answer.status == DONE, f"{self.name}: refused: {said(answer)}"
        assert codes_of(answer) == []

    def _made(self) -> set[Path]:
        there = {path for path in self.folder.rglob("*") if not path.is_dir()}
        return there - self._written

    def _tell(
        self, must: str, answer: Answer, status: int, *, passes: bool, seals: bool
    ) -> None:
        record = {
            "id": self.name,
            "must": must,
            "expected_exit": status,
            "actual_exit": answer.status,
            "codes": codes_of(answer),
            "PASS_emitted": passes,
            "SEAL_emitted": seals,
        }
        self._properties.append((RECORD, json.dumps(record)))


@contextlib.contextmanager
def hypothesis_kept_in(folder: Path) -> Iterator[None]:
    """Let Hypothesis keep its caches in a folder, and not where the user works."""
    found: Any = configuration.storage_directory(intent_to_write=False)
    before = getattr(found, "home_directory", found)
    configuration.set_hypothesis_home_dir(folder)
    try:
        yield
    finally:
        configuration.set_hypothesis_home_dir(before)


def codes_of(answer: Answer) -> list[str]:
    """Return the codes of an answer's findings or objections, each once."""
    found: list[dict[str, Any]] = [
        *answer.data.get("findings", ()),
        *answer.data.get("objections", ()),
    ]
    return list(dict.fromkeys(entry["code"] for entry in found))


def said(answer: Answer) -> str:
    """Return all that an answer would print, as lines and as JSON."""
    data = json.dumps(answer.data, ensure_ascii=False, default=str)
    return "\n".join([*answer.lines, data])
