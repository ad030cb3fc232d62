"""Puts an executor together: a client of models, a solver, what is known already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_benchmodels import graders
from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.program import RunProgram, no_programs
from pytest_benchmodels.engine.backoff import Backoff
from pytest_benchmodels.engine.client import ModelClient
from pytest_benchmodels.engine.execution import Executor, KeepBegun
from pytest_benchmodels.engine.grading import Watch, unwatched
from pytest_benchmodels.engine.known import NothingStored, Recall
from pytest_benchmodels.engine.limiter import Limiter, RateLimits, SharedSlots, Unlimited
from pytest_benchmodels.engine.scope import Alone
from pytest_benchmodels.engine.shared_calls import SharedCalls
from pytest_benchmodels.engine.working import NoWorkspaces, Workspaces
from pytest_benchmodels.graders.patterns import compile_pattern
from pytest_benchmodels.plugin.options import DEFAULT_RETRIES, Reuse
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.agent_key import agent_key
from pytest_benchmodels.providers.http import HttpPool, load_transport
from pytest_benchmodels.providers.key import Key
from pytest_benchmodels.solvers.conversation import Conversation
from pytest_benchmodels.solvers.mcp import Servers

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmodels.core.call import Provider
    from pytest_benchmodels.core.message import Response
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.core.result import Result
    from pytest_benchmodels.core.run import Run
    from pytest_benchmodels.plugin.session.bench import Bench

__all__ = ["assemble", "execute_alone"]


def assemble(
    bench: Bench, watch: Watch = unwatched, keep_begun: KeepBegun | None = None
) -> tuple[Executor, Callable[[], Awaitable[None]]]:
    """An executor with connections and limits of its own, for one event loop, and what closes them.

    `keep_begun` is there where the answers so far of a run may be kept, or taken over: not where it is run again.
    """
    pool = HttpPool()
    limiter, slots = _limits(bench)
    made: dict[str, Provider] = {}

    def provider_for(model: Model) -> Provider:
        if model.id not in made:
            made[model.id] = create(model, pool, graders.example_answer, bench.models.registry)
        return made[model.id]

    servers = Servers(bench.files.server_settings)
    programs, end_programs = _programs(bench)
    workspaces, end_workspaces = _workspaces(bench)

    async def close() -> None:
        await end_programs()
        await end_workspaces()
        await servers.aclose()
        await pool.aclose()
        await slots.aclose()
        await limiter.aclose()

    rate_limits = RateLimits(limiter, slots)
    client = ModelClient(provider_for, _backoff(bench.settings.retries), rate_limits, load_transport, watch)
    recall, models = _recall(bench), bench.models.resolve
    solver, now = Conversation(_hidden, servers.of_run, compile_pattern, models), bench.clock.now
    executor = Executor(
        client,
        solver,
        bench.breaker,
        recall,
        watch,
        now,
        models,
        keep_begun,
        programs,
        workspaces,
        SharedCalls(),
    )
    return executor, close


def _programs(bench: Bench) -> tuple[RunProgram, Callable[[], Awaitable[None]]]:
    """What runs code of answers, and what ends it; the workers of a session share the processors."""
    if not bench.settings.allow_code:
        return no_programs, _nothing_to_end
    from pytest_benchmodels.workspaces import CodeRunner  # noqa: PLC0415 - few sessions need it

    runner = CodeRunner(_shared_folder(bench))
    return runner, partial(asyncio.to_thread, runner.close)


def _workspaces(bench: Bench) -> tuple[Workspaces, Callable[[], Awaitable[None]]]:
    """What makes workspaces, and what removes the rest of them; nobody makes any unless the user allowed it."""
    if not bench.settings.allow_commands:
        return NoWorkspaces(), _nothing_to_end
    from pytest_benchmodels.workspaces.command_confinement import share_confinement  # noqa: PLC0415 - few sessions
    from pytest_benchmodels.workspaces.folder import FolderWorkspaces  # noqa: PLC0415 - the same

    if (shared := _shared_folder(bench)) is not None:
        share_confinement(shared)
    made = FolderWorkspaces(bench.settings.workspaces, bench.settings.keep, _hidden)
    return made, partial(asyncio.to_thread, made.close)


def _shared_folder(bench: Bench) -> Path | None:
    """The private folder of the workers of a session on one machine; None where there are none."""
    shared = Path(bench.worker_config.lanes_path) if bench.worker_config is not None else None
    return shared if shared is not None and shared.is_dir() else None


async def _nothing_to_end() -> None:
    """No code runs."""


def _hidden(model: Model, text: str) -> str:
    """Take keys out of what a command writes, or code of the user's: those of the model, and what looks like one."""
    if model.agent is not None:
        return agent_key(model.agent).hide(text)
    try:
        key = Key.from_environment(model.api_key_env, model.headers, model.secret_query)
    except ProviderError:  # nothing is asked of it: its answers are stored, and it needs no key
        return Key.of_surroundings().hide(text)
    return key.and_surroundings().hide(text)


