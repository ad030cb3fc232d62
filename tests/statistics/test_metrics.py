from __future__ import annotations

import heapq
import itertools
import math
import random
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.result import NEXT_ATTEMPT, Failure, Result, Status
from pytest_benchmodels.core.run import Pool
from pytest_benchmodels.statistics.intervals import percentile, wilson
from pytest_benchmodels.statistics.metrics import Figures, Tally, lower_bound
from pytest_benchmodels.statistics.outcomes import ErrorGroup
from tests.core.made_results import made

seconds = st.floats(0, 1000, allow_nan=False)


def a_result(scenario: str = "add", model: str = "sim/steady", status: Status = "passed", **facts: Any) -> Result:
    trial = facts.get("trial", 1)
    defaults = {"trial": 1, "started_at": 1000.0, "duration_s": 1.0, "latency_s": 1.0}
    nodeid = f"suite.yaml::{scenario}[{model}#{trial}]"
    return made(nodeid, scenario, model, status=status, **{**defaults, **facts})


def figures_of(*results: Result, lanes: int = 20) -> Figures:
    tally = Tally()
    for result in results:
        tally.add(result)
    return tally.figures(lanes)


# Newcombe, Statistics in Medicine 17 (1998), table I, method 3: the score method without continuity correction.
@pytest.mark.parametrize(
    ("passed", "graded", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_published_intervals(passed: int, graded: int, low: float, high: float) -> None:
    interval = wilson(passed, graded)
    assert interval is not None
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_wilson_of_nothing_is_unknown() -> None:
    assert wilson(0, 0) is None


@given(st.integers(1, 20_000).flatmap(lambda graded: st.tuples(st.integers(0, graded), st.just(graded))))
def test_wilson_holds_the_rate_and_stays_within_bounds(counts: tuple[int, int]) -> None:
    interval = wilson(*counts)
    assert interval is not None
    assert 0 <= interval.low <= counts[0] / counts[1] <= interval.high <= 1
    assert interval.low < interval.high


@given(st.integers(1, 1000).flatmap(lambda graded: st.tuples(st.integers(0, graded - 1), st.just(graded))))
def test_wilson_rises_with_each_pass_and_mirrors_failures(counts: tuple[int, int]) -> None:
    passed, graded = counts
    here, more, mirrored = wilson(passed, graded), wilson(passed + 1, graded), wilson(graded - passed, graded)
    assert here is not None
    assert more is not None
    assert mirrored is not None
    assert here.low < more.low
    assert here.high < more.high
    assert math.isclose(here.low, 1 - mirrored.high, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([7.0], 0.95, 7.0), ([15, 20, 35, 40, 50], 0.40, 29.0), ([4, 1, 3, 2], 0.75, 3.25)],
)
def test_percentile_of_known_values(values: list[float], share: float, expected: float | None) -> None:
    assert percentile(values, share) == pytest.approx(expected)


@given(st.lists(seconds, min_size=2, max_size=50))
def test_percentile_agrees_with_the_inclusive_quantiles_of_statistics(values: list[float]) -> None:
    expected = statistics.quantiles(values, n=20, method="inclusive")
    assert [percentile(values, n / 20) for n in range(1, 20)] == pytest.approx(expected, abs=1e-9)


@given(st.lists(seconds, min_size=1, max_size=50), st.floats(0, 1), st.floats(0, 1))
def test_percentile_is_monotonic_and_within_its_values(values: list[float], one: float, other: float) -> None:
    low, high = percentile(values, min(one, other)), percentile(values, max(one, other))
    assert low is not None
    assert high is not None
    assert min(values) <= low <= high <= max(values)


def makespan_of_list_schedule(times: list[float], lanes: int) -> float:
    free_at = [0.0] * lanes
    for time in times:
        heapq.heapreplace(free_at, free_at[0] + time)
    return max(free_at)


@given(st.dictionaries(st.sampled_from("abc"), st.lists(seconds, max_size=30)), st.integers(1, 8))
def test_no_schedule_beats_the_lower_bound(busy: dict[str, list[float]], lanes: int) -> None:
    makespan = max((makespan_of_list_schedule(times, lanes) for times in busy.values()), default=0.0)
    bound = lower_bound(busy, lanes)
    assert bound <= makespan * (1 + 1e-9)
    # Graham (1966): a list schedule is at most twice the optimum, so a bound that is too low would show.
    assert makespan <= 2 * bound + 1e-9


def makespan_of_shared_schedule(runs: list[tuple[str, float]], own: dict[str, int], pools: list[Pool]) -> float:
    """Each run starts, in order, as soon as its model's lanes and those of all its pools have room."""
    ends: list[tuple[str, float]] = []
    for model, took in runs:
        maxima = [(Pool((model,), own[model])), *(pool for pool in pools if model in pool.models)]
        start = 0.0
        for moment in sorted({0.0, *(end for _, end in ends)}):
            in_flight = [other for other, end in ends if end > moment]
            start = moment
            if all(sum(other in pool.models for other in in_flight) < pool.most for pool in maxima):
                break
        ends.append((model, start + took))
    return max((end for _, end in ends), default=0.0)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.001, 10)), max_size=15),
    st.fixed_dictionaries({model: st.integers(1, 4) for model in "abc"}),
    st.lists(st.builds(Pool, st.sets(st.sampled_from("abc"), min_size=1).map(tuple), st.integers(1, 4)), max_size=2),
)
def test_no_schedule_beats_the_lower_bound_of_lanes_that_models_share(
    runs: list[tuple[str, float]], own: dict[str, int], pools: list[Pool]
) -> None:
    busy = {model: [took for of, took in runs if of == model] for model in own}
    assert lower_bound(busy, 5, own, pools) <= makespan_of_shared_schedule(runs, own, pools) * (1 + 1e-9)


