"""Sealed packets and their gated executor."""
