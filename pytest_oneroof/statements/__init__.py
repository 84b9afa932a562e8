"""SQL text, read by PostgreSQL's grammar and judged before it is sent."""
