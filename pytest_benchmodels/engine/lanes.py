"""Many runs at once, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Hashable, Iterable
from types import TracebackType
from typing import Generic, NamedTuple, Self, TypeVar

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import Run

from .dispatch import Dispatch
from .execution import Executor

__all__ = ["Job", "Lanes"]

Key = TypeVar("Key", bound=Hashable)
_PATIENCE_S = 5.0


class Job(NamedTuple, Generic[Key]):
    """A run to be done. `expected_s` is how long it took last time, in seconds, if that is known."""

    key: Key
    run: Run
    expected_s: float | None = None


class Lanes(Generic[Key]):
    """Executes runs as `dispatch` lets them start, and calls `finished` with each Result when it is there.

    `finished` is called on the event loop's thread. The next run starts there too: a slow reader of results (a
    terminal, an ordinary test) never leaves a lane empty. Use it as a context manager: at its end the runs in flight
    are cancelled, their connections closed, and `close` is awaited.
    """

    def __init__(
        self,
        executor: Executor,
        dispatch: Dispatch[Key],
        finished: Callable[[Key, Result], None],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._executor = executor
        self._dispatch = dispatch
        self._finished = finished
        self._close = close
        self._runs: dict[Key, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        # A daemon: a grader that promised to be bounded and is not must not keep the process from ending.
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="benchmodels", daemon=True)

    @property
    def in_flight(self) -> int:
        """How many runs have started and not ended; a momentary figure for a display."""
        return self._dispatch.in_flight

    def submit(self, jobs: Iterable[Job[Key]]) -> None:
        """Let runs start as soon as their windows allow. May be called from any thread but the loop's."""
        self._loop.call_soon_threadsafe(self._add, list(jobs))

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_PATIENCE_S)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._ready.set()
        await self._stop.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._close()

    def _add(self, jobs: list[Job[Key]]) -> None:
        for job in jobs:
            self._runs[job.key] = job.run
            self._dispatch.add(job.key, job.run.model.id, job.expected_s)
        self._start_next()

    def _start_next(self) -> None:
        while not self._stop.is_set() and (key := self._dispatch.take()) is not None:
            task = self._loop.create_task(self._execute(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _execute(self, key: Key) -> None:
        try:
            result = await self._executor.execute(self._runs.pop(key))
        finally:
            self._dispatch.done(key)
        self._finished(key, result)
        self._start_next()
