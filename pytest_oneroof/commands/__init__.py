"""The commands of `oneroof`, one module for each."""
