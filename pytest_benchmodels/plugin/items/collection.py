"""Scenario files and runs as pytest collects them, and a run's failure as pytest shows it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, cast

import pytest

from pytest_benchmodels import formats
from pytest_benchmodels.core.errors import ConfigError, ScenarioFileError
from pytest_benchmodels.core.result import Result, Status
from pytest_benchmodels.core.run import NO_MODEL, Run, run_name
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.core.text import harmless
from pytest_benchmodels.plugin.compat import drop_unused, has_own, location_name, made_on_demand, node_id, skip_here
from pytest_benchmodels.plugin.options import Settings
from pytest_benchmodels.plugin.session.bench import BENCH
from pytest_benchmodels.reports.failure import failure_headline, failure_text
from pytest_benchmodels.reports.units import junit_properties, one_line, plural

__all__ = [
    "CallSpec",
    "CrashLine",
    "FailureRepr",
    "LateAnswerError",
    "NoAnswerError",
    "RunItem",
    "ScenarioFile",
    "WrongAnswerError",
    "asked_models",
    "with_trials",
]


@dataclass(frozen=True, slots=True)
class CrashLine:
    """Where the scenario stands and why its run failed, for `--tb=line`, the short summary and JUnit's message."""

    path: str
    lineno: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.lineno}: {self.message}"


@dataclass(frozen=True, slots=True)
class FailureRepr:
    """Stands where pytest has an exception with its traceback, of which it is the part that has one: `reprcrash`.

    `style` is the session's `--tb`.
    """

    text: str
    reprcrash: CrashLine
    style: str = "auto"

    @classmethod
    def of(cls, result: Result, location: tuple[str, int | None, str], config: pytest.Config) -> FailureRepr:
        """The failure of a run whose item is at this location, whose line counts from 0."""
        path, line, _ = location
        style = config.getoption("tbstyle", "auto")  # `-p no:terminal` leaves none
        headline = failure_headline(result)
        return cls(failure_text(result, headline), CrashLine(path, (line or 0) + 1, headline), style)

    def toterminal(self, terminal: Any) -> None:
        """Write the whole text; nothing where `--tb=line` shows the one line in its place."""
        if self.style != "line":
            terminal.line(self.text)

    def __str__(self) -> str:
        return self.text


_ALLOW_CODE = "code of answers is not run unless you allow it: give --bench-allow-code"
_ALLOW_COMMANDS = "commands are not run unless you allow it: give --bench-allow-commands"


def _skipped_unless_allowed(scenario: Scenario, settings: Settings, *, is_command: bool) -> Scenario:
    """Skip what needs a right that nobody gave: others of its file run, and its models cost nothing.

    `is_command`: its model is a command-line agent.
    """
    if scenario.skip is not None:
        return scenario
    if not settings.allow_commands and (is_command or scenario.workspace is not None):
        return replace(scenario, skip=_ALLOW_COMMANDS)
    return scenario if settings.allow_code or not scenario.runs_code else replace(scenario, skip=_ALLOW_CODE)


_INDICES = MappingProxyType({"model": 0, "trial": 0})


@dataclass(frozen=True, slots=True)
class CallSpec:
    """The parameters of one run: its `model` and its `trial`.

    pytest itself asks each item that has a `callspec` which parameters belong to a fixture of a wider scope, by names
    that are private to it: none does. `tests/plugin/test_plugin_others.py` watches it.
    """

    params: Mapping[str, object]

    @property
    def id(self) -> str:
        """As pytest joins parameters."""
        return "-".join(map(str, self.params.values()))

    @property
    def indices(self) -> Mapping[str, int]:
        """Empty: no two runs have a parameter in common."""
        return _INDICES

    @property
    def _arg2scope(self) -> Mapping[str, object]:
        return _scopes()


@cache
def _spec_of(model: str, trial: int) -> CallSpec:
    """One for all runs of a model: a dictionary for each of 100,000 would be a tenth of what they take."""
    return CallSpec({"model": model, "trial": trial})