def test_lower_bound_knows_lanes_that_models_share() -> None:
    busy = {"a": [1.0] * 4, "b": [1.0] * 4, "c": [1.0] * 4}
    shared = [Pool(("a", "b"), 2)]
    assert lower_bound(busy, 10) == 1.0
    assert lower_bound(busy, 10, {}, shared) == 4.0
    assert lower_bound({"c": [1.0] * 4}, 10, {}, shared) == 1.0, "of models that did not run"


def test_lower_bound_is_of_the_slowest_model() -> None:
    assert lower_bound({"even": [2.0] * 10, "long": [1.0, 7.0], "none": []}, 2) == 10.0
    assert lower_bound({"even": [2.0] * 10, "long": [1.0, 7.0], "none": []}, 4) == 7.0
    assert lower_bound({}, 4) == 0.0


def test_lower_bound_knows_a_model_with_lanes_of_its_own() -> None:
    assert lower_bound({"wide": [2.0] * 10, "narrow": [2.0] * 10}, 10, {"narrow": 2}) == 10.0


def test_between_its_attempts_a_run_has_no_lane_and_is_not_over() -> None:
    resting = [a_result(name, duration_s=10.0, waits={NEXT_ATTEMPT: 8.0, "rpm of m": 1.0}) for name in "abcdef"]
    assert figures_of(*resting[:4], lanes=2).lower_bound_s == 10.0
    assert figures_of(*resting, *(a_result(name, duration_s=10.0) for name in "xyz"), lanes=2).lower_bound_s == 21.0


def test_an_error_is_neither_a_right_nor_a_wrong_answer() -> None:
    figures = figures_of(a_result("a"), a_result("b", status="failed"), a_result("c", status="error", latency_s=99.0))
    (model,) = figures.models
    assert (model.graded, model.rate, model.errors) == (2, 0.5, 1)
    assert model.p95_s == 1.0


def test_a_timeout_is_a_wrong_answer_that_percentiles_leave_out_and_count() -> None:
    figures = figures_of(a_result("a"), a_result("b", status="timeout", latency_s=0.5, duration_s=9.0))
    (model,) = figures.models
    assert (model.graded, model.rate, model.timeouts) == (2, 0.5, 1)
    assert (model.p50_s, model.p95_s, model.latency_runs, model.latency_timeouts) == (1.0, 1.0, 1, 1)
    (alone,) = figures_of(a_result("b", status="timeout", duration_s=9.0)).models
    assert (alone.p50_s, alone.latency_runs, alone.latency_timeouts) == (None, 0, 1)


def test_this_machines_own_delay_is_that_of_answers_of_which_it_was_measured() -> None:
    delays = [a_result(str(number), client_s=number / 100) for number in range(21)]
    unknown = [a_result("old"), a_result("late", status="timeout"), a_result("broken", status="error", client_s=9.0)]
    assert figures_of(*delays, *unknown).models[0].client_p95_s == pytest.approx(0.19)
    assert figures_of(*unknown).models[0].client_p95_s is None


def test_where_nothing_was_graded_nothing_is_known() -> None:
    (model,) = figures_of(a_result(status="skipped"), a_result("b", status="error")).models
    assert (model.rate, model.interval, model.score, model.p50_s, model.cost_usd) == (None,) * 5
    assert (model.skipped, model.errors, model.graded) == (1, 1, 0)


