"""Whose files are read: links may lead anywhere, and an error quotes what stands there."""

from __future__ import annotations

from pathlib import Path

from pytest_benchmodels.formats.document import LoadOptions

__all__ = ["lies_inside"]


def lies_inside(path: Path, options: LoadOptions) -> bool:
    """Whether a scenario file lies in its own folder, and that in one of the session's; links are followed."""
    try:
        real, folder = path.resolve(), path.parent.resolve()
        allowed = [root.resolve() for root in options.allowed]
        roots = [root.resolve() for root in options.roots]
    except (OSError, RuntimeError):  # links in a circle
        return False
    if any(real.is_relative_to(root) for root in allowed):
        return True
    return real.is_relative_to(folder) and (not roots or any(real.is_relative_to(root) for root in roots))
