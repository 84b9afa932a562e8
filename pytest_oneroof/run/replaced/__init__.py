"""pytest-postgresql's fixtures, set up on the clone instead."""