def test_scores_are_averaged_over_runs_that_have_one() -> None:
    (model,) = figures_of(
        a_result("a", score=1.0), a_result("b", status="failed", score=0.5), a_result("c", status="timeout")
    ).models
    assert model.score == 0.75


def test_tokens_are_what_the_provider_counted() -> None:
    counted = Response("4", usage=Usage(input_tokens=10, output_tokens=None))
    (model,) = figures_of(a_result("a", response=counted), a_result("b", response=counted), a_result("c")).models
    assert (model.input_tokens, model.output_tokens) == (20, None)


def test_one_answer_of_unknown_cost_makes_the_sum_unknown() -> None:
    known = a_result("a", cost_usd=0.25)
    assert figures_of(known, a_result("b", status="error")).models[0].cost_usd == 0.25
    assert figures_of(known, a_result("b", status="timeout", cost_usd=0.5)).models[0].cost_usd == 0.75
    assert figures_of(known, a_result("b", status="failed")).models[0].cost_usd is None


def test_throughput_counts_runs_and_scenarios_in_which_work_was_done() -> None:
    figures = figures_of(
        a_result("a", "m1"),
        a_result("a", "m2", "failed", started_at=1029.0),
        a_result("b", "m1", "timeout"),
        a_result("b", "m2", "error"),
        a_result("c", "m1", "skipped"),
        a_result("d", "m1", cached=True),
        a_result("e", "m2", "error"),
        a_result("e", "m1", cached=True),
    )
    assert (figures.runs, figures.worked_runs, figures.cached) == (8, 3, 2)
    assert (figures.scenarios, figures.worked_scenarios) == (5, 2)
    assert figures.makespan_s == 30.0
    assert (figures.runs_per_min, figures.scenarios_per_min) == (6.0, 4.0)


def test_a_model_that_errs_on_everything_takes_no_scenario_from_the_others() -> None:
    runs = [a_result(scenario, model) for scenario in "abc" for model in ("m1", "m2")]
    broken = [a_result(scenario, "m3", "error") for scenario in "abc"]
    figures = figures_of(*runs, *broken)
    assert (figures.scenarios_per_min, figures.runs_per_min) == (180.0, 360.0)


def test_skipped_and_cached_runs_took_no_time() -> None:
    figures = figures_of(
        a_result("a", started_at=5000.0, duration_s=4.0),
        a_result("b", status="skipped", started_at=1.0, duration_s=50.0),
        a_result("c", cached=True, started_at=2.0, duration_s=60.0),
        lanes=1,
    )
    assert (figures.makespan_s, figures.lower_bound_s, figures.efficiency) == (4.0, 4.0, 1.0)


def test_nothing_ran() -> None:
    figures = figures_of()
    assert (figures.models, figures.errors, figures.runs, figures.scenarios, figures.trials) == ((), (), 0, 0, 0)
    assert (figures.makespan_s, figures.runs_per_min, figures.scenarios_per_min, figures.efficiency) == (0, 0, 0, None)


def test_the_same_id_in_two_files_is_two_scenarios() -> None:
    one, other = a_result(), a_result()
    figures = figures_of(one, made(f"other.yaml::{other.scenario}[m]", other.scenario, "m", 2, "passed", 0.0, 1.0))
    assert (figures.scenarios, figures.trials) == (2, 2)


def test_errors_are_grouped_by_model_kind_and_cause_the_most_frequent_first() -> None:
    def error(model: str, kind: str, message: str) -> Result:
        return a_result(model=model, status="error", error=Failure(kind, message))

    figures = figures_of(
        error("a", "auth", "401"),
        error("b", "http", "busy, see request 9f3-b"),
        error("b", "http", "busy, see request 8a1-c"),
        error("b", "http", "no such field"),
        a_result(status="error"),
    )
    assert figures.errors == (
        ErrorGroup("b", "http", 2, "busy, see request 8a1-c"),
        ErrorGroup("a", "auth", 1, "401"),
        ErrorGroup("b", "http", 1, "no such field"),
        ErrorGroup("sim/steady", "unknown", 1, ""),
    )


