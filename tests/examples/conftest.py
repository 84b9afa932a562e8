"""Example projects: run by tests in copies of their own, never collected here."""

from __future__ import annotations

collect_ignore_glob = ["*"]
