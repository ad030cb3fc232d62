"""`--bench-json`: the whole outcome for programs.

    {"schema_version": 1, "run": {...}, "models": [...], "gates": [...], "comparison": {...}, "results": [...]}

Names and units stay as they are within a schema version; fields may be added. What is not known is null, and so is what
JSON cannot say (NaN, infinity).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.plain_result import from_plain, to_plain
from pytest_benchmodels.core.result import Record, Result
from pytest_benchmodels.core.run import Session
from pytest_benchmodels.core.text import quote, well_formed
from pytest_benchmodels.reports.checks import checks_plain
from pytest_benchmodels.reports.comparison import comparison_plain
from pytest_benchmodels.reports.files import replacing
from pytest_benchmodels.reports.units import utc
from pytest_benchmodels.reports.verdicts import gate_plain
from pytest_benchmodels.statistics.comparison import Comparison
from pytest_benchmodels.statistics.intervals import Interval
from pytest_benchmodels.statistics.metrics import Figures, ModelFigures
from pytest_benchmodels.statistics.outcomes import Coverage
from pytest_benchmodels.statistics.ranking import Ranking
from pytest_benchmodels.statistics.verdict import GateVerdict
from pytest_benchmodels.statistics.ze_scores import ZeModel

__all__ = [
    "SCHEMA_VERSION",
    "BenchDocument",
    "BenchRun",
    "Evaluation",
    "read_bench_json",
    "write_bench_json",
    "write_json",
]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run, its figures, and what they were held against.

    `figures` are those of exactly the results that are written with them. `baseline` names the run of the
    `comparison`; both are None where there is none, and so is `ranking` where there is nothing to rank. `coverage` says
    how many runs there were to be, None where nobody knows; `not_started` names those without a result, as far as that
    is known. `results` gives the runs' last results, one after another, anew each time that it is called;
    `transcripts` the same with what was asked and answered, as far as it is known, None where nobody has it.
    `ze_models` are the models' scores over suites of ze-benchmarks, the best first.
    """

    run: BenchRun
    figures: Figures
    gates: tuple[GateVerdict, ...] = ()
    ranking: Ranking | None = None
    comparison: Comparison | None = None
    baseline: str | None = None
    coverage: Coverage | None = None
    not_started: tuple[str, ...] = ()
    results: Callable[[], Iterable[Result]] = tuple
    transcripts: Callable[[], Iterable[Record]] | None = None
    ze_models: tuple[ZeModel, ...] = ()


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
    weighted = _weighted(evaluation.ze_models)
    models = evaluation.figures.models
    _write_array(stream, ({**_model(model), **weighted.get(model.model, _weight())} for model in models))
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
        "asked": [msgspec.to_builtins(asked) for asked in figures.asked],
        "checks": checks_plain(figures.checks),
        "judges": [msgspec.to_builtins(judge) for judge in figures.judges],
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


def _weighted(models: Iterable[ZeModel]) -> dict[str, dict[str, object]]:
    """What a template's weights make of models, for those that have any."""
    known = [model for model in models if model.weighted is not None]
    return {model.model: _weight(model.weighted, rank) for rank, model in enumerate(known, 1)}


def _weight(score: float | None = None, rank: int | None = None) -> dict[str, object]:
    return {"weighted_score": score, "weighted_rank": rank}


def _ends(interval: Interval | None) -> list[float] | None:
    return [interval.low, interval.high] if interval else None


def _comparison(evaluation: Evaluation) -> dict[str, object] | None:
    comparison = evaluation.comparison
    return None if comparison is None else {"baseline": evaluation.baseline, **comparison_plain(comparison)}


def _result(result: Result) -> dict[str, object]:
    plain: dict[str, Any] = to_plain(result)
    for response in (plain["response"], *plain["answers"]):
        if response:
            # Between a provider and the engine, nobody else's business; `thinking` has what can be read of it.
            del response["pause_s"], response["thinking_parts"], response["own_calls"]
    truncated = None if result.response is None else result.is_truncated
    out_of_steps = None if result.response is None else result.is_out_of_steps
    calls = [msgspec.to_builtins(call) for call in result.all_calls]
    told = {
        "calls": calls,
        "latency_s": result.told_latency_s,
        "truncated": truncated,
        "out_of_steps": out_of_steps,
        "tool_calls": result.tool_calls,
        "rejected_calls": result.rejected_calls,
        "questions": result.questions,
        "started_at": utc(result.started_at),
    }
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


class _Document(msgspec.Struct, frozen=True):
    schema_version: int
    run: dict[str, Any]
    results: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class BenchDocument:
    """The file's `run` object as it stands there, and its results, each decoded when it is asked for."""

    path: Path
    run: dict[str, Any]
    _results: list[msgspec.Raw]

    def __len__(self) -> int:
        return len(self._results)

    def text(self, name: str) -> str:
        """A text of the `run` object; empty where there is none."""
        value = self.run.get(name)
        return value if isinstance(value, str) else ""

    @property
    def not_started(self) -> list[str]:
        """The node ids of the runs that never began, as far as the file names them."""
        listed = self.run.get("not_started")
        return [nodeid for nodeid in listed if isinstance(nodeid, str)] if isinstance(listed, list) else []

    def results(self) -> Iterator[Result]:
        """One after another. Raises `ConfigError` for one that is none."""
        for number, raw in enumerate(self._results, 1):
            try:
                plain: dict[str, Any] = msgspec.json.decode(raw)
                started_at = datetime.fromisoformat(plain["started_at"]).timestamp()
                latency_s = plain.get("latency_s") or 0.0  # null where nothing was answered
                calls = plain.get("calls") or []
                calls = calls if len(calls) > 1 else []  # as a result has them: one alone is told by the rest
                yield from_plain({**plain, "started_at": started_at, "latency_s": latency_s, "calls": calls})
            except (msgspec.MsgspecError, KeyError, TypeError, ValueError, RecursionError) as error:
                raise ConfigError(f"{_named(self.path)}: its result {number} is none: {error}") from None


def read_bench_json(path: Path) -> BenchDocument:
    """Read a file that `--bench-json` wrote. Raises `ConfigError` for any other."""
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as error:
        raise ConfigError(f"{_named(path)} cannot be read: {error.strerror or error}") from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ConfigError(f"{_named(path)} is no file that --bench-json wrote: {error}") from None
    if document.schema_version != SCHEMA_VERSION:
        raise ConfigError(
            f"{_named(path)} has schema_version {document.schema_version}; this version reads {SCHEMA_VERSION}"
        )
    return BenchDocument(path, document.run, document.results)


def _named(path: Path) -> str:
    return f"file {quote(str(path), 300)}"
