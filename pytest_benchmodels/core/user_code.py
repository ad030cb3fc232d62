"""Code of the user's: called so that it can neither block nor end the session.

What it raises may be anything: an `Exception`, a `SystemExit` that would end the event loop, a `StopIteration` that no
future takes. `call` and `call_at_once` hand all of that over as a `UserCodeError`; only `ProviderError`, by which code
of the user's says what became of a request, goes through as it is.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .code_location import raised
from .errors import BenchError, ProviderError

__all__ = ["UserCodeError", "call", "call_at_once", "in_thread"]

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
        outcome = await _in_task(lambda: function(*arguments))
    else:
        outcome = await in_thread(lambda: _outcome(function, *arguments), "benchmodels-function")
        if inspect.isawaitable(value := outcome[0]):
            outcome = await _in_task(lambda: value)
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


async def _in_task(begin: Callable[[], object]) -> _Outcome:
    """Await what `begin` returns in a task that is left behind when this is cancelled."""

    async def outcome() -> _Outcome:
        # As data: a SystemExit that leaves a task ends the event loop.
        try:
            awaitable = begin()
            assert isinstance(awaitable, Awaitable)  # noqa: S101 - `call` has seen to it
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
