from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from msgspec.structs import replace

from pytest_benchmodels.core.result import CheckResult
from pytest_benchmodels.core.scenario import Vote
from pytest_benchmodels.statistics.variance import NoiseTally, ScoredTrial, noise_of
from tests.statistics.judged_results import judged


def drawn(scenarios: int, trials: int, votes: int, parts: tuple[float, float, float], seed: int) -> list[ScoredTrial]:
    """Nested and normal, with these standard deviations of scenarios, trials and votes."""
    generator = np.random.default_rng(seed)
    found = []
    for scenario in range(scenarios):
        mean = 0.5 + generator.normal(0, parts[0])
        for _ in range(trials):
            said = mean + generator.normal(0, parts[1]) + generator.normal(0, parts[2], votes)
            judge = float(said.var(ddof=1)) / votes if votes > 1 else None
            found.append(ScoredTrial(scenario, float(said.mean()), judge))
    return found


def test_balanced_trials_have_the_parts_of_the_closed_form() -> None:
    trials = drawn(12, 4, 3, (0.1, 0.07, 0.05), seed=1)
    scores = np.array([trial.score for trial in trials]).reshape(12, 4)
    within = scores.var(axis=1, ddof=1).mean()
    between = 4 * scores.mean(axis=1).var(ddof=1)
    judges = np.mean([trial.judge for trial in trials if trial.judge is not None])
    found = noise_of(trials)
    assert found is not None
    assert found.scenarios == pytest.approx((between - within) / 4)
    assert found.judges == pytest.approx(judges)
    assert found.sampling == pytest.approx(within - judges)
    # The mean of a balanced design: its variance is that of scenarios' means.
    assert found.error == pytest.approx(math.sqrt(between / 48))


def test_balanced_trials_have_the_parts_of_a_mixed_model() -> None:
    from statsmodels.regression.mixed_linear_model import (
        MixedLM,  # takes a second, and all processes import this module
    )

    trials = drawn(30, 4, 1, (0.1, 0.1, 0.0), seed=2)
    groups = [trial.scenario for trial in trials]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what statsmodels says of its own optimizer
        fitted = MixedLM(np.array([trial.score for trial in trials]), np.ones((120, 1)), groups=groups).fit(reml=True)
    found = noise_of(trials)
    assert found is not None
    assert found.judges is None
    assert found.scenarios == pytest.approx(float(fitted.cov_re[0][0]), rel=0.01)
    assert found.sampling == pytest.approx(float(fitted.scale), rel=0.01)


def test_the_parts_are_right_on_the_average_also_where_scenarios_have_different_numbers_of_trials() -> None:
    parts = (0.1, 0.08, 0.06)
    sums = np.zeros(3)
    for seed in range(300):
        trials = [trial for trial in drawn(20, 4, 2, parts, seed) if trial.scenario % 3 or trial.score > 0]
        kept = [trial for place, trial in enumerate(trials) if place % 4 < 2 + trial.scenario % 3]
        found = noise_of(kept)
        assert found is not None
        sums += [found.scenarios, found.sampling, found.judges or 0.0]
    # The variance of the mean of two votes is half of a vote's.
    assert sums / 300 == pytest.approx([0.01, 0.0064, 0.0018], rel=0.06)


def test_twice_as_many_of_each_take_away_their_own_part_of_the_noise() -> None:
    found = noise_of(drawn(40, 3, 2, (0.1, 0.08, 0.06), seed=4))
    assert found is not None
    assert found.judges is not None
    assert found.error_with_scenarios == pytest.approx(found.error / math.sqrt(2))
    assert found.error**2 - found.error_with_trials**2 == pytest.approx((found.sampling + found.judges) / 240)
    assert found.error_with_votes is not None
    assert found.error**2 - found.error_with_votes**2 == pytest.approx(found.judges / 240)


def drawn_with_equal_answers(seed: int) -> list[ScoredTrial]:
    """Four trials of each scenario, each gives one of two answers; equal ones are judged once, by two votes."""
    generator = np.random.default_rng(seed)
    found = []
    for scenario in range(24):
        worth = 0.5 + generator.normal(0, 0.1) + generator.normal(0, 0.08, 2)
        votes = worth[:, np.newaxis] + generator.normal(0, 0.15, (2, 2))
        for answer in generator.integers(0, 2, 4):
            said = votes[answer]
            found.append(ScoredTrial(scenario, float(said.mean()), float(said.var(ddof=1)) / 2, 1 + int(answer)))
    return found


