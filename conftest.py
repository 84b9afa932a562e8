"""Root of the repository's own tests: shipped suites come through the plugin."""

from __future__ import annotations

collect_ignore = ["suites"]
