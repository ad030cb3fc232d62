from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.statistics.gates import parse_gate
from pytest_benchmodels.statistics.intervals import wilson
from pytest_benchmodels.statistics.metrics import ModelFigures
from pytest_benchmodels.statistics.outcomes import Effects
from pytest_benchmodels.statistics.verdict import GateVerdict, Measured, foreseen_fault, judge

_FIGURES = ModelFigures(
    model="openai/gpt-4o-mini",
    passed=361,
    failed=24,
    timeouts=2,
    errors=13,
    skipped=100,
    score=0.95,
    p50_s=1.9,
    p95_s=6.4,
    input_tokens=412_000,
    output_tokens=88_000,
    cost_usd=0.11,
)
_NOTHING = ModelFigures("*", 0, 0, 0, 0, 3, None, None, None, None, None, None)


def measured(*models: ModelFigures, **overall: Any) -> Measured:
    return Measured(replace(_FIGURES, model="*", **overall), models or (_FIGURES,))


def verdict(text: str, run: Measured | None = None, baseline: Measured | None = None) -> GateVerdict:
    verdicts = judge(parse_gate(text), run or measured(), baseline)
    assert len(verdicts) == 1
    return verdicts[0]


@pytest.mark.parametrize(
    ("text", "value", "count", "total"),
    [
        ("pass_rate >= 0.9", 361 / 387, 361, 387),
        ("error_rate <= 4%", 13 / 400, 13, 400),
        ("timeout_rate <= 1%", 2 / 400, 2, 400),
        ("score == 0.95", 0.95, None, None),
        ("p50_latency < 2", 1.9, None, None),
        ("p95_latency < 8", 6.4, None, None),
        ("cost <= $0.11", 0.11, None, None),
    ],
)
def test_each_metric_is_read_with_its_denominator(text: str, value: float, count: int, total: int) -> None:
    found = verdict(text)
    assert (found.held, found.value, found.count, found.total) == (True, value, count, total)


@pytest.mark.parametrize(
    ("operator", "held"),
    [
        (">=", (False, True, True)),
        (">", (False, False, True)),
        ("==", (False, True, False)),
        ("<=", (True, True, False)),
        ("<", (True, False, False)),
        ("!=", (True, False, True)),
    ],
)
def test_each_operator_compares(operator: str, held: tuple[bool, ...]) -> None:
    scores = [verdict(f"score {operator} 0.5", measured(score=score)).held for score in (0.4, 0.5, 0.6)]
    assert tuple(scores) == held


def test_a_gate_names_a_model_or_takes_all_runs_together() -> None:
    good, bad = replace(_FIGURES, model="good", score=0.9), replace(_FIGURES, model="bad", score=0.1)
    run = measured(good, bad, score=0.5)
    assert verdict("score == 0.5", run).model is None
    assert verdict("score == 0.9 @ good", run).held
    each = judge(parse_gate("score > 0.5 @ *"), run)
    assert [(found.model, found.held) for found in each] == [("good", True), ("bad", False)]


def test_a_baseline_moves_what_is_required() -> None:
    baseline = measured(score=0.97)
    assert verdict("score >= baseline - 0.02", baseline=baseline).held
    lower = verdict("score >= baseline - 0.01", baseline=baseline)
    assert (lower.held, lower.baseline) == (False, 0.97)
    assert lower.required == pytest.approx(0.96)


def test_floating_point_fails_no_gate() -> None:
    # 0.81 + 0.02 is 0.8300000000000001.
    assert verdict("score >= baseline + 0.02", measured(score=0.83), measured(score=0.81)).held
    assert not verdict("score > baseline + 0.02", measured(score=0.83), measured(score=0.81)).held


@pytest.mark.parametrize(
    ("text", "bound", "held"),
    [
        ("pass_rate >= 0.93 with 95% confidence", "low", False),
        ("pass_rate >= 0.90 with 95% confidence", "low", True),
        ("error_rate <= 0.04 with 95% confidence", "high", False),
        ("error_rate < 0.06 with 95% confidence", "high", True),
    ],
)
def test_with_confidence_the_bound_has_to_hold(text: str, bound: str, held: bool) -> None:  # noqa: FBT001 - a table's column
    found = verdict(text)
    interval = wilson(found.count or 0, found.total or 0)
    assert (found.bound, found.held) == (getattr(interval, bound), held)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "score > 0 @ openai/gpt-4o-mimi",
            "'openai/gpt-4o-mimi' did not run in this run; did you mean 'openai/gpt-4o-mini'?",
        ),
        ("score > baseline", "there is no baseline; name one with --bench-compare"),
    ],
)
def test_what_cannot_be_found_is_not_held_and_says_why(text: str, reason: str) -> None:
    found = verdict(text)
    assert (found.held, found.reason, found.value) == (None, reason, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pass_rate >= 0", "no run was graded"),
        ("error_rate == 0", "no run was made"),
        ("timeout_rate == 0", "no run was made"),
        ("score >= 0", "no run has a score"),
        ("p50_latency >= 0", "no answer has a latency"),
        ("p95_latency >= 0", "no answer has a latency"),
        (
            "cost >= 0",
            "the cost of an answer is not known: its model has no price in bench.toml, or nobody told its tokens",
        ),
    ],
)
def test_what_was_not_measured_is_not_held_and_says_why(text: str, reason: str) -> None:
    found = verdict(text, Measured(_NOTHING, ()))
    assert (found.held, found.reason) == (None, reason)
    relative = verdict(text.replace(" 0", " baseline"), baseline=Measured(_NOTHING, ()))
    assert (relative.held, relative.reason) == (None, f"no baseline: {reason}")


