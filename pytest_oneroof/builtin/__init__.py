"""The engine's own suites: for any database, and for recorded figures."""
