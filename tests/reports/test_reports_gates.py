from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_benchmodels.reports.verdicts import gate_line, gate_plain
from pytest_benchmodels.statistics.gates import parse_gate
from pytest_benchmodels.statistics.metrics import ModelFigures
from pytest_benchmodels.statistics.verdict import Measured, judge


def measured(model: str = "sim/steady", **changes: Any) -> Measured:
    facts = {
        "passed": 361,
        "failed": 24,
        "timeouts": 2,
        "errors": 13,
        "skipped": 0,
        "score": 0.95,
        "p50_s": 1.9,
        "p95_s": 6.404,
        "input_tokens": 1,
        "output_tokens": 1,
        "cost_usd": 1.5004,
        "latency_runs": 385,
    }
    return Measured(ModelFigures("*", **{**facts, **changes}), (ModelFigures(model, **{**facts, **changes}),))


def line(text: str, baseline: Measured | None = None, **changes: Any) -> str:
    return gate_line(judge(parse_gate(text), measured(**changes), baseline)[0])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pass_rate >= 0.9", "gate held   pass_rate >= 0.9: 0.933 (361/387), over 387 of 400 runs"),
        ("pass_rate  >=  94%", "gate failed pass_rate >= 94%: 0.933 (361/387), over 387 of 400 runs"),
        ("error_rate == 0", "gate failed error_rate == 0: 0.033 (13/400), over 400 of 400 runs"),
        ("p95_latency < 8", "gate held   p95_latency < 8: 6.40s, over 385 of 400 runs"),
        ("score >= 0.95", "gate held   score >= 0.95: 0.950, over 385 of 400 runs"),
        (
            "pass_rate >= 0.9 @ sim/steady",
            "gate held   pass_rate >= 0.9 @ sim/steady: 0.933 (361/387), over 387 of 400 runs",
        ),
        (
            "pass_rate >= 0.9 @ *",
            "gate held   pass_rate >= 0.9 @ * (sim/steady): 0.933 (361/387), over 387 of 400 runs",
        ),
        (
            "pass_rate >= 0.92 with 95% confidence",
            (
                "gate failed pass_rate >= 0.92 with 95% confidence: "
                "0.933 (361/387), lower 95% bound 0.903, over 387 of 400 runs"
            ),
        ),
        (
            "error_rate <= 0.06 with 95% confidence",
            (
                "gate held   error_rate <= 0.06 with 95% confidence: "
                "0.033 (13/400), upper 95% bound 0.055, over 400 of 400 runs"
            ),
        ),
        (
            "score > baseline",
            "gate failed score > baseline: cannot be judged: there is no baseline; name one with --bench-compare",
        ),
    ],
)
def test_each_gate_is_a_line_with_its_figures(text: str, shown: str) -> None:
    assert line(text) == shown


def test_a_baseline_is_shown_with_what_it_requires() -> None:
    baseline = measured(score=0.96)
    assert line("score >= baseline - 0.02", baseline) == (
        "gate held   score >= baseline - 0.02: 0.950, baseline 0.960, required 0.940, over 385 of 400 runs"
    )
    assert (
        line("score >= baseline", baseline)
        == "gate failed score >= baseline: 0.950, baseline 0.960, over 385 of 400 runs"
    )


def test_a_figure_is_never_rounded_to_the_other_side() -> None:
    assert line("cost <= 1.50") == "gate failed cost <= 1.50: $1.5004, over 400 of 400 runs"
    assert line("score >= 0.9", score=0.89996) == "gate failed score >= 0.9: 0.89996, over 385 of 400 runs"


def test_a_figure_is_never_rounded_to_nothing() -> None:
    assert line("cost <= 0.001", cost_usd=0.001) == "gate held   cost <= 0.001: $0.001, over 400 of 400 runs"
    assert line("cost <= $1.50", cost_usd=0.0004) == "gate held   cost <= $1.50: $0.0004, over 400 of 400 runs"
    assert line("cost == 0", cost_usd=0.0) == "gate held   cost == 0: $0.00, over 400 of 400 runs"
    assert line("p50_latency < 1", p50_s=0.0012) == "gate held   p50_latency < 1: 0.001s, over 385 of 400 runs"


def test_hostile_model_names_do_not_steer_the_terminal() -> None:
    assert "\x1b" not in line("score >= 0 @ *", model="\x1b[2J")
    assert "\x1b" not in line("score >= 0 @ \x1b[2J")


def test_a_latency_says_how_many_timeouts_it_leaves_out() -> None:
    told = line("p95_latency < 8", latency_timeouts=2)
    assert told == "gate held   p95_latency < 8: 6.40s (2 timeouts left out), over 385 of 400 runs"
    assert "left out" not in line("pass_rate >= 0.9", latency_timeouts=2)


def test_the_plain_form_is_json_with_every_figure() -> None:
    gate = parse_gate("pass_rate >= baseline - 2% @ sim/steady")
    plain = gate_plain(judge(gate, measured(), measured())[0])
    assert json.loads(json.dumps(plain)) == plain
    assert plain == {
        "gate": "pass_rate >= baseline - 2% @ sim/steady",
        "model": "sim/steady",
        "held": True,
        "reason": None,
        "value": 361 / 387,
        "bound": None,
        "required": 361 / 387 - 0.02,
        "baseline": 361 / 387,
        "count": 361,
        "total": 387,
        "timeouts": 0,
        "is_part": False,
        "runs": 387,
        "answers": None,
        "planned": 400,
        "changed_scenarios": None,
        "implied": False,
        "labels": None,
        "uncorrected": None,
        "not_corrected": None,
    }
