"""Rate limits: reserved before a request goes, in this process or shared by the workers of a machine."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cached_property
from typing import NamedTuple, Protocol

from pytest_benchmodels.core.call import Request
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.message import Usage, prompt_tokens
from pytest_benchmodels.core.model import Cap, Limit

__all__ = [
    "NO_SEAT",
    "Charge",
    "Lease",
    "Limiter",
    "MemoryLimiter",
    "RateLimits",
    "Reservation",
    "SharedSlots",
    "Slot",
    "SqliteLimiter",
    "TokenEstimate",
    "Unlimited",
    "reserve",
    "settle",
]


class Charge(NamedTuple):
    """What one request takes of one bucket: `seconds` is its share of a minute. For 1 of 600 a minute, 0.1."""

    bucket: str
    seconds: float


class Reservation(NamedTuple):
    """When the request may go, which bucket made it wait, and the buckets as they are then."""

    at: float
    bucket: str
    free_at: dict[str, float]


class Limiter(Protocol):
    """Buckets that all who send requests share. Times are in seconds."""

    async def reserve(self, charges: Sequence[Charge]) -> tuple[float, str]:
        """Take a place in all of these buckets; return how long to wait, and for which bucket."""

    async def settle(self, corrections: Sequence[Charge]) -> None:
        """Add to buckets what a request took beyond its reservation; a negative charge gives back.

        Does not wait for anybody: the request has been answered.
        """

    async def aclose(self) -> None:
        """Let go of files and connections."""


def reserve(free_at: Mapping[str, float], charges: Sequence[Charge], now: float) -> Reservation:
    """The first time at which all buckets are free, and the buckets after a request at that time."""
    at, bucket = now, ""
    for charge in charges:
        free = free_at.get(charge.bucket, now)
        if free > at:
            at, bucket = free, charge.bucket
    return Reservation(at, bucket, {charge.bucket: at + charge.seconds for charge in charges})


def settle(free_at: Mapping[str, float], corrections: Sequence[Charge], now: float) -> dict[str, float]:
    """The buckets after corrections.

    A bucket that is free already stays so: nothing is saved up for a burst.
    """
    return {name: free_at.get(name, now) + seconds for name, seconds in corrections}


class MemoryLimiter:
    """A `Limiter` for a session that runs in one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._free_at: dict[str, float] = {}

    async def reserve(self, charges: Sequence[Charge]) -> tuple[float, str]:
        now = self._clock()
        reserved = reserve(self._free_at, charges, now)
        self._free_at.update(reserved.free_at)
        return reserved.at - now, reserved.bucket

    async def settle(self, corrections: Sequence[Charge]) -> None:
        self._free_at.update(settle(self._free_at, corrections, self._clock()))

    async def aclose(self) -> None:
        self._free_at.clear()


class Slot(NamedTuple):
    """One request's place under all of its caps. `bucket` is the one that it waited for, for `wait_s` seconds."""

    id: str
    caps: tuple[Cap, ...]
    bucket: str = ""
    wait_s: float = 0.0


NO_SEAT = Slot("", ())
"""That of a request without caps."""


class SharedSlots(Protocol):
    """Who may have a request in flight."""

    async def take(self, caps: Sequence[Cap]) -> Slot:
        """Wait for a place under all of these caps."""

    def leave(self, slot: Slot) -> None:
        """Give the place to others. Neither raises nor waits: the request has been answered."""

    async def aclose(self) -> None:
        """Let go of connections."""


class Unlimited:
    """The slots of a session that shares its limits with no other: its lanes count by themselves."""

    async def take(self, caps: Sequence[Cap]) -> Slot:  # noqa: ARG002 - a SharedSlots
        return NO_SEAT

    def leave(self, slot: Slot) -> None:
        """Nothing to give back."""

    async def aclose(self) -> None:
        """Nothing to let go of."""


_BUSY_S = 30.0


