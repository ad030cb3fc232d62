"""`--bench-plan`: what would run, and what it would take. Nothing is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.fingerprint import fingerprint
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.reports.plan import ModelPlan, plan_lines

from .collect import RunItem
from .compat import is_skipped

if TYPE_CHECKING:
    from pytest_benchmodels.store import Spending

    from .bench import Bench

__all__ = ["print_plan"]

_CHARACTERS_A_TOKEN = 4
_USUAL_OUTPUT = (16, 512)


@dataclass(frozen=True, slots=True)
class _Knowledge:
    """What the store tells of earlier runs: spending by scenario and model, answers by fingerprint."""

    spending: Mapping[tuple[str, str], Spending]
    stored: frozenset[str]


def print_plan(session: pytest.Session, bench: Bench) -> None:
    """Write the plan to the terminal."""
    items = [item for item in session.items if isinstance(item, RunItem) and not is_skipped(item)]
    models = bench.prepare(((item.model, item.nodeid) for item in items), calls=False)
    runs = [item.run() for item in items]
    known = _knowledge(bench, runs)
    plans = [
        _plan(bench, [run for run in runs if run.model.id == name], known, bench.window_of(model))
        for name, model in models.items()
    ]
    reporter: Any = session.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.section("benchmark plan")
        for line in plan_lines(plans):
            reporter.write_line(line)


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


def _plan(bench: Bench, runs: list[Run], known: _Knowledge, window: int) -> ModelPlan:
    """Add up one model's runs."""
    model = runs[0].model
    reuses = bool(bench.settings.reuse)
    tokens_in = tokens_least = tokens_most = 0.0
    durations: list[float] = []
    stored = 0
    for run in runs:
        stored += (is_stored := fingerprint(run) in known.stored)
        if is_stored and reuses:
            continue
        spending = known.spending.get((run.nodeid.rpartition("[")[0], model.id))
        used, least, most = _tokens(run, spending)
        tokens_in, tokens_least, tokens_most = tokens_in + used, tokens_least + least, tokens_most + most
        if spending is not None:
            durations.append(spending.duration_s)
    to_run = len(runs) - (stored if reuses else 0)
    return ModelPlan(
        model=model,
        runs=to_run,
        stored=stored,
        input_tokens=round(tokens_in),
        output_tokens=(round(tokens_least), round(tokens_most)),
        known_durations=tuple(durations),
        window=window,
    )


def _tokens(run: Run, spending: Spending | None) -> tuple[float, float, float]:
    """Input tokens, and the least and the most output tokens that are to be expected of one run."""
    written = sum(len(message.content) for turn in run.scenario.turns for message in turn.messages)
    guess = (written + len(run.scenario.system or "")) / _CHARACTERS_A_TOKEN
    params = {**run.model.params, **run.scenario.params}
    most = params.get("max_tokens")
    least_output, most_output = _USUAL_OUTPUT
    most_output = most if isinstance(most, int) else most_output
    if spending is None or spending.output_tokens is None:
        return guess, min(least_output, most_output), most_output
    used = spending.input_tokens if spending.input_tokens is not None else guess
    return used, spending.output_tokens, spending.most_output_tokens or spending.output_tokens
