"""Code of the user's: where it stands, and how it is called so that whatever it does ends as an error of its run."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import threading
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from types import AsyncGeneratorType, CodeType, GeneratorType
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from pytest_benchmodels.core.errors import BenchError, ProviderError
from pytest_benchmodels.core.text import clip, told

__all__ = [
    "NoJsonError",
    "UserCodeError",
    "as_json",
    "call",
    "call_at_once",
    "code_of",
    "defined_at",
    "in_task",
    "in_thread",
    "innermost",
    "raised",
    "where",
]


def where(error: BaseException) -> str:
    """` (checks/agent.py:12)`: the innermost frame in the user's own file, else in a library's; empty without one."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:  # a file that it imports
        frames.append((error.filename, error.lineno or 1))
    frames = [(name, line) for name, line in frames if not _is_ours(name)]
    own = [(name, line) for name, line in frames if not _is_of_a_library(name)]
    for name, line in reversed(own or frames):
        return f" ({_shown(name)}:{line})"
    return ""


def innermost(error: BaseException) -> str:
    """`ValueError: no such unit (checks.py:12)`, with the innermost frame, whoever wrote that code."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {told(error)}{place}"


def raised(error: BaseException, function: object = None) -> str:
    """`ValueError: no such thing (agent.py:12)`; where it was not begun, the place where the function is defined."""
    text = told(error)
    return f"{type(error).__name__}{': ' if text else ''}{text}{where(error) or defined_at(function)}"


def defined_at(function: object) -> str:
    """` (agent.py:12)`: where a function is defined; empty for what is not written in Python."""
    code = code_of(function)
    return f" ({_shown(code.co_filename)}:{code.co_firstlineno})" if code else ""


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
    """A file's path, relative to the current folder where it lies in it."""
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


T = TypeVar("T")
_Outcome = tuple[object, BaseException | None]


class UserCodeError(BenchError):
    """What code of the user's raised: `ValueError: no such thing (agent.py:12)`."""


class _AbandonedError(BaseException):
    """Thrown into a thread whose run has ended."""


async def call(function: Callable[..., object], *arguments: object) -> object:
    """What an async or sync function returns. A sync one runs in a thread of its own; cancelling this abandons either.

    An async one gets a task of its own, which is cancelled: one that catches that holds up nobody but itself. A sync
    one that returns something to await (a lambda around an async function) is awaited as well. Raises `UserCodeError`
    and `ProviderError`.
    """
    if _is_async(function):
        outcome = await in_task(lambda: function(*arguments))
    else:
        outcome = await in_thread(lambda: _outcome(function, *arguments), "benchmodels-function")
        if inspect.isawaitable(value := outcome[0]):
            outcome = await in_task(lambda: value)
    return _settled(function, *outcome)


def call_at_once(function: Callable[..., object], *arguments: object) -> object:
    """What a sync function returns that never blocks. Raises `UserCodeError` and `ProviderError`."""
    return _settled(function, *_outcome(function, *arguments))


