from __future__ import annotations

from collections.abc import Mapping

import pytest

from pytest_benchmodels.core.result import Status
from pytest_benchmodels.statistics.outcomes import Outcome
from pytest_benchmodels.statistics.paired import mcnemar
from pytest_benchmodels.statistics.ranking import rank

_DIGITS: Mapping[str, Status] = {"1": "passed", "0": "failed", "x": "error"}


def answers(model: str, passes: str) -> list[Outcome]:
    """`1101`: one scenario for each digit, passed or not; `x` is an error."""
    return [
        Outcome(f"s{number}", model, 1, _DIGITS[digit], 1.0 if digit == "1" else 0.5)
        for number, digit in enumerate(passes)
    ]


def test_models_that_are_not_told_apart_share_a_place() -> None:
    ranking = rank([*answers("low", "0" * 20), *answers("high", "1" * 20), *answers("near", "1" * 19 + "0")])
    assert [(model.model, model.place) for model in ranking.models] == [("high", 1), ("near", 1), ("low", 3)]


def test_pairs_are_paired_over_the_scenarios_graded_for_both_and_corrected() -> None:
    ranking = rank([*answers("a", "1" * 10), *answers("b", "0" * 8 + "1x"), *answers("c", "1" * 9 + "0")])
    found = {(pair.first, pair.second): pair for pair in ranking.pairs}
    assert found.keys() == {("a", "b"), ("a", "c"), ("c", "b")}
    assert found["a", "b"].scenarios == 9
    assert found["a", "b"].difference == pytest.approx(8 / 9)
    assert found["a", "b"].p_value == pytest.approx(3 * mcnemar(8, 0))
    assert found["a", "b"].significant
    assert not found["a", "c"].significant


def test_models_without_a_common_scenario_are_no_pair() -> None:
    ranking = rank([Outcome("s1", "a", 1, "passed"), Outcome("s2", "b", 1, "failed")])
    assert ranking.pairs == ()
    assert [model.place for model in ranking.models] == [1, 1]


def test_a_model_of_errors_only_comes_last_and_has_no_rate() -> None:
    ranking = rank([*answers("erring", "xx"), *answers("wrong", "00")])
    assert [model.model for model in ranking.models] == ["wrong", "erring"]
    last = ranking.models[1]
    assert (last.place, last.rate, last.interval) == (None, None, None)


def test_one_trial_has_no_trial_figures() -> None:
    model = rank(answers("a", "10")).models[0]
    assert (model.trials, model.flaky, model.rate, model.score) == (None, (), 0.5, 0.75)


def test_trials_show_what_passes_once_and_what_passes_always() -> None:
    passes = {"steady": "1111", "flaky": "1010", "rare": "0001", "broken": "0000"}
    runs = [
        Outcome(scenario, "m", trial, "passed" if digit == "1" else "failed")
        for scenario, digits in passes.items()
        for trial, digit in enumerate(digits, 1)
    ]
    model = rank(runs).models[0]
    assert model.trials is not None
    assert (model.trials.k, model.trials.scenarios) == (4, 4)
    assert (model.trials.pass_at_k, model.trials.pass_hat_k, model.trials.flaky_share) == (0.75, 0.25, 0.5)
    assert [scenario for scenario, _ in model.flaky] == ["flaky", "rare"]


def test_a_ranking_of_nothing_is_empty() -> None:
    assert rank([]).models == ()
