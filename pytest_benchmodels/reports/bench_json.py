"""`--bench-json`: the whole outcome for programs.

    {"schema_version": 1, "run": {...}, "models": [...], "gates": [...], "comparison": {...}, "results": [...]}

Names and units stay as they are within a schema version; fields may be added. What is not known is null, and so is what
JSON cannot say (NaN, infinity).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from pytest_benchmodels.core.intervals import Interval
from pytest_benchmodels.core.metrics import ModelFigures
from pytest_benchmodels.core.result import Result, to_plain
from pytest_benchmodels.core.session import Session
from pytest_benchmodels.core.text import well_formed

from .comparison import comparison_plain
from .files import replacing
from .gates import gate_plain
from .units import utc

if TYPE_CHECKING:
    from .evaluation import Evaluation

__all__ = ["SCHEMA_VERSION", "BenchRun", "write_bench_json", "write_json"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class BenchRun:
    """What the results do not tell of the run as a whole.

    `started_at` is in seconds since the epoch, `duration_s` the session's, `concurrency` scenarios at once, and
    `exit_status` pytest's. `id` is the store's name for this run, None without a store; `shard` is `I/N`, None for a
    whole. `sessions` are those that worked on it, in the order in which `Result.session` counts them from 1 on.
    """

    started_at: float
    duration_s: float
    version: str
    concurrency: int
    exit_status: int
    id: str | None = None
    shard: str | None = None
    sessions: tuple[Session, ...] = ()


def write_bench_json(path: Path, evaluation: Evaluation, results: Iterable[Result]) -> None:
    """Write the document to a file, which appears when it is complete. Raises `ConfigError` if it cannot be written."""
    with replacing(path, "--bench-json") as stream:
        write_json(stream, evaluation, results)


def write_json(stream: BinaryIO, evaluation: Evaluation, results: Iterable[Result]) -> None:
    """Write the document, one result after another: it is never in memory as a whole."""
    stream.write(b'{"schema_version":%d,\n"run":' % SCHEMA_VERSION)
    stream.write(_encode(_run(evaluation)))
    stream.write(b',\n"models":')
    _write_array(stream, map(_model, evaluation.figures.models))
    stream.write(b',\n"gates":')
    _write_array(stream, map(gate_plain, evaluation.gates))
    stream.write(b',\n"comparison":')
    stream.write(_encode(_comparison(evaluation)))
    stream.write(b',\n"results":')
    _write_array(stream, map(_result, results))
    stream.write(b"}\n")


def _run(evaluation: Evaluation) -> dict[str, object]:
    run, figures, coverage = evaluation.run, evaluation.figures, evaluation.coverage
    return {
        "id": run.id,
        "shard": run.shard,
        "started_at": utc(run.started_at),
        "duration_s": run.duration_s,
        "plugin_version": run.version,
        "concurrency": run.concurrency,
        "exit_status": run.exit_status,
        "scenarios": figures.scenarios,
        "models": len(figures.models),
        "trials": figures.trials,
        "runs": figures.runs,
        "planned": dict(coverage.models) if coverage is not None else None,
        "not_started": list(evaluation.not_started),
        "statuses": figures.statuses,
        "cached": figures.cached,
        "scenarios_per_min": figures.scenarios_per_min,
        "model_runs_per_min": figures.runs_per_min,
        "makespan_s": figures.makespan_s,
        "lower_bound_s": figures.lower_bound_s,
        "sessions": [
            {**msgspec.to_builtins(session), "started_at": utc(session.started_at)} for session in run.sessions
        ],
    }


def _model(model: ModelFigures) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(model)
    del plain["effects"]
    for figure in ("score", "p50", "p95"):
        del plain[f"{figure}_interval"]
    return {
        **plain,
        "cost_per_passed_usd": model.cost_per_passed_usd,
        "graded": model.graded,
        "rate": model.rate,
        "rate_ci95": _ends(model.interval),
        "score_ci95": _ends(model.score_interval),
        "p50_ci95": _ends(model.p50_interval),
        "p95_ci95": _ends(model.p95_interval),
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return [interval.low, interval.high] if interval else None


def _comparison(evaluation: Evaluation) -> dict[str, object] | None:
    comparison = evaluation.comparison
    return None if comparison is None else {"baseline": evaluation.baseline, **comparison_plain(comparison)}


def _result(result: Result) -> dict[str, object]:
    plain: dict[str, Any] = to_plain(result)
    for response in (plain["response"], *plain["answers"]):
        if response:
            del response["pause_s"]  # between a provider and the engine, nobody else's business
    truncated = None if result.response is None else result.is_truncated
    told = {"latency_s": result.told_latency_s, "truncated": truncated, "started_at": utc(result.started_at)}
    return {**plain, **told}


def _write_array(stream: BinaryIO, entries: Iterable[dict[str, object]]) -> None:
    separator = b"[\n"
    for entry in entries:
        stream.write(separator + _encode(entry))
        separator = b",\n"
    stream.write(b"[]" if separator == b"[\n" else b"\n]")


def _encode(document: dict[str, object] | None) -> bytes:
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return msgspec.json.encode(_well_formed(document))


def _well_formed(value: Any) -> Any:
    """The same with lone surrogates replaced, wherever they are: an error's text may quote hostile JSON."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {name: _well_formed(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_well_formed(entry) for entry in value]
    return value
