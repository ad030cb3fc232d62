"""Where foreign code works: confined processes, and the programs that run in them."""

from __future__ import annotations

from pytest_benchmodels.workspaces.code_runner import CodeRunner
from pytest_benchmodels.workspaces.confinement import (
    Confinement,
    Limits,
    UnconfinedError,
    find_confinement,
    told_confinement,
)

__all__ = ["CodeRunner", "Confinement", "Limits", "UnconfinedError", "find_confinement", "told_confinement"]
