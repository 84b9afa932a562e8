"""The engine's suite for a pack's pgTAP files: each runs in a guarded transaction."""