def test_a_model_that_the_baseline_lacks_is_not_held() -> None:
    found = verdict("score >= baseline @ openai/gpt-4o-mini", baseline=Measured(_FIGURES, ()))
    assert found.reason == "no baseline: 'openai/gpt-4o-mini' did not run in the baseline"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("score > 0", None),
        ("score > 0 @ *", None),
        ("score > 0 @ b/c", None),
        ("score > 0 @ b/d", "'b/d' does not run in this session; did you mean 'b/c'?; name one of a, b/c"),
        ("score >= baseline", None),
        ("score >= baseline @ a", None),
        (
            "score >= baseline @ b/c",
            "no baseline: 'b/c' did not run in the baseline; did you mean 'b/d'?; compare with a run that has it",
        ),
        (
            "score >= baseline @ *",
            "no baseline: 'b/c' did not run in the baseline; did you mean 'b/d'?; compare with a run that has it",
        ),
    ],
)
def test_what_can_never_be_judged_is_known_before_anything_ran(text: str, fault: str | None) -> None:
    before = measured(replace(_FIGURES, model="a"), replace(_FIGURES, model="b/d"))
    assert foreseen_fault(parse_gate(text), ("a", "b/c"), before) == fault


def test_a_baseline_without_the_figure_is_known_too() -> None:
    before = Measured(replace(_FIGURES, cost_usd=None), ())
    unknown = "its model has no price in bench.toml, or nobody told its tokens"
    fault = f"no baseline: the cost of an answer is not known: {unknown}"
    assert foreseen_fault(parse_gate("cost <= baseline"), ("a",), before) == f"{fault}; compare with a run that has it"


def test_each_model_of_none_is_not_held() -> None:
    found = verdict("score >= 0 @ *", Measured(_NOTHING, ()))
    assert (found.held, found.reason) == (None, "no model ran")


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0, 1))
def test_a_gate_that_holds_with_confidence_holds_without(passed: int, failed: int, share: float) -> None:
    run = measured(passed=passed, failed=failed)
    for text in (f"pass_rate >= {share!r}", f"pass_rate <= {share!r}"):
        if verdict(f"{text} with 95% confidence", run).held:
            assert verdict(text, run).held


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("cost <= $1.99", False),
        ("cost <= $2", None),
        ("cost < $2", False),
        ("cost < $2.01", None),
        ("cost >= $2", True),
        ("cost >= $2.01", None),
        ("cost > $2", None),
        ("cost > $1.99", True),
        ("cost == $2", None),
        ("cost == $1", False),
        ("cost != $1", True),
        ("cost != $2", None),
    ],
)
def test_a_part_of_a_cost_is_judged_where_the_rest_changes_nothing(text: str, held: object) -> None:
    found = verdict(text, measured(cost_usd=None, known_cost_usd=2.0, unpriced=1))

    assert (found.held, found.is_part) == (held, held is not None)
    assert found.value == (None if held is None else 2.0)
    assert ("not known" in (found.reason or "")) == (held is None)


def test_a_part_is_no_baseline() -> None:
    part = measured(cost_usd=None, known_cost_usd=2.0)
    found = verdict("cost <= baseline", measured(), part)
    unknown = "its model has no price in bench.toml, or nobody told its tokens"
    assert (found.held, found.reason) == (
        None,
        f"no baseline: the cost of an answer is not known: {unknown}",
    )


def test_with_confidence_a_bound_stands_on_the_observations_that_trials_are_worth() -> None:
    each, alike = measured(), measured(effects=Effects(passed=3.0))
    plain = verdict("pass_rate >= 0.9 with 95% confidence", each)
    clustered = verdict("pass_rate >= 0.9 with 95% confidence", alike)
    few = wilson(361 / 3, 387 / 3)
    assert few is not None
    assert clustered.bound == pytest.approx(few.low)
    assert (plain.held, clustered.held) == (True, False)
