"""Seals: bytes against a manifest of sha256 and length, in order."""