def _backoff(retries: int | None) -> Backoff:
    """A number that the user gave holds for every failure; without one, a 429 is waited out."""
    return Backoff(DEFAULT_RETRIES, patient=True) if retries is None else Backoff(retries)


def execute_alone(bench: Bench, run: Run) -> Result:
    """Execute one run on its own, for whoever calls an item outside our loop (a rerun plugin, a debugger)."""
    executor, close = assemble(bench)

    async def alone() -> Result:
        try:
            return await executor.execute(run, Alone())
        finally:
            await close()

    return asyncio.run(alone())


def _recall(bench: Bench) -> Recall:
    """What finds stored results, if the user asked for any: who reuses nothing pays for no look-up."""
    if bench.settings.store is None:
        return NothingStored()
    # One process has its own in memory.
    since = bench.clock.epoch_s if bench.worker_config is not None else None
    if not bench.settings.reuse:
        return _ChecksOnly(bench.settings.store, bench.settings.reuse, since)
    from pytest_benchmodels.plugin.loop.recall import StoreRecall  # noqa: PLC0415 - sqlite3, for those who reuse

    return StoreRecall(bench.settings.store, bench.settings.reuse, bench.resumed, since)


class _ChecksOnly(NothingStored):
    """Nothing is reused, but checks may look for answers of other models, and for what checks of other workers asked.

    Only then the store is opened.
    """

    def __init__(self, path: Path, reuse: Reuse, calls_since: float | None) -> None:
        self._path = path
        self._reuse = reuse
        self._calls_since = calls_since

    @cached_property
    def _recall(self) -> Recall:
        from pytest_benchmodels.plugin.loop.recall import StoreRecall  # noqa: PLC0415 - sqlite3, for those who look

        return StoreRecall(self._path, self._reuse, None, self._calls_since)

    def call(self, fingerprint: str, *, afresh: bool) -> Response | None:
        return None if self._calls_since is None else self._recall.call(fingerprint, afresh=afresh)

    def answer(self, run: Run) -> Response | None:
        return self._recall.answer(run)


def _limits(bench: Bench) -> tuple[Limiter, SharedSlots]:
    """Shared as far as the session reaches: several machines, the workers of one, one process.

    Within a session, `max_in_flight` is a matter of its lanes; between sessions, somebody else has to count.
    """
    if bench.file.limits is not None:
        from pytest_benchmodels.engine import redis_limits  # noqa: PLC0415 - an extra

        link = redis_limits.RedisLink(bench.file.limits)
        return redis_limits.RedisLimiter(link), redis_limits.RedisSlots(link)
    if bench.worker_config is not None:
        from pytest_benchmodels.engine.limiter import SqliteLimiter  # noqa: PLC0415 - workers only

        return SqliteLimiter(bench.worker_config.limits_path), Unlimited()
    from pytest_benchmodels.engine.limiter import MemoryLimiter  # noqa: PLC0415 - no worker

    return MemoryLimiter(), Unlimited()
