"""What one session with --bench shares between its hooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import pytest

from pytest_benchmodels import graders
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import NO_MODEL, Run
from pytest_benchmodels.engine.dispatch import Dispatch
from pytest_benchmodels.engine.window import Window
from pytest_benchmodels.formats import LoadOptions
from pytest_benchmodels.providers.catalog import CATALOG

from .configfile import ConfigFile, read_config
from .models import HOW_TO_NAME_A_MODEL, Models
from .options import Settings, read_settings
from .progress import Progress

if TYPE_CHECKING:
    from pytest_benchmodels.core.exchange import Provider
    from pytest_benchmodels.engine.execution import Executor, Watch

__all__ = ["BENCH", "Bench"]

Key = TypeVar("Key", bound=Hashable)
_UNLIMITED = 1 << 30


class Bench:
    """Settings, models and the making of executors.

    `sim_url` is where `sim/*` answers once `start_sim` was called. Several processes may hold a Bench; one starts it.
    """

    def __init__(self, config: pytest.Config, sim_url: str, start_sim: Callable[[], object]) -> None:
        self._config = config
        self._start_sim = start_sim
        self.progress = Progress()
        self.windows: dict[str, int] = {}
        self._tags: set[str] = set()
        self.settings: Settings = read_settings(config)
        self.file = self._read_file()
        self.models = Models(self.settings.models, self.file, sim_url)

    @cached_property
    def load_options(self) -> LoadOptions:
        """What the loader needs, conftest files' graders included."""
        extra = [grader for found in self._config.hook.pytest_bench_graders() for grader in found]
        base = self.settings.config_file.parent if self.settings.config_file else self._config.rootpath
        return LoadOptions(
            graders=graders.registry(extra), allowed=tuple(base / folder for folder in self.file.allow_paths)
        )

    def register_tags(self, tags: Iterable[str]) -> None:
        """Let tags be markers: `--strict-markers` is for typing errors in tests, a scenario's tags are data."""
        for tag in tags:
            if tag not in self._tags:
                self._tags.add(tag)
                self._config.addinivalue_line("markers", f"{tag}: tag of a scenario")

    def prepare(self, names: Iterable[str]) -> dict[str, Model]:
        """Make ready for the models that are about to run; raise `pytest.UsageError` if one of them cannot."""
        wanted = dict.fromkeys(names)
        if NO_MODEL in wanted:
            raise pytest.UsageError(HOW_TO_NAME_A_MODEL)
        try:
            models = self.models.resolve_all(wanted)
        except ConfigError as error:
            raise pytest.UsageError(*str(error).splitlines()) from None
        if any(CATALOG[model.provider].protocol == "sim" for model in models.values()):
            self._start_sim()
        return models

    def dispatch(self, models: Iterable[Model]) -> Dispatch[Key]:
        """An empty dispatch with the windows of these models."""
        most = self.settings.concurrency
        self.windows = {model.id: min(model.max_in_flight or most, most) for model in models}
        return Dispatch(most, {model: Window(size, fixed=True) for model, size in self.windows.items()})

    def worker_dispatch(self, window: int | None) -> Dispatch[Key]:
        """An empty dispatch for a worker; None where our scheduler sends no more than may start."""
        return Dispatch(_UNLIMITED if window is None else window)

    def executor(self, watch: Watch | None = None) -> tuple[Executor, Callable[[], Awaitable[None]]]:
        """An executor with a connection pool of its own, and what closes the pool."""
        from pytest_benchmodels.engine.backoff import Backoff  # noqa: PLC0415 - a controller executes nothing
        from pytest_benchmodels.engine.execution import Executor  # noqa: PLC0415 - asyncio, for those who execute
        from pytest_benchmodels.providers import create  # noqa: PLC0415 - the same
        from pytest_benchmodels.providers.http import HttpPool  # noqa: PLC0415 - the same

        pool = HttpPool()
        made: dict[str, Provider] = {}

        def provider_for(model: Model) -> Provider:
            if model.id not in made:
                made[model.id] = create(model, pool, exemplar=graders.exemplar)
            return made[model.id]

        backoff = Backoff(self.settings.retries)
        executor = Executor(provider_for, backoff) if watch is None else Executor(provider_for, backoff, watch)
        return executor, pool.aclose

    def execute(self, run: Run) -> Result:
        """Execute one run on its own, for whoever calls an item outside our loop (a rerun plugin, a debugger)."""
        import asyncio  # noqa: PLC0415 - rare

        executor, close = self.executor()

        async def alone() -> Result:
            try:
                return await executor.execute(run)
            finally:
                await close()

        return asyncio.run(alone())

    def _read_file(self) -> ConfigFile:
        path = self.settings.config_file
        if path is None:
            return ConfigFile()
        try:
            return read_config(path)
        except ConfigError as error:
            raise pytest.UsageError(*str(error).splitlines()) from None


BENCH: pytest.StashKey[Bench] = pytest.StashKey()
