"""The limit of open files, which is that of open connections."""

from __future__ import annotations

import math
import os
from contextlib import suppress

__all__ = ["raise_limit", "spare"]

_ENOUGH = 65_536


def raise_limit(enough: int = _ENOUGH) -> None:
    """Raise this process's soft limit of open files to the hard one, or to `enough` where that is higher.

    Systems set 256 or 1,024 for old programs' sake, which a few models with hundreds of runs in flight exceed. Where
    there is no such limit (Windows), or the system refuses, nothing happens.
    """
    try:
        import resource  # noqa: PLC0415 - POSIX only
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = enough if hard == resource.RLIM_INFINITY else min(hard, enough)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def spare() -> float:
    """How many more files this process may open; infinity where nobody tells."""
    try:
        import resource  # noqa: PLC0415 - POSIX only

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return math.inf if soft == resource.RLIM_INFINITY else soft - len(os.listdir("/dev/fd"))  # noqa: PTH208 - names only
    except (ImportError, OSError):
        return math.inf
