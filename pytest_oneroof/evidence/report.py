"""The report of a run: verdict.json, verdict.md and report.html in one folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.evidence.document import document
from pytest_oneroof.evidence.facts import RunFacts
from pytest_oneroof.evidence.html import html
from pytest_oneroof.evidence.markdown import markdown
from pytest_oneroof.evidence.verdict import judge


def write_report(folder: Path, facts: RunFacts) -> list[Path]:
    """Write the three files of a run into a folder, made when missing.

    Each appears whole or not at all; files of an earlier run are replaced. Raise
    OneroofError where the folder cannot be written.
    """
    told = document(facts, judge(facts))
    texts = {
        "verdict.json": json.dumps(told, indent=1, ensure_ascii=False) + "\n",
        "verdict.md": markdown(told),
        "report.html": html(told),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / name, text) for name, text in texts.items()]
    except OSError as error:
        raise OneroofError(
            f"the report cannot be written to {folder}: {error}"
        ) from error


def _write(file: Path, text: str) -> Path:
    whole = file.with_name(f".{file.name}.{os.getpid()}")
    whole.write_text(text, encoding="utf-8")
    whole.replace(file)
    return file