@cache
def _scopes() -> Mapping[str, object]:
    """What pytest asks for four times of each item: made anew, they would cost a tenth of collecting."""
    from _pytest.scope import Scope  # noqa: PLC0415 - see above

    return MappingProxyType(dict.fromkeys(_INDICES, Scope.Function))


_REASON_LIMIT = 500
_NOT_COUNTED = (".json", ".jsonl")  # data, mostly: nobody expects scenarios in them


class _OutcomeError(Exception):
    """Carries a run's end through pytest's protocol; its text is for a reader."""

    def __init__(self, shown: FailureRepr) -> None:
        super().__init__(shown.text)
        self.shown = shown


class WrongAnswerError(_OutcomeError, AssertionError):
    """A check failed, or the score is below the threshold. Tools that tell `failed` from `broken` call it failed."""


class LateAnswerError(_OutcomeError, AssertionError):
    """No final answer came within the limit. pytest counts it as failed, and so do those tools."""


class NoAnswerError(_OutcomeError):
    """No answer that could be graded."""


class ScenarioFile(pytest.File):
    """One scenario file. A file that is wrong is a collection error of its own; the others go on."""

    def collect(self) -> Iterator[RunItem]:
        bench = self.config.stash[BENCH]
        as_typed = harmless(self._path_from(self.config.invocation_params.dir))
        try:
            own = bench.files.own_formats(self.session, self.path.parent)
            use = bench.files.templates.use_of(self.path)
            options = replace(bench.files.load_options(self.ihook), own=own, ze_use=use)
            scenarios = formats.load(self.path, as_typed, options, named=self.session.isinitpath(self.path))
        except (ConfigError, ScenarioFileError) as error:
            raise self.CollectError(str(error)) from None
        except pytest.fail.Exception as error:  # in a reader of the user's
            raise self.CollectError(f"{as_typed}:1: its reader failed: {one_line(str(error), _REASON_LIMIT)}") from None
        is_data = self.path.suffix.lower() in _NOT_COUNTED or any(known.has(self.path) for known in own)
        if scenarios is None and not is_data:
            bench.files.left_out += 1
        asked = sum(len(self._models(scenario)) * self._trials(scenario) for scenario in scenarios or ())
        if refusal := bench.files.ask_for(asked):
            raise self.CollectError(f"{as_typed}: asks for {plural(asked, 'run')}; {refusal}")
        for scenario in scenarios or ():
            bench.files.register_tags(scenario.tags)
            yield from self._items(scenario)

    def _models(self, scenario: Scenario) -> tuple[str, ...]:
        return self.config.stash[BENCH].models.named_for(scenario.models) or (NO_MODEL,)

    def _trials(self, scenario: Scenario) -> int:
        return self.config.stash[BENCH].settings.repeat or scenario.repeat or 1

    def _items(self, scenario: Scenario) -> Iterator[RunItem]:
        trials, bench = self._trials(scenario), self.config.stash[BENCH]
        for model in self._models(scenario):
            is_command = bench.models.is_command(model)
            allowed = _skipped_unless_allowed(scenario, bench.settings, is_command=is_command)
            for trial in range(1, trials + 1):
                name = run_name(scenario.id, model, trial if trials > 1 else None)
                # Composed by pytest, it would differ from the same text read back from the cache (`--lf`, `--sw`).
                nodeid = node_id(self._file_id, scenario.id, name)
                yield RunItem.from_parent(self, name=name, nodeid=nodeid, scenario=allowed, model=model, trial=trial)

    @cached_property
    def path_from_rootdir(self) -> str:
        """As it stands in locations of reports."""
        return self._path_from(self.config.rootpath)

    @cached_property
    def _file_id(self) -> str:
        """The file's part of node ids, by which controllers know runs; pytest has none for a file outside rootdir."""
        if PurePosixPath(self.nodeid).name == self.path.name:
            return self.nodeid
        return Path(self.path_from_rootdir).as_posix()

    def _path_from(self, folder: Path) -> str:
        try:
            return os.path.relpath(self.path, folder)
        except ValueError:  # another drive
            return str(self.path)


