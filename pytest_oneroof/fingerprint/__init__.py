"""What a database is made of: its schema and its content, compared."""
