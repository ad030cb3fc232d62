"""What the reports of a run tell beside its results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_benchmodels.core.comparison import compare_runs
from pytest_benchmodels.core.coverage import not_started
from pytest_benchmodels.core.gates import Gate
from pytest_benchmodels.core.session import Session
from pytest_benchmodels.core.verdict import judge_all
from pytest_benchmodels.reports.bench_json import BenchRun
from pytest_benchmodels.reports.evaluation import Evaluation

from .conditions import conditions
from .moments import is_time
from .source import Source
from .survey import Survey

__all__ = ["evaluate"]

_PASSED, _FAILED, _INTERRUPTED = 0, 1, 2


def evaluate(source: Source, gates: Sequence[Gate], before: Source | None) -> Evaluation:
    """A run, held against rules and, if there is one, the run before. Raises `BenchError` for one that is damaged."""
    survey = Survey(source.results(), source.run.sessions)
    coverage = source.coverage(survey.coverage)
    baseline = Survey(before.results()) if before is not None else None
    compared = baseline.measured() if baseline is not None else None
    comparison = compare_runs(conditions(before), conditions(source)) if before is not None else None
    verdicts = judge_all(gates, survey.measured(coverage), compared)
    held = all(verdict.held for verdict in verdicts) if verdicts else None
    return Evaluation(
        run=_bench_run(source, survey, held=held),
        figures=survey.figures(),
        gates=verdicts,
        ranking=survey.ranking(),
        comparison=comparison,
        baseline=before.name if before is not None else None,
        coverage=coverage,
        not_started=not_started(sorted(source.expected()), survey.outcomes),
        results=source.results,
    )


def _bench_run(source: Source, survey: Survey, *, held: bool | None) -> BenchRun:
    """What is not stored is concluded: the exit status from the results or gates, the time from that of the results.

    A run begins in the store when its first result comes in; the time between two of its sessions is not its own.
    """
    run = source.run
    times = [time for time in (run.started_at, survey.began_at) if time is not None and is_time(time)]
    began_at = min(times, default=0.0)
    ended_at = run.finished_at or survey.ended_at or began_at
    took_s = source.duration_s if source.duration_s is not None else ended_at - began_at - survey.idle_s
    return BenchRun(
        started_at=began_at,
        duration_s=max(took_s, 0.0),
        version=run.plugin_version,
        concurrency=survey.lanes,
        exit_status=_status(survey, held=held) if run.is_complete else _INTERRUPTED,
        id=run.id,
        shard=run.shard,
        sessions=tuple(map(_writable, run.sessions)),
    )


def _writable(session: Session) -> Session:
    return session if is_time(session.started_at) else replace(session, started_at=0.0)


def _status(survey: Survey, *, held: bool | None) -> int:
    """Of a session with these results; `held` is None where there is no gate."""
    if held is None:
        held = all(outcome.status in {"passed", "skipped"} for outcome in survey.outcomes)
    return _PASSED if held else _FAILED
