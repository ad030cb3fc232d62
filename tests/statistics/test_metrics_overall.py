from __future__ import annotations

import pytest

from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.result import Status
from pytest_benchmodels.statistics.metrics import Tally
from tests.core.made_results import changed, made


def a_tally(*runs: tuple[str, Status, float, float | None]) -> Tally:
    tally = Tally()
    for number, (model, status, latency, cost) in enumerate(runs):
        response = Response("4", usage=Usage(10, None))
        facts = {"score": latency / 10, "latency_s": latency, "response": response, "cost_usd": cost}
        tally.add(made(f"f::s{number}[{model}]", f"s{number}", model, 1, status, 0.0, latency, **facts))
    return tally


def test_all_runs_together_have_figures_of_their_own() -> None:
    overall = a_tally(("a", "passed", 1, 0.5), ("a", "passed", 2, 0.25), ("b", "failed", 9, 1.0)).overall()
    assert (overall.model, overall.passed, overall.failed, overall.graded) == ("*", 2, 1, 3)
    assert overall.score == pytest.approx(0.4)
    assert overall.p50_s == 2
    assert overall.p95_s == pytest.approx(8.3)
    assert (overall.input_tokens, overall.output_tokens, overall.cost_usd) == (30, None, 1.75)


def test_one_unknown_cost_makes_the_whole_unknown() -> None:
    assert a_tally(("a", "passed", 1, 0.5), ("b", "passed", 1, None)).overall().cost_usd is None


def test_the_models_figures_stay_their_own() -> None:
    tally = a_tally(("a", "passed", 1, 0.5), ("b", "failed", 3, 0.5))
    before = tally.figures(1)
    tally.overall()
    assert tally.figures(1) == before


def test_no_runs_have_no_figures() -> None:
    assert Tally().overall().rate is None


def test_what_is_known_of_a_cost_is_kept_beside_the_whole() -> None:
    tally = a_tally(("a", "passed", 1, 0.5), ("a", "passed", 1, 1.5))
    cut_off = Usage(), Usage(1000, 10)
    late = made("f::late[a]", "late", "a", 1, "timeout", 0.0, 1.0, known_cost_usd=2.0, usage=cut_off[0])
    tally.add(changed(late, known_usage=cut_off[1], reruns=3))
    (model,) = tally.figures(1).models

    assert (model.cost_usd, model.known_cost_usd, model.unpriced) == (None, 4.0, 1)
    assert (model.input_tokens, model.known_input_tokens) == (None, 1020)
    assert (model.cost_per_passed_usd, model.known_cost_per_passed_usd) == (None, 2.0)
    assert model.reruns == tally.overall().reruns == 3
    assert tally.overall().known_cost_usd == 4.0


def test_each_passed_run_costs_its_share_of_all() -> None:
    (model,) = a_tally(("a", "passed", 1, 0.5), ("a", "failed", 1, 1.0), ("a", "passed", 1, 0.5)).figures(1).models
    assert model.cost_per_passed_usd == model.known_cost_per_passed_usd == 1.0
    (none,) = a_tally(("a", "failed", 1, 1.0)).figures(1).models
    assert (none.cost_per_passed_usd, none.known_cost_per_passed_usd) == (None, None)


def test_an_answer_whose_tokens_nobody_counted_makes_no_part_of_a_sum() -> None:
    tally = a_tally(("a", "passed", 1, 0.5))
    uncounted = made("f::x[a]", "x", "a", 1, "passed", 0.0, 1.0, response=Response("4"))
    tally.add(uncounted)
    (model,) = tally.figures(1).models
    assert (model.input_tokens, model.known_input_tokens, model.cost_usd) == (None, 10, None)


def test_models_that_agree_on_a_scenario_are_worth_one_run() -> None:
    tally = a_tally()
    for number in range(40):
        status: Status = "passed" if number % 2 else "failed"
        for model in "abc":
            tally.add(made(f"f::s{number}[{model}]", f"s{number}", model, 1, status, 0.0, 1.0, latency_s=1.0))
    assert tally.overall().effects.passed == pytest.approx(3, rel=0.02)
    assert {figures.effects.passed for figures in tally.figures(1).models} == {1.0}
