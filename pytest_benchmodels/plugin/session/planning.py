"""`--bench-plan`: what would run, and what it would take. Nothing is called."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.fingerprint import fingerprint
from pytest_benchmodels.core.message import Usage, prompt_tokens
from pytest_benchmodels.core.model import Model, bill, cost
from pytest_benchmodels.core.run import Run, scenario_of
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.plugin.compat import is_skipped
from pytest_benchmodels.plugin.items.collection import RunItem, asked_models
from pytest_benchmodels.plugin.session.bench import Bench, Wanted
from pytest_benchmodels.reports.plan import AskedPlan, ModelPlan, plan_lines

if TYPE_CHECKING:
    from pytest_benchmodels.store import Spending

__all__ = ["print_plan"]

_USUAL_OUTPUT = (16, 512)
_USUAL_VERDICT = (20, 300)
"""Tokens of a judge's reply: a sentence of reasons, or a page of them, and the verdict."""


@dataclass(frozen=True, slots=True)
class _Knowledge:
    """What the store tells of earlier runs: spending by scenario and model, answers by fingerprint."""

    spending: Mapping[tuple[str, str], Spending]
    stored: frozenset[str]


def print_plan(session: pytest.Session, bench: Bench) -> None:
    """Write the plan to the terminal."""
    items = [item for item in session.items if isinstance(item, RunItem) and not is_skipped(item)]
    asked = asked_models(items)
    models = bench.prepare(Wanted.by(((item.model, item.nodeid) for item in items), asked, calls=False))
    runs = [item.run() for item in items]
    known = _knowledge(bench, runs)
    plans = [
        _plan(bench, [run for run in runs if run.model.id == name], known, bench.lanes.window_of(model))
        for name, model in models.items()
    ]
    reporter: Any = session.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.section("benchmark plan")
        asked_plans = [] if bench.settings.reuse.regrade else [*_users(items), *_asked(bench, runs, known)]
        for line in plan_lines(plans, asked_plans):
            reporter.write_line(line)


class _Asked:
    """Adds up what checks would ask one model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._runs = 0
        self._calls: int | None = 0
        self._ends: tuple[list[float], list[float]] | None = ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0])

    def add(self, calls: int | None) -> None:
        """Count a run whose checks ask it so often."""
        self._runs += 1
        self._calls = None if self._calls is None or calls is None else self._calls + calls

    def add_calls(self, calls: int | None, sent: tuple[float, int] | None, answer: tuple[int, int]) -> None:
        """Count what one of the run's checks would send and get; `answer` is how many tokens it judges."""
        if self._ends is None or calls is None or sent is None:
            self._ends = None
            return
        most = self._model.params.get("max_tokens")
        replies = [min(usual, most) if isinstance(most, int) else usual for usual in _USUAL_VERDICT]
        for end, reply, length in zip(self._ends, replies, answer, strict=True):
            usage = Usage(math.ceil(sent[0] + sent[1] * length), reply)
            took = (usage.input_tokens or 0, reply, cost(self._model.price, usage).known_usd)
            end[:] = [before + calls * more for before, more in zip(end, took, strict=True)]

    def plan(self) -> AskedPlan:
        """The sum."""
        if self._ends is None:
            return AskedPlan(self._model.id, self._runs, self._calls)
        (least_in, least_out, least), (most_in, most_out, most) = self._ends
        sent, given = (round(least_in), round(most_in)), (round(least_out), round(most_out))
        priced = None if self._model.price is None else (least, most)
        return AskedPlan(self._model.id, self._runs, self._calls, sent, given, priced)


def _users(items: Iterable[RunItem]) -> Iterator[AskedPlan]:
    """The models that play users. How often one is asked, its run's model decides."""
    for name, runs in Counter(item.user_model for item in items if item.user_model).items():
        yield AskedPlan(name, runs, None, is_user=True)