async def in_thread(function: Callable[[], T], name: str) -> T:
    """Call a function that may block forever; cancelling this leaves the thread behind.

    A pool would be joined at exit and hang there, so each call has a daemon thread of its own (about 60 us).
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(value)  # type: ignore[arg-type] # None only beside an error, or where T is None

    def work() -> None:
        value, error = None, None
        try:
            value = function()
        except BaseException as caught:  # noqa: BLE001 - handed to the awaiting run
            error = caught
        try:
            loop.call_soon_threadsafe(settle, value, error)
        except RuntimeError:
            return  # the loop was closed meanwhile: nobody waits for this any more

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    try:
        return await outcome
    except asyncio.CancelledError:
        _interrupt(thread)
        raise


def _interrupt(thread: threading.Thread) -> None:
    """Stop a thread that runs Python code in a loop; one that sleeps in C dies with the process."""
    import ctypes  # noqa: PLC0415 - 10 ms that only a blocked call pays

    if thread.ident is not None and thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_AbandonedError))


def _is_async(function: Callable[..., object]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


async def in_task(begin: Callable[[], object]) -> tuple[object, BaseException | None]:
    """Await what `begin` returns in a task of its own; return what came of it, a value or what was raised.

    Cancelling this cancels the task, and does not wait for it: one that catches that is left behind.
    """

    async def outcome() -> _Outcome:
        # As data: a SystemExit that leaves a task ends the event loop.
        try:
            awaitable = begin()
            assert isinstance(awaitable, Awaitable)  # noqa: S101 - the caller has seen to it
            return await awaitable, None
        except BaseException as error:  # noqa: BLE001 - handed to the awaiting run
            return None, error

    task = asyncio.ensure_future(outcome())
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        raise
    return task.result()


def _outcome(function: Callable[..., object], *arguments: object) -> _Outcome:
    try:
        return function(*arguments), None
    except KeyboardInterrupt as error:
        if threading.current_thread() is threading.main_thread():
            raise  # a Ctrl-C of the user's
        return None, error
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is that run's alone
        return None, error


def _settled(function: object, value: object, error: BaseException | None) -> object:
    if error is None:
        return value
    if isinstance(error, ProviderError):
        raise error
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration | StopAsyncIteration):
        error = error.__cause__  # as Python passes it on from a coroutine
    raise UserCodeError(raised(error, function)) from error


class NoJsonError(BenchError):
    """A value that JSON has no form for; its text says what, where, and what there may be in its place."""


_MOST_NESTED = 50
_MOST_BITS = 14_000  # of a number that Python still writes: 4300 digits
_REMEDIES: Mapping[type, str] = {
    set: "return a sorted list of it",
    frozenset: "return a sorted list of it",
    bytes: "decode it, or return it as base64",
    GeneratorType: "return a list of it",
    AsyncGeneratorType: "return a list of it",
}
_MAY_BE = (
    "return texts, numbers, booleans, None, lists and mappings of these, dates, dataclasses, or models of msgspec or"
    " pydantic"
)


def as_json(value: object) -> str:
    """What a function of the user's gave back as a JSON text; a text as it is. Raises `NoJsonError`.

    It may run code of the value's own.
    """
    return value if isinstance(value, str) else json.dumps(_plain(value, "$"), ensure_ascii=False)


def _plain(value: Any, where: str, deeper: int = _MOST_NESTED) -> object:
    if value is None or isinstance(value, bool | float | str):
        return value
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            raise NoJsonError(f"a number of more than 4,000 digits at {where}: return it as a text")
        return int(value)
    if deeper == 0:
        raise NoJsonError(f"a value that is nested more than {_MOST_NESTED} levels deep, or holds itself: flatten it")
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(value[key], f"{where}.{clip(str(key), 40)}", deeper - 1) for key in value}
    if isinstance(value, list | tuple):
        return [_plain(each, f"{where}[{place}]", deeper - 1) for place, each in enumerate(value)]
    return _plain(_opened(value, where), where, deeper - 1)


def _key(key: object, where: str) -> Any:
    if key is None or isinstance(key, str | int | float):
        return _plain(key, where)
    raise NoJsonError(f"a mapping at {where} with a {type(key).__name__} as key: keys are texts or numbers")


def _opened(value: Any, where: str) -> object:
    """What stands for an object of a class that is known."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, Decimal | UUID | PurePath):
        return str(value)
    if not isinstance(value, type) and is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {written: getattr(value, name) for written, name in names}
    if callable(dump := getattr(type(value), "model_dump", None)):  # pydantic's, which need not be there
        return dump(value, mode="json")
    remedy = next((remedy for kind, remedy in _REMEDIES.items() if isinstance(value, kind)), _MAY_BE)
    raise NoJsonError(f"a {type(value).__name__} at {where}, which JSON has no form for: {remedy}")
