"""`--bench-ze-json`: results in the shape of the report of ze-benchmarks' runner, for what reads that.

    {"summary": {...}, "modelPerformance": [...], "benchmarkTypeAnalysis": [...], "recommendations": [...],
     "detailedResults": [...]}

Scores are from 0 to 10, rates from 0 to 1, durations in seconds. What is not known is null.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import msgspec

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import file_of
from pytest_benchmodels.core.text import well_formed
from pytest_benchmodels.reports.bench_json import Evaluation
from pytest_benchmodels.reports.units import utc
from pytest_benchmodels.statistics.ze_scores import suite_type

__all__ = ["write_ze_json"]

_FULL = 10.0
_WEAK_RATE = 0.7
_WEAK_SUITE = 0.6
_SLOW_S = 120.0

_Row = dict[str, Any]


def write_ze_json(stream: BinaryIO, evaluation: Evaluation, results: Iterable[Result]) -> None:
    """Write the document. Runs of other files are in it too, with the score that they have."""
    rows = [_row(result) for result in results]
    models = sorted(_groups(rows, "model"), key=lambda group: (-(group["weightedScore"] or 0.0), group["model"]))
    suites = _groups(rows, "type")
    document = {
        "summary": {**_figures(rows), "startedAt": utc(evaluation.run.started_at), "models": len(models)},
        "modelPerformance": models,
        "benchmarkTypeAnalysis": suites,
        "recommendations": list(_recommendations(models, suites)),
        "detailedResults": rows,
    }
    stream.write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def _row(result: Result) -> _Row:
    measures: Mapping[str, float] = result.checks[-1].measures if result.checks else {}
    score = None if result.score is None else _FULL * result.score
    return {
        "benchmark": _suite(result.nodeid),
        "type": well_formed(suite_type(result)) or _suite(result.nodeid),
        "scenario": well_formed(result.scenario),
        "model": result.model,
        "trial": result.trial,
        "success": result.status == "passed",
        "status": result.status,
        "score": score,
        "weightedScore": measures.get("weighted", score),
        "originalScore": measures.get("original"),
        "duration": result.duration_s,
        "error": None if result.error is None else well_formed(result.error.message),
    }


def _suite(nodeid: str) -> str:
    """The suite's folder: what stands before `scenarios`, else the file's name."""
    parts = file_of(nodeid).replace("\\", "/").split("/")
    return well_formed(parts[-4] if len(parts) > 3 and parts[-3] == "scenarios" else parts[-1])


def _groups(rows: Sequence[_Row], key: str) -> list[_Row]:
    names = dict.fromkeys(row[key] for row in rows)
    return [{key: name, **_figures([row for row in rows if row[key] == name])} for name in names]


def _figures(rows: Sequence[_Row]) -> _Row:
    """Runs without a verdict are no part of the rate: they tell nothing of the model. Nor has one a score."""
    graded = [row for row in rows if row["score"] is not None]
    passed = sum(row["success"] for row in graded)
    return {
        "totalRuns": len(rows),
        "gradedRuns": len(graded),
        "successfulRuns": passed,
        "successRate": passed / len(graded) if graded else None,
        "averageScore": _mean(row["score"] for row in graded),
        "weightedScore": _mean(row["weightedScore"] for row in graded),
        "averageDuration": _mean(row["duration"] for row in graded),
    }


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return math.fsum(known) / len(known) if known else None


def _recommendations(models: Sequence[_Row], suites: Sequence[_Row]) -> Iterator[str]:
    """As the original gives them: the best model, and who or what falls short."""
    if models and models[0]["weightedScore"] is not None:
        yield f"Best model: {models[0]['model']} (score {models[0]['weightedScore']:.2f} of 10)"
    for group in models:
        if group["successRate"] is not None and group["successRate"] < _WEAK_RATE:
            yield f"{group['model']}: success rate {group['successRate']:.0%}, below {_WEAK_RATE:.0%}"
        if group["averageDuration"] is not None and group["averageDuration"] > _SLOW_S:
            yield f"{group['model']}: {group['averageDuration']:.0f} s a run, above {_SLOW_S:.0f} s"
    for group in suites:
        if group["successRate"] is not None and group["successRate"] < _WEAK_SUITE:
            yield f"{group['type']}: success rate {group['successRate']:.0%}, below {_WEAK_SUITE:.0%}"
