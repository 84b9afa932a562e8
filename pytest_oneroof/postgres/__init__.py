"""PostgreSQL itself: servers, connections, catalogs, statements, fingerprints."""
