"""What each session looks up anew though it stays the same, looked up once for each process that runs sessions.

When a session starts, pytest asks 36 times for packages' metadata, 150 times for their entry points and 9 times for
their lists of files, each of which is read and parsed anew: a third of what a small session takes. Then it goes through
all names of its 54 plugins for fixtures, of which most have none: a third of the rest. In those that have some, it
unwraps each name for a fixture that other decorators hide, and it looks for hooks in all of them: a quarter of what is
left. A session that is interrupted, as one with an error of collection is, reads and parses each module that its
traceback goes through: half of what it takes.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import Distribution, PathDistribution
from types import ModuleType
from typing import Any

from _pytest._code import Source
from _pytest._code import code as tracebacks
from _pytest._code.source import get_statement_startend2, getstatementrange_ast
from _pytest.config import PytestPluginManager
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
    if not hasattr(PytestPluginManager.parse_hookimpl_opts, "is_kept"):
        PytestPluginManager.parse_hookimpl_opts = _parsed_once(  # type: ignore[method-assign]
            PytestPluginManager.parse_hookimpl_opts
        )
    if tracebacks.getstatementrange_ast is getstatementrange_ast:  # type: ignore[attr-defined] # as it is imported there
        tracebacks.getstatementrange_ast = _statement_range  # type: ignore[attr-defined,assignment]


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
    searched: set[object] = set()  # whoever hides a fixture was warned the first time

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
            if kind in searched:
                self._check_for_wrapped_fixture = _hidden_by_nothing  # type: ignore[method-assign, assignment]
            searched.add(kind)
        try:
            search(self, *values, **named)
        finally:
            vars(self).pop("_check_for_wrapped_fixture", None)

    kept.is_kept = True  # type: ignore[attr-defined]
    return kept


def _hidden_by_nothing(_name: str, _fixture: object) -> None: ...


def _parsed_once(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Tell the options of a hook in an installed plugin's module as they were; all else is always parsed."""
    by_name: dict[tuple[ModuleType, str], Any] = {}

    def kept(self: PytestPluginManager, plugin: object, name: str) -> Any:
        if not isinstance(plugin, ModuleType) or not plugin.__name__.startswith(_PLUGINS):
            return parse(self, plugin, name)
        if (plugin, name) not in by_name:
            by_name[plugin, name] = parse(self, plugin, name)
        options = by_name[plugin, name]
        return None if options is None else options.copy()  # pluggy fills in what is not said

    kept.is_kept = True  # type: ignore[attr-defined]
    return kept


@lru_cache(maxsize=256)
def _tree(text: str) -> ast.AST:
    """A syntax tree without its nodes, which are many to look through for garbage: pytest reads the lines' numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whoever imported the module was warned
        tree = ast.parse(text, "source", "exec")
    get_statement_startend2(0, tree)  # keeps the numbers of all statements with the tree
    tree.body.clear()
    return tree


def _statement_range(lineno: int, source: Source, *, astnode: ast.AST | None = None) -> tuple[ast.AST, int, int]:
    return getstatementrange_ast(lineno, source, astnode=_tree(str(source)) if astnode is None else astnode)
