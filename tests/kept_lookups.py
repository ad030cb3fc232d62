"""What each session looks up anew though it stays the same, looked up once for each process that runs sessions.

When a session starts, pytest asks 36 times for packages' metadata, 150 times for their entry points and 9 times for
their lists of files, each of which is read and parsed anew: a third of what a small session takes. Then it goes through
all names of its 54 plugins for fixtures, of which most have none: a third of the rest.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import Distribution, PathDistribution
from types import ModuleType
from typing import Any

from _pytest.fixtures import FixtureFunctionDefinition, FixtureManager

__all__ = ["keep_lookups"]

_PLUGINS = ("_pytest.", "allure", "pytest_", "xdist.")


def keep_lookups() -> None:
    """Let packages and plugins be looked at once. May be called again."""
    for name in ("metadata", "entry_points", "files"):
        read = getattr(Distribution, name).fget
        if not hasattr(read, "is_kept"):
            setattr(Distribution, name, property(_read_once(read)))
    if not hasattr(FixtureManager.parsefactories, "is_kept"):
        FixtureManager.parsefactories = _searched_once(FixtureManager.parsefactories)  # type: ignore[method-assign]


def _read_once(read: Callable[[Distribution], Any]) -> Callable[[Distribution], Any]:
    by_place: dict[str, Any] = {}

    def kept(self: Distribution) -> Any:
        if not isinstance(self, PathDistribution):
            return read(self)
        place = str(self._path)
        if place not in by_place:
            by_place[place] = read(self)
        return by_place[place]

    kept.is_kept = True  # type: ignore[attr-defined]
    return kept


def _searched_once(search: Callable[..., None]) -> Callable[..., None]:
    """Pass over installed plugins that have no fixtures; a test's own modules are always searched."""
    has_some: dict[object, bool] = {}

    def kept(self: FixtureManager, *values: Any, **named: Any) -> None:
        holder = named.get("holder")
        kind = holder if isinstance(holder, ModuleType) else type(holder)
        home = kind.__name__ if isinstance(kind, ModuleType) else kind.__module__
        if home.startswith(_PLUGINS):
            if kind not in has_some:
                parts = (inspect.getattr_static(kind, name, None) for name in dir(kind))
                has_some[kind] = any(isinstance(part, FixtureFunctionDefinition) for part in parts)
            if not has_some[kind]:
                return
        search(self, *values, **named)

    kept.is_kept = True  # type: ignore[attr-defined]
    return kept
