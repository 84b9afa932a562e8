"""The engine's own suite, for any database: what PostgreSQL itself says is broken."""
