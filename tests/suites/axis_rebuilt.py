"""A baseline built anew on what is governed now.

Copied into an inner pytest project by `test_axis_rebuilt.py` and run there.
"""

from __future__ import annotations

import importlib
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources
from pytest_oneroof.statements.scripts import body

GOVERN = (
    "UPDATE public.collection_registry SET governance_role = 'governed',"
    " coverage_status = 'BIRTH_REQUIRED', \"group\" = 'GRP-AI'"
    " WHERE collection_name = 'birth_registry'"
)
SCOPE = (
    "INSERT INTO public.governance_responsibility_scope (scope_code) VALUES ('safety')"
)


def check(name: str) -> Any:
    """Return a shipped check by the id that its name begins with."""
    suite = importlib.import_module("pytest_oneroof.suites.test_axis")
    return next(f for n, f in vars(suite).items() if n.startswith(f"test_{name}_"))


@pytest.mark.parametrize("change", [GOVERN, SCOPE], ids=["36th", "7th"])
def test_rebuilt_baseline_passes(
    oneroof_clone: psycopg.Connection[Any], change: str
) -> None:
    """With the baseline built anew every axis check holds on what is governed now."""
    stages = resources.read_json("fixtures/standin.json")["clone"]["stages"]
    oneroof_clone.execute(change.encode())
    for stage in ("sql/stages/F_rollback_clone.sql", *stages):
        text = resources.read_text(stage)
        oneroof_clone.execute(body(text, stage).encode())
    for number in range(1, 8):
        with oneroof_clone.transaction(force_rollback=True):
            check(f"b{number}")(oneroof_clone)
