"""What one session with --bench goes by: a plan made once, and what its hooks share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import NO_MODEL, Pool, lane_group, model_of_group
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.engine.breaker import CircuitBreaker
from pytest_benchmodels.engine.clocks import SessionClock
from pytest_benchmodels.engine.dispatch import Dispatch, Window
from pytest_benchmodels.engine.machine import Need, Shares, this_machine
from pytest_benchmodels.formats.configfile import ConfigFile, read_config
from pytest_benchmodels.plugin.options import Settings, read_settings
from pytest_benchmodels.plugin.session.models import HOW_TO_NAME_A_MODEL, Models
from pytest_benchmodels.plugin.session.progress import Progress
from pytest_benchmodels.plugin.session.scenario_files import ScenarioFiles
from pytest_benchmodels.plugin.session.user_models import usage_errors
from pytest_benchmodels.plugin.workers.messages import WorkerConfig

if TYPE_CHECKING:
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.store import Begun

__all__ = ["BENCH", "Bench", "LanePlan", "Wanted", "distant", "needs_one_machine"]

Key = TypeVar("Key", bound=Hashable)


class LanePlan:
    """Knows the models that were made ready: those of runs, and those that checks ask.

    `windows` tells of each group of lanes how many calls may be in flight, `pools` of which groups how many together.
    """

    def __init__(self, models: Models, concurrency: int) -> None:
        self._models = models
        self._concurrency = concurrency
        self.windows: dict[str, int] = {}
        self.pools: list[Pool] = []
        self._shares: Shares | None = None

    def add(self, models: Iterable[Model], asked: Iterable[Model]) -> None:
        """These models are going to answer, and these to judge."""
        models = list(models)
        needs = {model.id: Need(model.agent.cpus, model.agent.memory_mb) for model in models if model.agent is not None}
        if needs:
            self._shares = Shares(this_machine(), needs)
        self.windows.update({model.id: self.window_of(model) for model in models})
        self.windows.update({lane_group(model.id, "judge"): self.window_of(model) for model in asked})
        self.pools = list(self._pools())

    def window_of(self, model: Model) -> int:
        """How many calls of one purpose to a model may be in flight at most."""
        most = min(model.max_in_flight or self._concurrency, self._concurrency)
        by_machine = None if self._shares is None else self._shares.most_of(model.id)
        return most if by_machine is None else min(most, by_machine)

    def learn(self, result: Result) -> None:
        """A run has ended: what it took of the machine tells how many of its kind may be at work at once."""
        if self._shares is not None and result.work is not None and not result.cached:
            self._shares.learn(result.model, result.work.cpu_share, result.timing.duration_s)

    def dispatch(self) -> Dispatch[Key]:
        """An empty dispatch for these models; windows adapt where the user gave no limit."""
        windows = {
            group: Window(self.windows[group], fixed=bool(model.limits or model.max_in_flight))
            for group, model in self._groups().items()
        }
        return Dispatch(self._concurrency, windows, self.pools, self._shares)

    def _pools(self) -> Iterator[Pool]:
        """Groups that have a maximum in common: those of one account, and those of one model."""
        groups = self._groups()
        for pool in self._models.pools(groups.values()):
            yield Pool(tuple(group for group, model in groups.items() if model.id in pool.models), pool.most)
        for group, model in groups.items():
            if group != model.id and model.id in groups and model.max_in_flight is not None:
                yield Pool((model.id, group), model.max_in_flight)

    def _groups(self) -> dict[str, Model]:
        return {group: self._models.resolve(model_of_group(group)) for group in self.windows}


_WAYS = ("ssh", "vagrant_ssh", "socket")
_LOCAL = "use workers of this machine (-n)"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The models that runs need, each with the node id of the first that does.

    `runs` are those that answer, `asked` those that checks ask. Without `calls` nothing is going to be asked.
    `elsewhere` says where workers are that are on no process of this machine's.
    """

    runs: Mapping[str, str]
    asked: Mapping[str, str]
    calls: bool = True
    elsewhere: tuple[str, ...] = ()

    @classmethod
    def by(
        cls,
        runs: Iterable[tuple[str, str]],
        asked: Mapping[str, str],
        *,
        calls: bool = True,
        elsewhere: Iterable[str] = (),
    ) -> Self:
        """Those of runs, given by model and node id."""
        wanted: dict[str, str] = {}
        for model, nodeid in runs:
            wanted.setdefault(model, nodeid)
        return cls(wanted, asked, calls, tuple(elsewhere))


def _nothing() -> None:
    """Starts no server."""


def _keep_nothing(ended: Iterable[tuple[Scenario, Result]]) -> None:
    """In a worker: it hands its results to the controller, which keeps them."""


def _keep_nothing_begun(begun: Sequence[Begun]) -> None:
    """The same."""


