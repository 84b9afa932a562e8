"""Whether a clone may stand for its production: origin, schema, secrets."""