def _asked(bench: Bench, runs: Iterable[Run], known: _Knowledge) -> list[AskedPlan]:
    """What checks would ask, model by model."""
    asked: dict[str, _Asked] = {}
    told: dict[int, list[tuple[str, int | None, tuple[float, int] | None]]] = {}
    for run in runs:
        scenario = run.scenario
        for name, calls in scenario.asked_calls.items():
            asked.setdefault(name, _Asked(bench.models.resolve(name))).add(calls)
        if scenario.asked_models:
            spending = known.spending.get((scenario_of(run.nodeid), run.model.id))
            expected = _expected(run, spending)
            answer = (expected.least.output_tokens or 0, expected.most.output_tokens or 0)
            if id(scenario) not in told:  # the same for each model and trial
                told[id(scenario)] = list(_told_calls(scenario))
            for name, calls, sent in told[id(scenario)]:
                asked[name].add_calls(calls, sent, answer)
    return [each.plan() for each in asked.values()]


def _told_calls(scenario: Scenario) -> Iterator[tuple[str, int | None, tuple[float, int] | None]]:
    """What each check would ask each model: how often, and what it would send, None where it does not tell."""
    for check in scenario.all_checks:
        calls = check.grader.asked_calls()
        try:
            sent = check.grader.asked_tokens(scenario) if calls else None
        except Exception:  # noqa: BLE001 - a grader may be anybody's: what it cannot tell is not known
            sent = None
        for name in check.grader.asked_models():
            yield name, calls.get(name), sent


def _knowledge(bench: Bench, runs: Iterable[Run]) -> _Knowledge:
    path = bench.settings.store
    if path is None or not path.exists():
        return _Knowledge({}, frozenset())
    from pytest_benchmodels.store import Store  # noqa: PLC0415 - only where there is one

    try:
        with Store.open_to_read(path) as store:
            stored = store.responses.find_all(map(fingerprint, runs))
            return _Knowledge(store.results.spending(), frozenset(stored))
    except StoreError as error:
        raise pytest.UsageError(f"--bench-plan: {error}") from None


@dataclass(frozen=True, slots=True)
class _Expected:
    """What one run is expected to take: at least, and at most."""

    least: Usage
    most: Usage


def _plan(bench: Bench, runs: list[Run], known: _Knowledge, window: int) -> ModelPlan:
    """Add up one model's runs."""
    model = runs[0].model
    reuses = bool(bench.settings.reuse)
    expected: list[_Expected] = []
    durations: list[float] = []
    stored = 0
    for run in runs:
        stored += (is_stored := fingerprint(run) in known.stored)
        if is_stored and reuses:
            continue
        spending = known.spending.get((scenario_of(run.nodeid), model.id))
        expected.append(_expected(run, spending))
        if spending is not None:
            durations.append(spending.duration_s)
    least = bill(model.price, [run.least for run in expected])
    most = bill(model.price, [run.most for run in expected])
    return ModelPlan(
        model=model,
        runs=len(expected),
        stored=stored,
        input_tokens=least.known_usage.input_tokens or 0,
        output_tokens=(least.known_usage.output_tokens or 0, most.known_usage.output_tokens or 0),
        known_durations=tuple(durations),
        window=window,
        cost_usd=None if model.price is None else (least.known_cost_usd, most.known_cost_usd),
    )


def _expected(run: Run, spending: Spending | None) -> _Expected:
    """What one run takes: by what the scenario took before, else by its text.

    At least: what was in the provider's cache is there again. At most: all of that is written to it anew.
    """
    guess = math.ceil(sum(map(prompt_tokens, run.scenario.asked)))
    params = {**run.model.params, **run.scenario.params}
    most = params.get("max_tokens")
    least_output, most_output = _USUAL_OUTPUT
    most_output = most if isinstance(most, int) else most_output
    if spending is None or spending.output_tokens is None:
        return _Expected(Usage(guess, min(least_output, most_output)), Usage(guess, most_output))
    used = round(spending.input_tokens) if spending.input_tokens is not None else guess
    read, kept = round(spending.cached_input_tokens or 0), round(spending.cache_write_tokens or 0)
    in_cache = Usage(used, round(spending.output_tokens), cached_input_tokens=read, cache_write_tokens=kept)
    most_output = spending.most_output_tokens or round(spending.output_tokens)
    return _Expected(in_cache, Usage(used, most_output, cache_write_tokens=read + kept))
