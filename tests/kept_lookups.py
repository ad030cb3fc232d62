"""What each session looks up anew though it stays the same, looked up once for each process that runs sessions.

When a session starts, pytest asks 36 times for packages' metadata, 150 times for their entry points and 9 times for
their lists of files, each of which is read and parsed anew: a third of what a small session takes. Then it goes through
all names of its 54 plugins, for hooks and for fixtures, and inspects each hook five times: half of what is left. A
session that is interrupted, as one with an error of collection is, reads and parses each module that its traceback goes
through: half of what it takes.
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Callable
from functools import cache, lru_cache
from importlib.metadata import Distribution, PathDistribution
from inspect import getattr_static
from types import FunctionType, MethodType, ModuleType
from typing import Any

from _pytest import fixtures
from _pytest._code import Source
from _pytest._code import code as tracebacks
from _pytest._code.source import get_statement_startend2, getstatementrange_ast
from _pytest.config import PytestPluginManager
from _pytest.fixtures import FixtureFunctionDefinition
from pluggy import _manager

__all__ = ["keep_lookups"]

_PLUGINS = ("_pytest.", "allure", "pytest_", "xdist.")
_Kind = ModuleType | type


def keep_lookups() -> None:
    """Let packages and plugins be looked at once. May be called again."""
    for name in ("metadata", "entry_points", "files"):
        read = getattr(Distribution, name).fget
        if not hasattr(read, "is_kept"):
            setattr(Distribution, name, property(_read_once(read)))
    # Names of these modules that hide the built-in one.
    vars(fixtures)["dir"], vars(_manager)["dir"] = _fixture_names, _hook_names
    if not hasattr(PytestPluginManager.parse_hookimpl_opts, "is_kept"):
        PytestPluginManager.parse_hookimpl_opts = _parsed_once(  # type: ignore[method-assign]
            PytestPluginManager.parse_hookimpl_opts
        )
        _keep("_static_hook_attr", _found_once)
        _keep("varnames", _named_once)
    if tracebacks.getstatementrange_ast is getstatementrange_ast:  # type: ignore[attr-defined] # as it is imported there
        tracebacks.getstatementrange_ast = _statement_range  # type: ignore[attr-defined,assignment]


def _keep(name: str, keep: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace a function of pluggy's wherever it was imported to; its versions have it in different modules, or not."""
    for module in [module for path, module in sys.modules.items() if path.startswith("pluggy.")]:
        if name in vars(module):
            vars(module)[name] = keep(vars(module)[name])


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


def _hook_names(plugin: object, names: Callable[[object], list[str]] = dir) -> list[str]:
    """`dir` for pluggy: pytest takes no other names for hooks. Allure has a manager of its own, and other names."""
    kind = _kind(plugin)
    if not _is_installed(kind) or _home(kind).startswith("allure"):
        return names(plugin)
    own = () if kind is plugin else vars(plugin) if hasattr(plugin, "__dict__") else ()
    return [*_names_of_kind(kind), *(name for name in own if name.startswith("pytest_"))]


@cache
def _names_of_kind(kind: _Kind) -> list[str]:
    return [name for name in dir(kind) if name.startswith("pytest_")]


def _fixture_names(holder: object, names: Callable[[object], list[str]] = dir) -> list[str]:
    """`dir` for what looks for fixtures. Who installed a plugin that hides one of its own was warned elsewhere."""
    kind = _kind(holder)
    return _fixtures_of_kind(kind) if _is_installed(kind) else names(holder)


@cache
def _fixtures_of_kind(kind: _Kind) -> list[str]:
    return [name for name in dir(kind) if isinstance(getattr_static(kind, name, None), FixtureFunctionDefinition)]


def _kind(holder: object) -> _Kind:
    """Where the names of a plugin stand: an object's are those of its type."""
    return holder if isinstance(holder, ModuleType | type) else type(holder)


def _is_installed(kind: _Kind) -> bool:
    """Whether it stays as it is; a test's own modules may be others in the next session, under the same name."""
    return _home(kind).startswith(_PLUGINS)


def _home(kind: _Kind) -> str:
    return kind.__name__ if isinstance(kind, ModuleType) else kind.__module__


def _found_once(find: Callable[[object, str], Any]) -> Callable[[object, str], Any]:
    """Find a function of an installed plugin's module or type once; one of an object is bound anew."""
    found = cache(find)
    at_type = cache(getattr_static)

    def kept(holder: object, name: str) -> Any:
        kind = _kind(holder)
        if not _is_installed(kind):
            return find(holder, name)
        if kind is holder:
            return found(holder, name)
        function = at_type(kind, name, None)
        if isinstance(function, FunctionType) and name not in getattr(holder, "__dict__", ()):
            return function, MethodType(function, holder)
        return find(holder, name)

    return kept


def _named_once(names: Callable[..., Any]) -> Callable[..., Any]:
    """Read the parameters of an installed plugin's function once, and of what is bound to an object, too."""
    of_function = cache(names)
    of_bound = cache(lambda function: names(MethodType(function, function)))

    def kept(function: object, **named: bool) -> Any:
        plain = function.__func__ if isinstance(function, MethodType) else function
        if not isinstance(plain, FunctionType) or not plain.__module__.startswith(_PLUGINS):
            return names(function, **named)
        return of_function(plain, **named) if plain is function else of_bound(plain)

    return kept


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