class RunItem(pytest.Item):
    """One run. `setup` obtains the Result (our loop has it already), `call` says what it is.

    There may be 100,000 of them, and each worker has all. So what pytest gives each of its items, and hardly any has a
    use for, is made only when somebody asks for it.
    """

    __hash__ = object.__hash__  # pytest compares items by it, and would work it out from the node id each time
    cls = None  # pytest asks it of whatever has a `callspec`
    _parallel_custom_item = True  # pytest-run-parallel is to leave it alone, and asks for this

    def __init__(self, *, scenario: Scenario, model: str, trial: int, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type] # pytest's own keywords, passed through
        drop_unused(self)
        self.scenario = scenario
        self.model = model
        self.trial = trial
        self.callspec = _spec_of(model, trial)
        self.result: Result | None = None
        self._earlier: Result | None = None
        self._untold: Result | None = None
        for tag in scenario.tags:
            self.add_marker(tag)
        if scenario.skip is not None:
            self.add_marker(pytest.mark.skip(reason=scenario.skip))
        if scenario.xfail is not None:
            # Only a wrong answer is what the author expects; an error or a timeout stays one.
            self.add_marker(pytest.mark.xfail(reason=scenario.xfail, raises=WrongAnswerError))

    def __getattr__(self, name: str) -> Any:
        """Make what was not there; see the class."""
        value = made_on_demand(self, name)
        setattr(self, name, value)
        return value

    def iter_markers_with_node(self, name: str | None = None) -> Iterator[tuple[Any, pytest.Mark]]:
        """The same as pytest's, which would make a list for each run that has no marks of its own."""
        if self.parent is None or has_own(self, "own_markers"):
            return super().iter_markers_with_node(name)
        return self.parent.iter_markers_with_node(name)

    @property
    def user_model(self) -> str:
        """The model that plays the user of this run; empty where nobody can ask one, as a command-line agent cannot."""
        user = self.scenario.user_model
        return "" if user and self.config.stash[BENCH].models.is_command(self.model) else user

    def run(self) -> Run:
        """What the engine needs to know."""
        bench = self.config.stash[BENCH]
        model = bench.models.resolve(self.model)
        limits = (self.scenario.timeout_s, model.timeout_s, bench.settings.timeout_s)
        limit = next(limit for limit in limits if limit is not None)
        return Run(self.nodeid, self.scenario, model, self.trial, limit or None)

    def conclude(self, result: Result) -> None:
        """Take the Result, and give JUnit its properties: pytest copies them into each of the item's reports."""
        self.take(result)
        self.tell()

    def take(self, result: Result) -> None:
        """Take the Result. Its properties wait for `tell`, since nobody may want them.

        Where a plugin reruns the item, all its runs are paid: the last one's account adds up all of them. JUnit has a
        test case for each run, which tells what that one took. A rerun for which no money is left gives no verdict: the
        earlier one stands.
        """
        self.result = told = result
        if self._earlier is not None:
            if result.error is not None and result.error.kind == "budget":
                self.result, told = self._earlier, self._earlier.unpaid()
            else:
                self.result = result.again_after(self._earlier)
        self._untold = told

    def tell(self) -> None:
        """Put the properties of the Result that was taken last where pytest looks for them."""
        if self._untold is not None:
            self.user_properties[:] = [*self._properties_of_others(), *junit_properties(self._untold)]
            self._untold = None

    def setup(self) -> None:
        if self.config.option.setuponly:
            return
        if self.result is None:
            from pytest_benchmodels.plugin.loop.assembly import execute_alone  # noqa: PLC0415 - our own loop has the result already

            self.conclude(execute_alone(self.config.stash[BENCH], self.run()))
        if self.result is not None and self.result.status == "skipped":
            raise skip_here(one_line(self.result.error.message, _REASON_LIMIT) if self.result.error else "")
        self._raise_if("error", NoAnswerError)

    def runtest(self) -> None:
        self._raise_if("failed", WrongAnswerError)
        self._raise_if("timeout", LateAnswerError)

    def teardown(self) -> None:
        """Let the Result go: a plugin that runs the item again wants another one."""
        if self.result is not None and self.result.status != "passed":
            self._earlier = self.result
        self.result = None

    def _raise_if(self, status: Status, error: type[_OutcomeError]) -> None:
        if self.result is not None and self.result.status == status:
            raise error(FailureRepr.of(self.result, self.location, self.config))

    def failure(self) -> FailureRepr | None:
        """How the Result is shown if it is no success."""
        if self.result is None or self.result.status not in ("failed", "timeout", "error"):
            return None
        return FailureRepr.of(self.result, self.location, self.config)

    def forget(self) -> None:
        """Let go of the Result and of what was made of it: pytest keeps items to the end."""
        self.result = self._untold = None
        vars(self).pop("location", None)
        if has_own(self, "user_properties"):
            self.user_properties[:] = self._properties_of_others()

    def _properties_of_others(self) -> list[tuple[str, object]]:
        return [pair for pair in self.user_properties if not pair[0].startswith("bench.")]

    def _repr_failure_py(  # type: ignore[override] # a text for a reader instead of a traceback
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> object:
        """Private to pytest, and all that it asks of a failed setup; `repr_failure`, for the call, comes here too.

        Replacing the text later would leave the traceback to be made: 40 ms for each error of an outage.
        """
        raised = excinfo.value
        return raised.shown if isinstance(raised, _OutcomeError) else super()._repr_failure_py(excinfo, style)

    @cached_property
    def location(self) -> tuple[str, int | None, str]:
        """The same as pytest's, which works out the file's path anew for each item."""
        _, line, name = self.reportinfo()
        return cast("ScenarioFile", self.parent).path_from_rootdir, line, name

    def reportinfo(self) -> tuple[Path, int | None, str]:
        _, _, line = self.scenario.source.rpartition(":")
        return self.path, int(line) - 1 if line.isdigit() else None, location_name(self.name)


def with_trials(items: list[pytest.Item]) -> list[pytest.Item]:
    """The same items, with a further trial in the place of each run that stands there already."""
    counts = Counter(item.nodeid for item in items if isinstance(item, RunItem))
    if len(counts) == counts.total():
        return items
    taken = set(counts)
    seen: set[str] = set()
    distinct: list[pytest.Item] = []
    for item in items:
        if isinstance(item, RunItem) and item.nodeid in seen:
            distinct.append(_further_trial(item, taken))
        else:
            distinct.append(item)
        seen.add(item.nodeid)
    return distinct


def _further_trial(item: RunItem, taken: set[str]) -> RunItem:
    """The same run under the next number that is free."""
    file_id = item.nodeid.removesuffix(item.name)
    trial = max(item.trial, 1)
    while True:
        trial += 1
        name = run_name(item.scenario.id, item.model, trial)
        if f"{file_id}{name}" not in taken:
            break
    taken.add(f"{file_id}{name}")
    options = {"scenario": item.scenario, "model": item.model, "trial": trial}
    file: Any = item.parent
    further: RunItem = RunItem.from_parent(file, name=name, nodeid=f"{file_id}{name}", **options)
    # Marks that others gave it, a skip among them, hold for all of them.
    further.own_markers[:] = item.own_markers
    further.keywords.update({key: value for key, value in item.keywords.items() if key != item.name})
    return further


def asked_models(runs: Iterable[RunItem]) -> dict[str, str]:
    """The models that runs ask as judges or as users, each with the node id of the first that does."""
    asked: dict[str, str] = {}
    seen: set[int] = set()
    for run in runs:
        if id(run.scenario) not in seen:  # the same for each model and trial
            seen.add(id(run.scenario))
            for name in run.scenario.asked_models:
                asked.setdefault(name, run.nodeid)
        if user := run.user_model:
            asked.setdefault(user, run.nodeid)
    return asked
