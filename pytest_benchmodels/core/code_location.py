"""Where code of the user's stands: by file and line, for whoever reads of its error, and for its fingerprint."""

from __future__ import annotations

import functools
import inspect
import traceback
from pathlib import Path
from types import CodeType

from .text import told

__all__ = ["code_of", "raised", "where"]


def where(error: BaseException) -> str:
    """` (checks/agent.py:12)`: the innermost frame in a file of the user's, else of a library's; empty without one."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:  # a file that it imports
        frames.append((error.filename, error.lineno or 1))
    frames = [(name, line) for name, line in frames if not _is_ours(name)]
    own = [(name, line) for name, line in frames if not _is_of_a_library(name)]
    for name, line in reversed(own or frames):
        return f" ({_shown(name)}:{line})"
    return ""


def raised(error: BaseException, function: object = None) -> str:
    """`ValueError: no such thing (agent.py:12)`; where it was not begun, the place where the function is defined."""
    text, code = told(error), code_of(function)
    place = where(error) or (f" ({_shown(code.co_filename)}:{code.co_firstlineno})" if code else "")
    return f"{type(error).__name__}{': ' if text else ''}{text}{place}"


def code_of(function: object) -> CodeType | None:
    """The code that runs when this is called; None for what is not written in Python."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function) if callable(function) else function
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None and not isinstance(function, type):
        code = getattr(inspect.unwrap(type(function).__call__), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _shown(name: str) -> str:
    """A file from the current folder on, where it lies in there."""
    path = Path(name)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else name


def _is_ours(name: str) -> bool:
    return Path(name).is_relative_to(_packages()[0])


def _is_of_a_library(name: str) -> bool:
    is_installed = {"site-packages", "dist-packages"} & set(Path(name).parts)
    return (
        bool(is_installed)
        or name.startswith("<")
        or any(Path(name).is_relative_to(folder) for folder in _packages()[1:])
    )


@functools.cache
def _packages() -> tuple[Path, ...]:
    """The folders of this package, of Python's library and of what is installed."""
    import sysconfig  # noqa: PLC0415 - for those who have an error to tell

    libraries = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return (Path(__file__).parents[1], *libraries)
