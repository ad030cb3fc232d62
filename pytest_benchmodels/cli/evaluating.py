"""What the reports of a run tell beside its results."""

from __future__ import annotations

from argparse import Namespace

from pytest_benchmodels.core.comparison import compare
from pytest_benchmodels.reports.bench_json import BenchRun
from pytest_benchmodels.reports.evaluation import Evaluation

from .rules import judge_all, read_rules
from .source import Source, open_source
from .survey import Survey

__all__ = ["evaluate"]

_PASSED, _FAILED, _INTERRUPTED = 0, 1, 2


def evaluate(source: Source, arguments: Namespace) -> Evaluation:
    """A run with what `--compare` and `--gate` ask of it. Raises `BenchError` for what is no rule or no run."""
    gates = read_rules(arguments.gate, "--compare", arguments.compare)
    survey = Survey(source.results())
    baseline, name = None, None
    if arguments.compare is not None:
        with open_source(arguments.compare, arguments.store) as other:
            baseline, name = Survey(other.results()), other.name
    verdicts = judge_all(gates, survey, baseline)
    held = all(verdict.held for verdict in verdicts) if verdicts else None
    return Evaluation(
        run=_bench_run(source, survey, held=held),
        figures=survey.figures(),
        gates=verdicts,
        ranking=survey.ranking(),
        comparison=compare(baseline.outcomes, survey.outcomes) if baseline is not None else None,
        baseline=name,
    )


def _bench_run(source: Source, survey: Survey, *, held: bool | None) -> BenchRun:
    """What is not stored is concluded: the exit status from the results or gates, the end from the last result's."""
    run = source.run
    ended_at = run.finished_at or survey.ended_at or run.started_at
    return BenchRun(
        started_at=run.started_at,
        duration_s=max(ended_at - run.started_at, 0.0),
        version=run.plugin_version,
        concurrency=survey.lanes,
        exit_status=_INTERRUPTED if run.state != "finished" else _status(survey, held),
        id=run.id,
    )


def _status(survey: Survey, held: bool | None) -> int:  # noqa: FBT001 - three-valued: None where there is no gate
    if held is None:
        held = all(outcome.status in {"passed", "skipped"} for outcome in survey.outcomes)
    return _PASSED if held else _FAILED
