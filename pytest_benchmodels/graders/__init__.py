"""Response -> Grade: the checks that a scenario may ask for, one module per family."""

from __future__ import annotations

from pytest_benchmodels.graders.registry import BUILTIN, example_answer, registry

__all__ = ["BUILTIN", "example_answer", "registry"]
