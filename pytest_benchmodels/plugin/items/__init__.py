"""Runs as pytest items, and how they are reported."""
