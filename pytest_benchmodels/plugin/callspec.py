"""What tells the runs of one scenario apart, as pytest's own parametrized tests have it.

Tools that keep a history of each case (Allure and others) read an item's `callspec`; without one they take all runs of
a scenario for repetitions of one case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

__all__ = ["CallSpec"]

_INDICES = MappingProxyType({"model": 0, "trial": 0})


@dataclass(frozen=True, slots=True)
class CallSpec:
    """The parameters of one run: its `model` and its `trial`.

    pytest itself asks each item that has a `callspec` which parameters belong to a fixture of a wider scope, by names
    that are private to it: none does. `tests/plugin/test_plugin_others.py` watches it.
    """

    params: Mapping[str, object]

    @property
    def id(self) -> str:
        """As pytest joins parameters."""
        return "-".join(map(str, self.params.values()))

    @property
    def indices(self) -> Mapping[str, int]:
        """No two runs share a parameter's place."""
        return _INDICES

    @property
    def _arg2scope(self) -> Mapping[str, object]:
        return _scopes()


@cache
def _scopes() -> Mapping[str, object]:
    """What pytest asks for four times of each item: made anew, they would cost a tenth of collecting."""
    from _pytest.scope import Scope  # noqa: PLC0415 - see above

    return MappingProxyType(dict.fromkeys(_INDICES, Scope.Function))
