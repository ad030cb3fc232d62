"""The scenario files that a command is about, with what their conftest.py files add."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.user_code import raised

__all__ = ["Conftests", "ends_as_ours", "find_rootdir", "scenario_files"]

_PACKAGE = "pytest-benchmodels"


class Conftests:
    """Loads each file once. Methods raise `ConfigError` with the line of code that raises."""

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir.resolve()
        self._loaded: dict[Path, list[ModuleType]] = {}

    def answers(self, hook: str, folder: Path) -> list[object]:
        """What a hook's implementations that hold in a folder return; None counts as no answer."""
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


_CONFIGURE_ALWAYS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
_SECTIONS = {"tox.ini": r"^\[pytest\]", "setup.cfg": r"^\[tool:pytest\]"}
_PYPROJECT = "pyproject.toml"


def find_rootdir(paths: Sequence[Path]) -> Path:
    """The rootdir of a session that is given these paths, which exist, and no option that chooses another.

    It is the nearest folder, from the paths' common one upwards, with a configuration of pytest's, else one with a
    `setup.py`, else the common folder of the paths and the current one.
    """
    folders = [path if path.is_dir() else path.parent for path in (Path(os.path.abspath(path)) for path in paths)]  # noqa: PTH100 - as pytest, which follows no link here
    ancestor = _common(folders)
    for found in (_configured(ancestor), _above_with(ancestor, "setup.py"), *map(_configured, folders)):
        if found is not None:
            return found
    shared = _common([Path.cwd(), ancestor])
    return ancestor if shared == Path(shared.anchor) else shared


def _common(folders: Sequence[Path]) -> Path:
    return Path(os.path.commonpath(folders))


def _configured(folder: Path) -> Path | None:
    """The nearest folder with a configuration; a pyproject.toml without pytest's table is one if there is no other."""
    upwards = (folder, *folder.parents)
    return next(filter(_configures, upwards), None) or _above_with(folder, _PYPROJECT)


def _above_with(folder: Path, name: str) -> Path | None:
    return next((parent for parent in (folder, *folder.parents) if (parent / name).is_file()), None)


def _configures(folder: Path) -> bool:
    if any((folder / name).is_file() for name in _CONFIGURE_ALWAYS):
        return True
    if _has_table(_text(folder / _PYPROJECT)):
        return True
    return any(re.search(section, _text(folder / name), re.MULTILINE) for name, section in _SECTIONS.items())


def _has_table(text: str) -> bool:
    try:
        tool = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError:
        return False
    return isinstance(tool, dict) and bool(tool.get("pytest"))


def _text(path: Path) -> str:
    """What pytest cannot read either ends its session: here it configures nothing."""
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return ""


_SUFFIXES = (".yaml", ".yml", ".json", ".jsonl")
_SKIPPED = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}", "__pycache__")
"""Folders that pytest does not look into either, unless they were named."""


def ends_as_ours(path: Path) -> bool:
    """Whether a file's name is one of those that our formats have."""
    return path.name.endswith(_SUFFIXES)


def scenario_files(paths: Iterable[str], is_one: Callable[[Path], bool] = ends_as_ours) -> Iterator[tuple[Path, bool]]:
    """Each file once, and whether it was named itself; in folders those that `is_one` takes.

    Raises `ConfigError` for a path with nothing to check.
    """
    seen: set[Path] = set()
    for text in paths:
        path = Path(text)
        if not path.exists():
            raise ConfigError(
                f"{quote(text, 300)}: there is no such file or folder; name scenario files or folders of them"
            )
        found = list(filter(is_one, _below(path))) if path.is_dir() else [path]
        if not found:
            raise ConfigError(f"{quote(text, 300)}: no file in it ends in {', '.join(_SUFFIXES)}; name another folder")
        for file in found:
            if file not in seen:
                seen.add(file)
                yield file, file == path


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not any(fnmatch(name, pattern) for pattern in _SKIPPED))
        yield from (Path(parent, name) for name in sorted(files))
