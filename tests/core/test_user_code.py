"""Code of the user's: called from the event loop, whatever it raises."""

from __future__ import annotations

import asyncio
import functools
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.fingerprint import digest_of_code
from pytest_benchmodels.core.user_code import UserCodeError, call, call_at_once, code_of, raised, where

HERE = "tests/core/test_user_code.py"


@pytest.fixture(autouse=True)
def _from_the_rootdir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])


class Agent:
    async def __call__(self, text: str) -> str:
        return text

    async def ask(self, text: str) -> str:
        return text

    def plainly(self, text: str) -> str:
        return text


async def echo(text: str) -> str:
    return text


CALLABLES: list[Callable[..., object]] = [
    Agent(),
    Agent().ask,
    Agent().plainly,
    echo,
    functools.partial(echo),
    lambda text: echo(text),  # noqa: PLW0108 - a sync function that returns something to await
    str,
]


@pytest.mark.parametrize("function", CALLABLES)
def test_whatever_can_be_called_is_called(function: Callable[..., object]) -> None:
    assert asyncio.run(call(function, "4")) == "4"


def test_a_sync_function_has_a_thread_of_its_own() -> None:
    threads = {threading.main_thread(), asyncio.run(call(threading.current_thread))}
    assert len(threads) == 2


@pytest.mark.parametrize(
    "error", [ValueError("x"), StopIteration("x"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()]
)
@pytest.mark.parametrize("is_async", [True, False])
def test_whatever_is_raised_comes_as_one_error(error: BaseException, *, is_async: bool) -> None:
    def sync() -> None:
        raise error

    async def later() -> None:
        raise error

    with pytest.raises(UserCodeError, match=rf"^{type(error).__name__}.*\({HERE}:\d+\)$"):
        asyncio.run(call(later if is_async else sync))


def test_a_provider_error_goes_through() -> None:
    def refuse() -> None:
        raise ProviderError("http", "no")

    with pytest.raises(ProviderError, match=r"^no$"):
        asyncio.run(call(refuse))
    with pytest.raises(ProviderError, match=r"^no$"):
        call_at_once(refuse)


def test_cancelling_leaves_behind_what_does_not_end() -> None:
    cancelled = []

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
        # It ends in its own time: nobody waits for that.

    async def session() -> None:
        for function in (stubborn, threading.Event().wait):
            task = asyncio.ensure_future(call(function))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.sleep(0)

    asyncio.run(session())
    assert cancelled == [True]


def error_of(function: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - each of them is looked at
        function()
    return caught.value


def test_the_innermost_frame_of_the_users_is_named() -> None:
    error = error_of(lambda: json.loads("{"))
    line = sys._getframe().f_lineno - 1
    assert where(error) == f" ({HERE}:{line})"


def test_what_never_began_is_told_by_its_definition() -> None:
    wrong: Any = echo
    with pytest.raises(UserCodeError, match=rf"^TypeError: .*\({HERE}:{echo.__code__.co_firstlineno}\)$"):
        asyncio.run(call(wrong))


def test_an_error_without_frames_and_text_has_its_name() -> None:
    assert raised(KeyError()) == "KeyError"


@pytest.mark.parametrize("function", CALLABLES[:-1])
def test_the_code_behind_a_callable_is_found(function: Callable[..., object]) -> None:
    code = code_of(function)
    assert code is not None
    assert Path(code.co_filename) == Path(__file__)


def test_code_without_a_file_is_never_the_same() -> None:
    assert digest_of_code(echo) == digest_of_code(functools.partial(echo), Agent().ask)
    assert digest_of_code(len) != digest_of_code(len)
