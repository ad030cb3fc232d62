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


@dataclass(frozen=True, slots=True)
class CallSpec:
    """The parameters of one run: its model and its trial.

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
        return _first_places(tuple(self.params))

    @property
    def _arg2scope(self) -> Mapping[str, object]:
        return _scopes(tuple(self.params))


# pytest asks for these eight times of each item.


@cache
def _first_places(names: tuple[str, ...]) -> Mapping[str, int]:
    return MappingProxyType(dict.fromkeys(names, 0))


@cache
def _scopes(names: tuple[str, ...]) -> Mapping[str, object]:
    from _pytest.scope import Scope  # noqa: PLC0415 - see above

    return MappingProxyType(dict.fromkeys(names, Scope.Function))
