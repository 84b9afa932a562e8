"""`python -m pytest_oneroof`: the command `oneroof`."""

from __future__ import annotations

from pytest_oneroof.cli import main

main(prog_name="oneroof")
