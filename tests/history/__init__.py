"""Tests of the verdict and the report; they share made-up runs."""
