"""What one session with --bench shares between its hooks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from pytest_benchmodels import graders
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.grading import Grader
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import NO_MODEL
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.core.session import Pool, lane_group, model_of_group
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.engine.admission import Admission
from pytest_benchmodels.engine.clocks import SessionClock
from pytest_benchmodels.engine.dispatch import Dispatch, Window
from pytest_benchmodels.formats import FileFormat, LoadOptions, own_formats
from pytest_benchmodels.formats.configfile import ConfigFile, read_config
from pytest_benchmodels.plugin.options import Settings, read_settings
from pytest_benchmodels.plugin.session.models import HOW_TO_NAME_A_MODEL, Models
from pytest_benchmodels.plugin.session.user_models import answers
from pytest_benchmodels.plugin.terminal.progress import Progress
from pytest_benchmodels.plugin.workers.messages import Handover

if TYPE_CHECKING:
    from pytest_benchmodels.core.model import Model

__all__ = ["BENCH", "LEFT_OUT", "Bench", "distant", "left_out_line", "needs_one_machine", "usage_errors"]

_WAYS = ("ssh", "vagrant_ssh", "socket")
_LOCAL = "use workers of this machine (-n)"


def distant(specs: Iterable[Any]) -> list[str]:
    """Where those of execnet's specifications lead that start no process of this machine's: `ssh=host`."""
    ways = (f"{way}={getattr(spec, way)}" for spec in specs for way in _WAYS if getattr(spec, way, None))
    return list(dict.fromkeys(ways))


def needs_one_machine(bench: Bench, models: Collection[Model]) -> Iterator[str]:
    """What would silently go wrong there, each with its remedy."""
    simulated = sorted(model.id for model in models if model.base_url == bench.sim_url)
    if simulated:
        yield f"{', '.join(simulated)}: the simulated provider answers on its own machine only; {_LOCAL}"
    limited = sorted(model.id for model in models if model.limits)
    if limited and bench.file.limits is None:
        yield (
            f"{', '.join(limited)}: each machine would count rpm and tpm by itself; "
            f'share them by limits = "redis://..." in bench.toml'
        )
    if bench.settings.reuse:
        yield f"stored answers cannot be reused: the store is a file of this machine; {_LOCAL}"


LEFT_OUT = "benchmodels-left-out"
"""Under which a worker tells how many YAML files it left out."""

_REGISTRY_HOOKS = ("pytest_bench_models", "pytest_bench_providers")

Key = TypeVar("Key", bound=Hashable)


@contextmanager
def usage_errors() -> Generator[None]:
    """Let pytest show a configuration that cannot work as it shows a wrong option, each fault on a line of its own."""
    try:
        yield
    except ConfigError as error:
        raise pytest.UsageError(*str(error).splitlines()) from None


class Bench:
    """Settings, models, and who may still start.

    `sim_url` is where `sim/*` answers once `start_sim` was called; several processes may hold a Bench, one starts it.
    `handover` is what a worker was given, None in other processes. `resumed` is the id of the stored run that this
    session finishes. `clock` is the session's. `keep_ahead` writes results that are about to be reported. `windows`
    tells of each model that was made ready how many of its runs may be in flight, `pools` of which ones how many
    together: of answers, and of calls that judge. `foresee` is told which models are about to run, and raises
    `ConfigError` where a gate could never be judged. `asked_runs` is how many runs the files ask for that were
    collected, `left_out` how many YAML files were none of ours. `broken_folders` are those whose conftest.py files
    bring what is no format.
    """

    def __init__(
        self,
        config: pytest.Config,
        sim_url: str,
        start_sim: Callable[[], object] = lambda: None,
        handover: Handover | None = None,
    ) -> None:
        self._config = config
        self.sim_url = sim_url
        self._start_sim = start_sim
        self.handover = handover
        self.clock = handover.clock.here() if handover else SessionClock.start()
        self.resumed = handover.resumed if handover else None
        self.keep_ahead: Callable[[Iterable[tuple[Scenario, Result]]], None] = _keep_nothing
        self.foresee: Callable[[Collection[str]], None] = _foresee_nothing
        self.progress = Progress()
        self.windows: dict[str, int] = {}
        self.pools: list[Pool] = []
        self.distant_workers: list[str] = []
        self.asked_runs = 0
        self.left_out = 0
        self._load_options: dict[tuple[int, ...], LoadOptions] = {}
        self._own_formats: dict[Path, tuple[FileFormat, ...]] = {}
        self.broken_folders: set[Path] = set()
        self._tags: set[str] = set()
        self._has_started = False
        self.settings: Settings = read_settings(config)
        self.admission = Admission(self.settings.budget_usd)
        self.file = handover.file if handover else self._read_file()
        self.models = Models(self.settings.models, self.file, sim_url)

    def load_options(self, found: Iterable[Iterable[type[Grader]]]) -> LoadOptions:
        """What the loader needs for a file whose conftest.py files brought these checks; raises `ConfigError`."""
        extra = [grader for some in found for grader in _listed(some)]
        known = tuple(map(id, extra))  # of classes that the registry keeps alive; what is none may have no hash
        if known not in self._load_options:
            config = self._config
            base = self.settings.config_file.parent if self.settings.config_file else config.rootpath
            roots = (config.rootpath, config.invocation_params.dir, *self._named_folders())
            registry = graders.registry(extra)
            self._load_options[known] = LoadOptions(registry, self.file.allowed(base), tuple(dict.fromkeys(roots)))
        return self._load_options[known]

    def own_formats(self, session: pytest.Session, folder: Path) -> tuple[FileFormat, ...]:
        """The user's formats of files in a folder, by the conftest.py files that hold there; raises `ConfigError`."""
        if folder not in self._own_formats:
            self.broken_folders.add(folder)
            self._own_formats[folder] = own_formats(answers(session.gethookproxy(folder).pytest_bench_formats))
            self.broken_folders.discard(folder)
        return self._own_formats[folder]

    def is_scenario_file(self, path: PurePath, own: Iterable[FileFormat] | None = None) -> bool:
        """Whether a file is collected, by its name; `own` are the user's formats that hold there, else all known."""
        if any(map(path.match, self.settings.patterns)):
            return True
        known = own if own is not None else {one for some in self._own_formats.values() for one in some}
        return any(one.has(path) for one in known)

    def _named_folders(self) -> Iterator[Path]:
        """The folders of the command line's paths."""
        for argument in self._config.args:
            path = self._config.invocation_params.dir / argument.partition("::")[0]
            if path.exists():
                yield path if path.is_dir() else path.parent

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Take models and providers of the user's, and refuse what cannot be a check, a format or one of them.

        All before anything is collected, or a worker started. Of checks of deeper folders' conftest.py files that is
        told when their folder is collected.
        """
        self._has_started = True
        if any(getattr(self._config.hook, hook).get_hookimpls() for hook in _REGISTRY_HOOKS):
            from pytest_benchmodels.plugin.session.user_models import read_registry  # noqa: PLC0415 - for those who have such a hook

            with usage_errors():
                self.models.registry = read_registry(self._config)
        with usage_errors():
            for folder in dict.fromkeys((self._config.rootpath, *self._named_folders())):
                self.load_options(answers(session.gethookproxy(folder).pytest_bench_graders))
                self.own_formats(session, folder)

    def pytest_plugin_registered(self, plugin: object) -> None:
        """Remember a conftest.py that comes too late: no worker's controller would know its models."""
        if self._has_started and any(hasattr(plugin, hook) for hook in _REGISTRY_HOOKS):
            from pytest_benchmodels.plugin.session.user_models import late_note  # noqa: PLC0415 - rare

            self.models.late_note = late_note(plugin, self._config)

    def register_tags(self, tags: Iterable[str]) -> None:
        """Let tags be markers: `--strict-markers` is for typing errors in tests, a scenario's tags are data."""
        for tag in tags:
            if tag not in self._tags:
                self._tags.add(tag)
                self._config.addinivalue_line("markers", f"{tag}: tag of a scenario")

    def ask_for(self, runs: int) -> str | None:
        """Count runs before they are made; say why they must not be, if that is so."""
        self.asked_runs += runs
        return self._refusal()

    def _refusal(self) -> str | None:
        if self.asked_runs <= self.settings.max_runs:
            return None
        return (
            f"this session would have {self.asked_runs:,} runs, more than {self.settings.max_runs:,}: lower `repeat` "
            f"or --bench-repeat, name fewer models or files, or allow it with --bench-max-runs {self.asked_runs}"
        )

    def prepare(
        self, runs: Iterable[tuple[str, str]], *, calls: bool = True, asked: Mapping[str, str] | None = None
    ) -> dict[str, Model]:
        """Make ready for the models of runs, given by model and node id; raise `pytest.UsageError` if one cannot run.

        `asked` are those that checks ask, each with a node id: answers that are judged afresh need them, too. Without
        `calls`, and with `--bench-regrade`, none is going to be called: they need no key, and nothing is started.
        """
        if refusal := self._refusal():
            raise pytest.UsageError(refusal)
        asked = asked or {}
        wanted: dict[str, str] = {}
        for model, nodeid in runs:
            wanted.setdefault(model, nodeid)
        if NO_MODEL in wanted:
            raise pytest.UsageError(f"{HOW_TO_NAME_A_MODEL}{self._where_no_config_is()}")
        called = {*wanted, *asked} if calls and not self.settings.reuse.regrade else set[str]()
        with usage_errors():
            known = self.models.resolve_all({**asked, **wanted}, called)
            models = {name: known[name] for name in wanted}
            self.foresee(models)
        if self.distant_workers:
            self._refuse_what_needs_one_machine(known.values())
        if any(known[name].base_url == self.sim_url for name in called):
            self._start_sim()
        self.models.list_prices(known)
        self.windows.update({model.id: self.window_of(model) for model in models.values()})
        self.windows.update({lane_group(name, "judge"): self.window_of(known[name]) for name in asked})
        self.pools = list(self._lane_pools())
        return models

    def _refuse_what_needs_one_machine(self, models: Collection[Model]) -> None:
        problems = list(needs_one_machine(self, models))
        if problems:
            workers = ", ".join(self.distant_workers)
            raise pytest.UsageError(f"workers on other machines ({workers}) cannot run this:", *problems)

    def _where_no_config_is(self) -> str:
        """Any path among the arguments may make pytest choose another rootdir than its user expects."""
        return f" ({self._config.rootpath} has none)" if self.settings.config_file is None else ""

    def dispatch(self) -> Dispatch[Key]:
        """An empty dispatch for the models that were made ready; windows adapt where the user gave no limit."""
        groups = self._lane_groups()
        windows = {
            group: Window(self.windows[group], fixed=bool(model.limits or model.max_in_flight))
            for group, model in groups.items()
        }
        return Dispatch(self.settings.concurrency, windows, self.pools)

    def _lane_pools(self) -> Iterator[Pool]:
        """Which groups of lanes have a maximum in common: those of one account, and those of one model."""
        groups = self._lane_groups()
        for pool in self.models.pools(groups.values()):
            yield Pool(tuple(group for group, model in groups.items() if model.id in pool.models), pool.most)
        for group, model in groups.items():
            if group != model.id and model.id in groups and model.max_in_flight is not None:
                yield Pool((model.id, group), model.max_in_flight)

    def _lane_groups(self) -> dict[str, Model]:
        return {group: self.models.resolve(model_of_group(group)) for group in self.windows}

    def window_of(self, model: Model) -> int:
        """How many runs of a model may be in flight at most."""
        most = self.settings.concurrency
        return min(model.max_in_flight or most, most)

    def _read_file(self) -> ConfigFile:
        path = self.settings.config_file
        if path is None:
            return ConfigFile()
        with usage_errors():
            file = read_config(path)
            if file.limits is not None:
                from pytest_benchmodels.engine.limits.redis import check_address  # noqa: PLC0415 - an extra

                try:
                    check_address(file.limits)
                except ConfigError as error:
                    raise ConfigError(f"{path.name}: {error}") from None
        return file


def _listed(returned: object) -> Iterable[Any]:
    """What one `pytest_bench_graders` returned; `ConfigError` for what is no list."""
    if isinstance(returned, type) or not isinstance(returned, Iterable):
        rule = "give a list of Grader classes, such as [Polite]"
        raise ConfigError(f"pytest_bench_graders returned {quote(returned)}: {rule}")
    return returned


def _keep_nothing(ended: Iterable[tuple[Scenario, Result]]) -> None:
    """A worker hands its results over; what keeps them is elsewhere."""


def _foresee_nothing(models: Collection[str]) -> None:
    """A worker judges nothing."""


BENCH: pytest.StashKey[Bench] = pytest.StashKey()


def left_out_line(count: int) -> str:
    """What became of YAML files that hold no scenarios, and what to do where one of them should."""
    files, them = ("1 YAML file", "it") if count == 1 else (f"{count} YAML files", "them")
    return f"bench: left out {files} without a key of a scenario file; name {them} to see why, or set bench_files"
