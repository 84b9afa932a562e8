"""Tables with deferred keys, committed, as code that commits finds them."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def db(oneroof_clone: Any) -> Any:
    """The check's connection, with `parent` and a `child` that refers to it."""
    oneroof_clone.execute("CREATE TABLE parent (id int PRIMARY KEY)")
    oneroof_clone.execute(
        "CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
    )
    oneroof_clone.commit()
    return oneroof_clone
