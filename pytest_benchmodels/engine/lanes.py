"""Many runs at once, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from pytest_benchmodels.core.result import Failure, Purpose, Result
from pytest_benchmodels.core.run import Run, lane_group
from pytest_benchmodels.core.text import told
from pytest_benchmodels.engine.conclusion import conclude
from pytest_benchmodels.engine.dispatch import CallKey
from pytest_benchmodels.engine.execution import Executor
from pytest_benchmodels.engine.scope import Alone, Scope

__all__ = ["CallKey", "Job", "LaneScheduler", "Lanes"]

Key = TypeVar("Key", bound=Hashable)
_JOIN_TIMEOUT_S = 5.0
_AT_ONCE = 1000
_STARTS_AT_ONCE = 4


class Job(NamedTuple, Generic[Key]):
    """A run to be done. `expected_s` is how long it took last time, in seconds, if that is known."""

    key: Key
    run: Run
    expected_s: float | None = None


class LaneScheduler(Protocol[Key]):
    """Says who may be in flight: a `Dispatch`, or something that asks one in another process. See `Dispatch`."""

    @property
    def in_flight(self) -> int: ...

    def add(self, key: Key, group: str, expected_s: float | None = None) -> None: ...

    def take(self) -> Key | None: ...

    def done(self, key: Key | CallKey, *, answered: bool = False) -> None: ...

    def leave(self, key: Key | CallKey, *, limited: bool = False) -> None: ...

    def reenter(self, key: Key | CallKey) -> bool: ...

    def hold(self, key: Key | CallKey, group: str) -> None: ...

    def release(self, key: Key | CallKey, group: str) -> None: ...

    def join(self, key: CallKey, group: str) -> None: ...


class Lanes(Generic[Key]):
    """Executes runs as `lane_scheduler` lets them start, and calls `finished` with each Result when it is there.

    `finished` is called on the event loop's thread. A run keeps its lane until the reader of results says that it is
    `reported`: what is lost when the process is killed is never more than what fits into the windows. Use it as a
    context manager: at its end the runs in flight are cancelled, their connections closed, and `close` is awaited.
    """

    def __init__(
        self,
        executor: Executor,
        lane_scheduler: LaneScheduler[Key],
        finished: Callable[[Key, Result], None],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._executor = executor
        self._lane_scheduler = lane_scheduler
        self._finished = finished
        self._close = close
        self._runs: dict[Key, Run] = {}
        self._unfinished: dict[Key, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unreported: dict[Key, bool] = {}
        self._reported: deque[Key] = deque()
        self._recalled: set[Key] = set()
        self._returning: dict[Key | CallKey, asyncio.Future[None]] = {}
        self._pauses: dict[str, tuple[Key | CallKey, float]] = {}
        self._ready = threading.Event()
        self._died: BaseException | None = None
        # A daemon thread: a check that promised to be quick and hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._live, name="benchmodels", daemon=True)

    @property
    def in_flight(self) -> int:
        """How many runs hold a lane; a momentary figure for a display."""
        return self._lane_scheduler.in_flight

    def submit(self, jobs: Iterable[Job[Key]]) -> None:
        """Let runs start as soon as their windows allow. May be called from any thread but the loop's."""
        self._call(self._add, self._accepted(jobs))

    def recall(self, jobs: Iterable[Job[Key]]) -> None:
        """The same, but runs that need no model end without a lane. May be called from any thread but the loop's."""
        accepted = self._accepted(jobs)
        self._call(lambda: self._start(self._recall(accepted)))

    def reported(self, *keys: Key) -> None:
        """Free the lanes of runs whose results are safe. May be called from any thread but the loop's."""
        to_free = [key for key in keys if not self._is_recalled(key)]
        is_awake = bool(self._reported)  # the loop was woken for earlier keys, and will find these as well
        self._reported += to_free
        if to_free and not is_awake:
            self._call(self._free_lanes)

    def _is_recalled(self, key: Key) -> bool:
        """Whether the run ended without a lane; once enough of these are reported, further ones are looked up."""
        if key not in self._recalled:
            return False
        self._recalled.discard(key)
        if len(self._recalled) == _AT_ONCE // 2:
            self._call(self._freed.set)
        return True

    def wake(self) -> None:
        """Look again who may go: a lane became free elsewhere. May be called from any thread but the loop's."""
        self._call(self._go_on)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._call(self._stop.set)
        self._thread.join(_JOIN_TIMEOUT_S)

    async def rest(self, key: Key | CallKey, seconds: float, *, limited: bool) -> None:
        """Leave the key's lane to others for so long, then wait for another one."""
        self.leave(key, limited=limited)
        await asyncio.sleep(seconds)
        await self.enter(key)

    def leave(self, key: Key | CallKey, *, limited: bool = False) -> None:
        """Give the key's lane to others."""
        self._lane_scheduler.leave(key, limited=limited)
        self._go_on()

    def join(self, key: CallKey, group: str) -> None:
        """Let a call have a lane of its own, once it is entered."""
        self._lane_scheduler.join(key, group)

    def close(self, key: CallKey, *, answered: bool) -> None:
        """Free the lane of a call that is over, whether it had one or not."""
        self._lane_scheduler.done(key, answered=answered)
        self._go_on()

    async def enter(self, key: Key | CallKey) -> None:
        """Wait for a lane, before all that have not begun."""
        turn = self._returning[key] = self._loop.create_future()
        self._go_on()
        try:
            await turn
        finally:
            self._returning.pop(key, None)

    def pause(self, key: Key | CallKey, group: str, seconds: float) -> None:
        """Hold the group for so long; of several pauses at once the longest counts."""
        until = self._loop.time() + seconds
        if group not in self._pauses:
            self._lane_scheduler.hold(key, group)
            self._loop.call_at(until, self._end_pause, group)
        holder, so_far = self._pauses.get(group, (key, until))
        self._pauses[group] = holder, max(so_far, until)

    def _accepted(self, jobs: Iterable[Job[Key]]) -> list[Job[Key]]:
        """Note the jobs: each of them gets a result, even if the loop has died."""
        accepted = list(jobs)
        self._unfinished.update((job.key, job.run) for job in accepted)
        if self._died is not None:
            self._end_all(self._died)
        return accepted

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call on the loop's thread. If the loop is gone, there is nothing to do: `_end_all` has ended its runs."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)

    def _live(self) -> None:
        """The thread's work. If the loop ends too early, every run still gets a result: nobody waits for ever."""
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a callback is one
            self._died = error
            self._end_all(error)
        finally:
            self._ready.set()

    def _end_all(self, error: BaseException) -> None:
        for key in list(self._unfinished):
            self._finish(key, self._internal_error(self._unfinished[key], error))

    def _finish(self, key: Key, result: Result) -> None:
        """Hand over the one result of a run."""
        if self._unfinished.pop(key, None) is not None:
            self._unreported[key] = result.response is not None
            self._finished(key, result)

    def _internal_error(self, run: Run, error: BaseException) -> Result:
        """The Result of a run that the executor could not end."""
        failure = Failure("internal", f"this run could not be executed: {type(error).__name__}: {told(error)}")
        return conclude(Scope(run, Alone(), fingerprint="-"), "error", failure=failure)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop, self._freed = asyncio.Event(), asyncio.Event()
        self._ready.set()
        await self._stop.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._close()

    def _add(self, jobs: list[Job[Key]]) -> None:
        for job in jobs:
            self._runs[job.key] = job.run
            self._lane_scheduler.add(job.key, job.run.model.id, job.expected_s)
        self._go_on()

    def _end_pause(self, group: str) -> None:
        holder, until = self._pauses[group]
        if until > self._loop.time():
            self._loop.call_at(until, self._end_pause, group)
            return
        del self._pauses[group]
        self._lane_scheduler.release(holder, group)
        self._go_on()

    def _go_on(self) -> None:
        """Let those go on who may: first those who were in flight before, then new ones.

        Only a few start at a time. In between, the loop sees what has arrived; what arrives unseen would count as
        latency.
        """
        if self._stop.is_set():
            return
        for key, turn in self._returning.items():
            if not turn.done() and self._lane_scheduler.reenter(key):
                turn.set_result(None)
        for _ in range(_STARTS_AT_ONCE):
            if (new := self._lane_scheduler.take()) is None:
                return
            self._start(self._execute(new))
        self._loop.call_soon(self._go_on)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _recall(self, jobs: Sequence[Job[Key]]) -> None:
        """Look runs up some at a time, and no further ahead of the reader of results than that.

        What has to be run starts afterwards: looking up keeps the loop busy, which would be taken for latency.
        """
        to_run: list[Job[Key]] = []
        for some in (jobs[start : start + _AT_ONCE] for start in range(0, len(jobs), _AT_ONCE)):
            results = await self._recall_some(some)
            for job, result in zip(some, results, strict=True):
                if result is not None:
                    self._recalled.add(job.key)
                    self._unfinished.pop(job.key, None)
                    self._finished(job.key, result)
            to_run += [job for job, result in zip(some, results, strict=True) if result is None]
            if len(self._recalled) > _AT_ONCE:
                self._freed.clear()
                await self._freed.wait()
        self._add(to_run)

    async def _recall_some(self, jobs: Sequence[Job[Key]]) -> list[Result | None]:
        """Look these up together. Where that fails each is executed, and tells by itself what is wrong."""
        try:
            return await self._executor.recall([job.run for job in jobs])
        except Exception:  # noqa: BLE001 - see above
            return [None] * len(jobs)

    async def _execute(self, key: Key) -> None:
        run = self._runs.pop(key)
        try:
            result = await self._executor.execute(run, _Lane(self, key, run.model.id, key))
        except Exception as error:  # noqa: BLE001 - a run without a result would be waited for for ever
            result = self._internal_error(run, error)
        self._finish(key, result)

    def _free_lanes(self) -> None:
        while self._reported:
            key = self._reported.popleft()
            self._lane_scheduler.done(key, answered=self._unreported.pop(key, False))
        self._go_on()


