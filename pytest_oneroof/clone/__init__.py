"""The guarded clone: who may be written to, how, and what a check left behind."""