def _foresee_nothing(models: Collection[str]) -> None:
    """In a worker: it judges no gates."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One process's part in a session.

    `sim_url` is where `sim/*` answers once `start_sim` was called; several processes may hold a Bench, one starts it.
    `worker_config` is what a worker was given, None in other processes. `resumed` is the id of the stored run that this
    session finishes. `keep_ahead` writes results that are about to be reported, `keep_begun` the
    answers so far of runs that go on. `foresee` is told which models are
    about to run, and raises `ConfigError` where a gate could never be judged. What changes while the session goes on is
    in `models` (what was looked up), `breaker`, `files`, `lanes` and `progress`, each of which has its own methods.
    """

    rootdir: Path
    settings: Settings
    file: ConfigFile
    clock: SessionClock
    sim_url: str
    models: Models
    breaker: CircuitBreaker
    files: ScenarioFiles
    lanes: LanePlan
    progress: Progress
    worker_config: WorkerConfig | None = None
    resumed: str | None = None
    start_sim: Callable[[], object] = _nothing
    keep_ahead: Callable[[Iterable[tuple[Scenario, Result]]], None] = _keep_nothing
    keep_begun: Callable[[Sequence[Begun]], None] = _keep_nothing_begun
    foresee: Callable[[Collection[str]], None] = _foresee_nothing

    @classmethod
    def of(
        cls,
        config: pytest.Config,
        sim_url: str,
        worker_config: WorkerConfig | None = None,
        start_sim: Callable[[], object] = _nothing,
    ) -> Self:
        """As options, ini and bench.toml have it; in a worker, as it was handed over."""
        settings = read_settings(config)
        file = worker_config.file if worker_config else _read_file(settings.config_file)
        models = Models(settings.models, file, sim_url, settings.config_file)
        return cls(
            rootdir=config.rootpath,
            settings=settings,
            file=file,
            clock=worker_config.clock.here() if worker_config else SessionClock.start(),
            sim_url=sim_url,
            models=models,
            breaker=CircuitBreaker(settings.budget_usd),
            files=ScenarioFiles(config, settings, file, models),
            lanes=LanePlan(models, settings.concurrency),
            progress=Progress(),
            worker_config=worker_config,
            resumed=worker_config.resumed if worker_config else None,
            start_sim=start_sim,
        )

    def prepare(self, wanted: Wanted) -> dict[str, Model]:
        """Make ready for models, and return those of runs by name; raise `pytest.UsageError` if one cannot run.

        With `--bench-regrade` none of them is called. What is not going to be called needs no key, and starts nothing.
        """
        if refusal := self.files.refusal():
            raise pytest.UsageError(refusal)
        if NO_MODEL in wanted.runs:
            raise pytest.UsageError(f"{HOW_TO_NAME_A_MODEL}{self._where_no_config_is()}")
        called = {*wanted.runs, *wanted.asked} if wanted.calls and not self.settings.reuse.regrade else set[str]()
        with usage_errors():
            known = self.models.resolve_all({**wanted.asked, **wanted.runs}, called)
            models = {name: known[name] for name in wanted.runs}
            self.foresee(models)
        if wanted.elsewhere and (problems := list(needs_one_machine(self, known.values()))):
            workers = ", ".join(wanted.elsewhere)
            raise pytest.UsageError(f"workers on other machines ({workers}) cannot run this:", *problems)
        if any(known[name].base_url == self.sim_url for name in called):
            self.start_sim()
        self.models.list_prices(known)
        self.lanes.add(models.values(), [known[name] for name in wanted.asked])
        return models

    def _where_no_config_is(self) -> str:
        """Any path among the arguments may make pytest choose another rootdir than its user expects."""
        return f" ({self.rootdir} has none)" if self.settings.config_file is None else ""


BENCH: pytest.StashKey[Bench] = pytest.StashKey()


def distant(specs: Iterable[Any]) -> list[str]:
    """The execnet specifications that start no process of this machine, such as `ssh=host`."""
    ways = (f"{way}={getattr(spec, way)}" for spec in specs for way in _WAYS if getattr(spec, way, None))
    return list(dict.fromkeys(ways))


def needs_one_machine(bench: Bench, models: Collection[Model]) -> Iterator[str]:
    """What would silently go wrong with workers on other machines, each with its remedy."""
    simulated = sorted(model.id for model in models if model.base_url == bench.sim_url)
    if simulated:
        yield f"{', '.join(simulated)}: the simulated provider answers on its own machine only; {_LOCAL}"
    commands = sorted(model.id for model in models if model.agent is not None)
    if commands:
        yield f"{', '.join(commands)}: a command-line agent is started on this machine only; {_LOCAL}"
    limited = sorted(model.id for model in models if model.limits)
    if limited and bench.file.limits is None:
        yield (
            f"{', '.join(limited)}: each machine would count rpm and tpm by itself; "
            f'share them by limits = "redis://..." in bench.toml'
        )
    if bench.settings.reuse:
        yield f"stored answers cannot be reused: the store is a file of this machine; {_LOCAL}"


def _read_file(path: Path | None) -> ConfigFile:
    if path is None:
        return ConfigFile()
    with usage_errors():
        file = read_config(path)
        if file.limits is not None:
            from pytest_benchmodels.engine.redis_limits import check_address  # noqa: PLC0415 - an extra

            try:
                check_address(file.limits)
            except ConfigError as error:
                raise ConfigError(f"{path.name}: {error}") from None
    return file
