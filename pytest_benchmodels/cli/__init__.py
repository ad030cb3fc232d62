"""The `benchmodels` command: what stands in a store, for people and for CI."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these words, or those of the command line; return its exit status."""
    from pytest_benchmodels.cli.__main__ import main as run  # noqa: PLC0415 - Python runs that module by itself for `-m`

    return run(argv)
