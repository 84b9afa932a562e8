"""Negative controls: one thing broken at a time, and the checks that have to notice."""
