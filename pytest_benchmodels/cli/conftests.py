"""The hooks of a project's own, for commands whose user asks for them: this runs the code of its conftest.py files.

The command imports no pytest. So it calls the functions that pytest would call, of the conftest.py files from the
rootdir down to a folder, of the modules that their `pytest_plugins` name, and of installed plugins that build on this
package.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.user_code import raised

__all__ = ["Conftests"]

_PACKAGE = "pytest-benchmodels"


class Conftests:
    """Loads each file once. Methods raise `ConfigError` with the line of code that raises."""

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir.resolve()
        self._loaded: dict[Path, list[ModuleType]] = {}

    def answers(self, hook: str, folder: Path) -> list[object]:
        """What the implementations of a hook return that hold in a folder; None counts as no answer."""
        modules = [*self._plugins, *(module for path in self._above(folder) for module in self._load(path))]
        found = [getattr(module, hook, None) for module in modules]
        return [answer for function in found if callable(function) and (answer := _called(hook, function)) is not None]

    def _above(self, folder: Path) -> list[Path]:
        """The conftest.py files that hold in a folder, from the rootdir down."""
        here = folder.resolve()
        folders = [parent for parent in (here, *here.parents) if parent.is_relative_to(self._rootdir)]
        return [path for parent in reversed(folders) if (path := parent / "conftest.py").is_file()]

    def _load(self, path: Path) -> list[ModuleType]:
        if path not in self._loaded:
            try:
                self._loaded[path] = list(_modules(path))
            except (Exception, SystemExit) as error:
                raise ConfigError(f"{path} cannot be imported: {raised(error)}") from error
        return self._loaded[path]

    @cached_property
    def _plugins(self) -> list[ModuleType]:
        """Installed plugins that require this package: others have no hooks of ours, and take time to import."""
        found = (entry for entry in entry_points(group="pytest11") if entry.dist is not None)
        return [entry.load() for entry in found if entry.dist is not None and _builds_on_us(entry.dist.requires or [])]


def _builds_on_us(requirements: list[str]) -> bool:
    return any(text.replace("_", "-").lower().startswith(_PACKAGE) for text in requirements)


def _modules(path: Path) -> Iterator[ModuleType]:
    """A conftest.py and the modules that it names as plugins; its folder is on the path, as pytest puts it there."""
    package, base = path.parent, path.parent
    while (package / "__init__.py").is_file():
        package = base = package.parent
    if str(base) not in sys.path:
        sys.path.insert(0, str(base))
    if base != path.parent:
        module = import_module(".".join(path.with_suffix("").relative_to(base).parts))
    else:
        module = _imported(path)
    named = getattr(module, "pytest_plugins", ())
    yield from map(import_module, (named,) if isinstance(named, str) else named)
    yield module


def _imported(path: Path) -> ModuleType:
    """Under its usual name, as far as its own code can tell; there may be several of that name."""
    spec = spec_from_file_location("conftest", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is no Python file")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _called(hook: str, function: Callable[[], object]) -> object:
    try:
        return function()
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{hook}() crashed: {raised(error)}") from error