class SqliteLimiter:
    """A `Limiter` that takes its place in one short transaction, about 50 us, on the event loop.

    SQLite's lock decides who is next, and lets nobody starve; a process that dies leaves nothing locked. The clock is
    the machine's monotonic one, which its processes share. The file lives as long as its session: losing it to a power
    cut loses nothing, so nothing is synchronised to disk.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock

    async def reserve(self, charges: Sequence[Charge]) -> tuple[float, str]:
        with _Transaction(self._file):
            now = self._clock()
            reserved = reserve(self._read(charges), charges, now)
            self._write(reserved.free_at)
        return reserved.at - now, reserved.bucket

    async def settle(self, corrections: Sequence[Charge]) -> None:
        with _Transaction(self._file):
            self._write(settle(self._read(corrections), corrections, self._clock()))

    async def aclose(self) -> None:
        if "_file" in vars(self):  # or closing would open it
            self._file.close()

    @cached_property
    def _file(self) -> sqlite3.Connection:
        """Opened by the thread that uses it, if any does."""
        with _explained():
            file = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
            file.execute("PRAGMA journal_mode = MEMORY")
            file.execute("PRAGMA synchronous = OFF")
            file.execute("CREATE TABLE IF NOT EXISTS bucket (name TEXT PRIMARY KEY, free_at REAL) WITHOUT ROWID")
        return file

    def _read(self, charges: Sequence[Charge]) -> dict[str, float]:
        marks = ",".join("?" * len(charges))
        query = f"SELECT name, free_at FROM bucket WHERE name IN ({marks})"  # noqa: S608 - question marks only
        return dict(self._file.execute(query, [charge.bucket for charge in charges]).fetchall())

    def _write(self, free_at: dict[str, float]) -> None:
        self._file.executemany("INSERT OR REPLACE INTO bucket VALUES (?, ?)", free_at.items())


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise ConfigError(f"the limits that this session's workers share cannot be counted: {error}") from None


class _Transaction:
    """BEGIN IMMEDIATE: the write lock is taken before anything is read, so that nobody decides on old figures."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def __enter__(self) -> None:
        with _explained():
            self._file.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._file.execute("COMMIT" if kind is None else "ROLLBACK")


_FIRST_GUESS = 256.0
_WEIGHT = 0.1


class TokenEstimate:
    """A guess for each model that learns from its answers.

    Input: a token for every four characters, times how far that was off so far. Output: an exponentially weighted mean
    of the answers so far, never above `max_tokens` where a request sets it.
    """

    def __init__(self) -> None:
        self._output: dict[str, float] = {}
        self._ratio: dict[str, float] = {}

    def tokens(self, request: Request) -> int:
        """Input and output tokens that the request is expected to take."""
        model = request.model.id
        output = self._output.get(model, _FIRST_GUESS)
        most = request.params.get("max_tokens")
        if isinstance(most, int) and not isinstance(most, bool):
            output = min(output, most)
        return round(_raw_input(request) * self._ratio.get(model, 1.0) + output)

    def learn(self, request: Request, usage: Usage) -> None:
        """Take account of what an answer took."""
        model = request.model.id
        if usage.output_tokens is not None:
            _approach(self._output, model, float(usage.output_tokens))
        if usage.input_tokens is not None:
            _approach(self._ratio, model, usage.input_tokens / _raw_input(request))


def _raw_input(request: Request) -> float:
    return 1 + prompt_tokens(request.messages)


def _approach(means: dict[str, float], key: str, value: float) -> None:
    mean = means.get(key)
    means[key] = value if mean is None else mean + (value - mean) * _WEIGHT


# A server counts by its own clock, and arrivals bunch up on the way: keep a hundredth below what it allows.
_MARGIN = 0.99


class Lease(NamedTuple):
    """One request's permission: the limits that it waited for, each with its seconds, and its reserved tokens."""

    waits: tuple[tuple[str, float], ...] = ()
    tokens: int = 0


class RateLimits:
    """Lets requests go as fast as limits allow, which are shared with all who use the same `limiter` and `slots`."""

    def __init__(self, limiter: Limiter, slots: SharedSlots) -> None:
        self._limiter = limiter
        self._slots = slots
        self._estimate = TokenEstimate()

    @asynccontextmanager
    async def hold(self, request: Request) -> AsyncIterator[Lease]:
        """Wait until the request may go, and count it as in flight until this is left."""
        # A place in a rate limit is a time, which would pass while the request waits for a slot: so that comes first.
        slot = await self._slots.take(request.model.caps)
        try:
            yield await self._obtain(request, slot)
        finally:
            self._slots.leave(slot)

    async def _obtain(self, request: Request, slot: Slot) -> Lease:
        tokens, wait_s, bucket = 0, 0.0, ""
        if request.model.limits:
            tokens = self._estimate.tokens(request)
            wait_s, bucket = await self._limiter.reserve(_charges(request.model.limits, tokens))
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        waits = ((slot.bucket, slot.wait_s), (bucket, wait_s))
        return Lease(tuple((name, seconds) for name, seconds in waits if seconds > 0), tokens)

    async def settle(self, lease: Lease, request: Request, usage: Usage) -> None:
        """Correct the reservation by what the answer took. Does not raise: there is an answer."""
        by_tokens = [limit for limit in request.model.limits if limit.kind == "tpm"]
        if not by_tokens or usage.input_tokens is None or usage.output_tokens is None:
            return
        self._estimate.learn(request, usage)
        beyond = usage.input_tokens + usage.output_tokens - lease.tokens
        with suppress(ConfigError):
            await self._limiter.settle(_charges(by_tokens, beyond))


def _charges(limits: Sequence[Limit], tokens: int) -> list[Charge]:
    return [
        Charge(limit.bucket, (1 if limit.kind == "rpm" else tokens) * 60 / (limit.per_minute * _MARGIN))
        for limit in limits
    ]