@pytest.mark.parametrize(
    "words", ["the same kind of error", "an error that no further attempt mends (4 auth, 1 quota), the last with"]
)
def test_runs_that_were_not_started_after_an_error_have_its_cause(words: str) -> None:
    cause = "the answer of http://127.0.0.1:9 broke off: retry"
    refused = f"not started: 5 runs in a row ended with {words}: {cause}"
    found = figures_of(
        *(a_result(status="error", error=Failure("malformed", message)) for message in (refused, cause, refused))
    ).errors
    assert found == (ErrorGroup("sim/steady", "malformed", 3, cause),)


def test_of_many_causes_of_one_kind_the_rarest_are_one_group() -> None:
    words = ["".join(letters) for letters in itertools.product("abc", repeat=4)]
    found = figures_of(
        *(a_result(model="m", status="error", error=Failure("http", f"no {word}")) for word in [*words, "aaaa"])
    ).errors
    assert len(found) == 20
    assert found[0] == ErrorGroup("m", "http", 62, "no acab")
    assert sum(group.count for group in found) == 82


results = st.builds(
    lambda scenario, model, status, start, took, score: a_result(
        scenario,
        model,
        status,
        started_at=start,
        duration_s=took,
        latency_s=took / 2,
        score=score,
        cost_usd=score,
        error=Failure("http", scenario),
    ),
    st.sampled_from("abcdef"),
    st.sampled_from(["m1", "m2"]),
    st.sampled_from(["passed", "failed", "error", "timeout", "skipped"]),
    seconds,
    seconds,
    st.none() | st.floats(0, 1),
)


@given(st.lists(results, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_results_does_not_matter(some: list[Result], shuffle: random.Random) -> None:
    before = figures_of(*some)
    shuffle.shuffle(some)
    assert figures_of(*some) == before


@given(st.lists(results, max_size=30), st.integers(1, 3))
def test_every_run_has_one_status_and_figures_are_numbers(some: list[Result], lanes: int) -> None:
    figures = figures_of(*some, lanes=lanes)
    assert figures.runs == len(some) == sum(figures.statuses.values())
    assert figures.worked_scenarios <= min(figures.scenarios, figures.worked_runs)
    for value in (figures.makespan_s, figures.lower_bound_s, figures.runs_per_min, figures.scenarios_per_min):
        assert math.isfinite(value)
        assert value >= 0


def trials_of(passed: str, scenario: str) -> list[Result]:
    """`110`: two trials that passed and one that failed."""
    statuses: dict[str, Status] = {"1": "passed", "0": "failed", "t": "timeout", "e": "error"}
    return [
        a_result(scenario, status=statuses[letter], trial=trial, score={"1": 1.0, "0": 0.3}.get(letter))
        for trial, letter in enumerate(passed, 1)
    ]


def test_trials_that_agree_are_worth_one_run() -> None:
    runs = [run for n in range(20) for run in trials_of("111" if n % 2 else "000", f"s{n}")]
    (model,) = figures_of(*runs).models
    one_each = wilson(10, 20)
    assert (model.interval, one_each) != (None, None)
    assert model.interval is not None
    assert one_each is not None
    assert (model.interval.low, model.interval.high) == pytest.approx((one_each.low, one_each.high), abs=0.02)
    assert model.score_interval is not None
    assert model.score_interval.low < 0.65 < model.score_interval.high
    assert (model.effects.errors, model.effects.timeouts) == (3, 3)  # none of them: nothing tells how alike they are


def test_one_trial_of_each_scenario_has_wilsons_interval_exactly() -> None:
    runs = [run for n in range(30) for run in trials_of("t" if n < 3 else "1", f"s{n}")]
    (model,) = figures_of(*runs).models
    assert model.interval == wilson(27, 30)


def test_the_order_of_trials_changes_no_interval() -> None:
    runs = [run for n, word in enumerate(["110", "11", "0", "e1t", "10101"] * 4) for run in trials_of(word, f"s{n}")]
    shuffled = random.Random(6).sample(runs, len(runs))  # noqa: S311 - an order, not a secret
    assert figures_of(*shuffled) == figures_of(*runs)


def test_latency_percentiles_have_intervals_where_there_are_enough_runs() -> None:
    few = figures_of(*(a_result(f"s{n}", latency_s=float(n)) for n in range(71))).models[0]
    many = figures_of(*(a_result(f"s{n}", latency_s=float(n)) for n in range(72))).models[0]
    alike = figures_of(*(a_result(f"s{n % 36}", trial=n // 36, latency_s=float(n)) for n in range(72))).models[0]
    assert few.p50_interval is not None
    assert few.p95_interval is None
    assert many.p95_interval is not None
    assert (many.p95_interval.low, many.p95_interval.high) == (63.0, 71.0)
    assert alike.p95_interval is None
