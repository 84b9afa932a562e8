"""A team's first pack, as `oneroof init` writes it."""
