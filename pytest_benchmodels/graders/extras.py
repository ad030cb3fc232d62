"""Checks that need a package which is no dependency: only those who write such a check install it, and load it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import ClassVar

from pytest_benchmodels.core.scenario import Grader

__all__ = ["FromExtra"]


class FromExtra(Grader, frozen=True):
    """A check whose `grade` imports `package`, which the project's `extra` installs.

    Making one raises `ValueError` where the package is missing: that is told with the check's line when its file is
    collected, before any model is asked.
    """

    package: ClassVar[str]
    extra: ClassVar[str]

    def __post_init__(self) -> None:
        if find_spec(self.package) is None:
            raise ValueError(f'needs the package {self.package}: pip install "pytest-benchmodels[{self.extra}]"')
