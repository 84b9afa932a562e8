"""Fixtures for code that reaches the database in ways of its own."""
