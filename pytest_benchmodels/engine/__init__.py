"""Runs many runs at once, each to its Result."""

from __future__ import annotations

__all__: list[str] = []
