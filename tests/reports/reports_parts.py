"""Results of each status with hostile text in every place, and what a report tells beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.result import CheckResult, Failure, Result, Retry
from pytest_benchmodels.reports.bench_json import BenchRun, Evaluation
from pytest_benchmodels.statistics.changes import Conditions
from pytest_benchmodels.statistics.comparison import compare_runs
from pytest_benchmodels.statistics.gates import parse_gates
from pytest_benchmodels.statistics.metrics import Tally
from pytest_benchmodels.statistics.outcomes import CoverageTally
from pytest_benchmodels.statistics.ranking import rank
from pytest_benchmodels.statistics.verdict import Measured, judge_all
from tests.core.made_results import made

__all__ = ["BEGINNING", "HOSTILE", "evaluated", "hostile_results", "result"]

BEGINNING = 1_767_225_600.0  # 2026-01-01T00:00:00Z

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "[click](javascript:alert(1)) https://evil.example www.evil.example",
    "{{ 7 * 7 }}{% raw %}",
    "\x00\x07\x1b[2J\x85\x7f",
    "\u202eevil\u2066 \u2028 \u2029",
    "\ud800 lone \udfff",
    "@everyone #1 | `x` \\| ``` ~~~",
    "```\n# heading\n</details>\n| a | b |",
    "\ufffe\uffff\U0010ffff",
)
"""Each breaks out of something, if it is let: HTML, a script, XML, a template, a terminal, an encoder, Markdown."""


def result(scenario: str = "add", model: str = "sim/steady", **facts: Any) -> Result:
    """A run that passed in two seconds, unless told otherwise."""
    usual: dict[str, Any] = {
        "trial": 1,
        "status": "passed",
        "score": 1.0,
        "started_at": BEGINNING,
        "duration_s": 2.0,
        "latency_s": 1.5,
        "attempts": 1,
        "response": Response("4", "stop", Usage(7, 1), 1.5),
        "checks": (CheckResult("equals", 1.0, passed=True, explanation="got '4'", summary="equals '4'"),),
        "cost_usd": 0.25,
    }
    return made(nodeid=f"maths/sums.yaml::{scenario}[{model}]", scenario=scenario, model=model, **{**usual, **facts})


def hostile_results(text: str) -> list[Result]:
    """One result of each status, with this text wherever text may come from outside."""
    spoilt = CheckResult(text, 0.0, passed=False, explanation=text, summary=text)
    facts: dict[str, Any] = {
        "model": text,
        "checks": (spoilt,),
        "response": Response(text, text, Usage(1, 1)),
        "waits": {text: 1.0},
        "retries": (Retry(text, text, 1.0),),
        "reuse": text,
    }
    failure = Failure(text, text)
    return [
        result(text, **facts),
        result(text, **facts | {"status": "failed", "score": 0.0}),
        result(text, **facts | {"status": "timeout", "score": None, "error": failure}),
        result(text, **facts | {"status": "error", "score": None, "error": failure}),
        result(text, **facts | {"status": "skipped", "score": None, "error": failure}),
    ]


def _conditions(results: Iterable[Result]) -> Conditions:
    found = Conditions("0.0.9")
    for entry in results:
        found.add(entry)
    return found


def evaluated(
    results: Iterable[Result], gates: Iterable[str] = (), before: Iterable[Result] | None = None
) -> Evaluation:
    """What is to be told of these results."""
    tally, coverage, now = Tally(), CoverageTally(), Conditions("0.1.0")
    for entry in results:
        tally.add(entry)
        coverage.add(entry)
        now.add(entry)
    figures = tally.figures(lanes=20)
    measured = Measured(tally.overall(), figures.models, coverage.coverage())
    return Evaluation(
        run=BenchRun(BEGINNING + 0.5, 3.5, "0.1.0", concurrency=20, exit_status=1, id="r1"),
        figures=figures,
        gates=judge_all(parse_gates(gates), measured),
        ranking=rank(now.outcomes),
        comparison=None if before is None else compare_runs(_conditions(before), now),
        baseline=None if before is None else "the run before",
    )
