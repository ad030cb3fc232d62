"""Response -> Grade: the checks that a scenario may ask for, one module per family."""

from __future__ import annotations

from pytest_benchmodels.graders.registry import BUILTIN, exemplar, registry

__all__ = ["BUILTIN", "exemplar", "registry"]