def test_a_verdict_that_trials_share_is_one_observation() -> None:
    suites = [drawn_with_equal_answers(seed) for seed in range(1000)]
    found = [noise for noise in map(noise_of, suites) if noise is not None]
    parts = np.mean([(noise.scenarios, noise.sampling, noise.judges or 0.0) for noise in found], axis=0)
    # Half of what the two answers differ by is in the scenario's mean, half of it among its trials.
    assert parts == pytest.approx([0.01 + 0.0064 / 2, 0.0064 / 2, 0.15**2 / 2], rel=0.1)
    # The error is what the mean scatters by from suite to suite: shared verdicts average out no further.
    means = [np.mean([trial.score for trial in suite]) for suite in suites]
    assert np.mean([noise.error**2 for noise in found]) == pytest.approx(np.var(means, ddof=1), rel=0.1)


def test_shared_verdicts_have_the_parts_of_the_closed_form() -> None:
    """Two answers in each scenario, each given twice and judged once by two votes: these are all there is to know."""
    generator = np.random.default_rng(7)
    scores = generator.normal(0.5, 0.1, (10, 2))
    trials = [
        ScoredTrial(scenario, float(score), 0.004, 1 + answer)
        for scenario, row in enumerate(scores)
        for answer, score in enumerate(row)
        for _ in range(2)
    ]
    found = noise_of(trials)
    assert found is not None
    within = 2 * float(((scores - scores.mean(axis=1, keepdims=True)) ** 2).sum()) / 30
    between = 4 * float(scores.mean(axis=1).var(ddof=1))
    # Of 4 trials in 2 pairs: 4 - 8 / 4 = 2 of 3 degrees of freedom; the mean of a scenario has half of a verdict's.
    assert found.sampling == pytest.approx(max(within - 0.004 * 2 / 3, 0))
    assert found.scenarios == pytest.approx(max(between - within - 0.004 * (2 - 2 / 3), 0) / 4)
    assert found.error == pytest.approx(math.sqrt(found.scenarios / 10 + found.sampling / 40 + 0.004 / 20))
    # Of two trials one in three shares the other's verdict; with 8 trials of each that stays as it is.
    more = found.scenarios / 10 + found.sampling / 80 + 0.004 * (1 / 8 + 7 / 8 / 3) / 10
    assert found.error_with_trials == pytest.approx(math.sqrt(more))


@pytest.mark.parametrize(("scenarios", "trials"), [(5, 3), (6, 1), (100, 1)])
def test_too_few_scenarios_or_trials_tell_nothing(scenarios: int, trials: int) -> None:
    assert noise_of(drawn(scenarios, trials, 1, (0.1, 0.1, 0.0), seed=5)) is None
    assert noise_of(drawn(6, 2, 1, (0.1, 0.1, 0.0), seed=5)) is not None


def voted(name: str, *votes: float, score: float = 1.0, weight: float = 1.0) -> CheckResult:
    return CheckResult(
        name, score, score > 0.5, "", weight, f"{name} 'x'", tuple(Vote("j", vote, vote > 0.5) for vote in votes)
    )


def test_a_runs_judges_are_known_by_their_votes_and_weigh_as_their_checks_do() -> None:
    tally = NoiseTally()
    for scenario in range(8):
        for trial in (1, 2):
            checks = (voted("judge", 1.0, 0.0, score=0.5, weight=3.0), voted("contains"))
            tally.add(judged(f"s{scenario}", *checks, model="m", trial=trial), scenario)
            tally.add(judged(f"s{scenario}", voted("judge", 1.0), model="once", trial=trial), scenario)
            tally.add(judged(f"s{scenario}", voted("contains"), model="nobody", trial=trial), scenario)
            inside = replace(voted("all_of"), checks=(voted("judge", 1.0, 0.0, score=0.5),))
            tally.add(judged(f"s{scenario}", inside, model="inside", trial=trial), scenario)
    found = tally.found()
    # Two votes of 1 and 0: the variance of their mean is 0.25, and the check has three quarters of the weight.
    assert found["m"].judges == pytest.approx(0.75**2 * 0.25)
    assert found["once"].judges is None
    assert found["nobody"].judges == 0
    assert found["inside"].judges is None, "what of it is in the combination's score is not known"


def test_without_trials_nothing_is_told() -> None:
    tally = NoiseTally()
    for scenario in range(30):
        tally.add(judged(f"s{scenario}", voted("contains")), scenario)
    assert tally.found() == {}
