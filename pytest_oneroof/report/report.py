"""The report of a run as files: verdict.json, verdict.md and report.html. Pure."""

from __future__ import annotations

from pytest_oneroof.report.document import Document
from pytest_oneroof.report.html import html
from pytest_oneroof.report.markdown import markdown
from pytest_oneroof.sealing.strict_json import read_json, write_json

VERDICT = "verdict.json"


def report_files(told: Document) -> dict[str, bytes]:
    """Return the three files of a run by name.

    Page and comment are made of what is read back from verdict.json, so that
    whoever has that file can make them again, byte for byte.
    """
    data = write_json(told)
    return {VERDICT: data, **made_of(read_json(data))}


def made_of(told: Document) -> dict[str, bytes]:
    """Return the files that are made of verdict.json's value, by name."""
    return {"verdict.md": markdown(told).encode(), "report.html": html(told).encode()}
