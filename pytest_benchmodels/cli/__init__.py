"""The `benchmodels` command: what a store holds, shown, compared, judged, written as reports and brought together."""

from __future__ import annotations

from pytest_benchmodels.cli.entry import main

__all__ = ["main"]
