"""May this database be acted on? The proofs, and the only statements that act."""