class _Lane(Generic[Key]):
    """A lane for the calls of one run to one model, for its executor."""

    __slots__ = ("_beside", "_group", "_has_left", "_key", "_lanes", "_run")

    def __init__(self, lanes: Lanes[Key], run: Key, group: str, key: Key | CallKey) -> None:
        self._lanes = lanes
        self._run = run
        self._group = group
        self._key = key
        self._has_left = False
        self._beside = 0

    async def rest(self, seconds: float, *, limited: bool) -> None:
        await self._lanes.rest(self._key, seconds, limited=limited)

    def pause(self, seconds: float) -> None:
        self._lanes.pause(self._key, self._group, seconds)

    def leave(self) -> None:
        if not self._has_left:
            self._has_left = True
            self._lanes.leave(self._key)

    async def enter(self) -> None:
        if self._has_left:
            await self._lanes.enter(self._key)
            self._has_left = False

    def beside(self, model: str, purpose: Purpose) -> _Lane[Key]:
        self._beside += 1
        key, group = CallKey(self._run, self._beside), lane_group(model, purpose)
        self._lanes.join(key, group)
        lane = _Lane(self._lanes, self._run, group, key)
        lane._has_left = True
        return lane

    def close(self, *, answered: bool) -> None:
        if isinstance(self._key, CallKey):
            self._lanes.close(self._key, answered=answered)
