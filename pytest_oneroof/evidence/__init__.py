"""Verdicts, packets and what people look at."""
