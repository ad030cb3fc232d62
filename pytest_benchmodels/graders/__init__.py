"""Response -> Grade: the checks that a scenario may ask for, one module per family."""

from __future__ import annotations

from .exemplars import exemplar
from .registering import BUILTIN, registry

__all__ = ["BUILTIN", "exemplar", "registry"]
