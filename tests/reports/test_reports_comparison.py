from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from pytest_benchmodels.core.result import Status
from pytest_benchmodels.reports.comparison import comparison_lines, comparison_plain, verdict_text
from pytest_benchmodels.reports.units import p_value, points
from pytest_benchmodels.statistics.comparison import Comparison, ModelComparison, Needed, compare
from pytest_benchmodels.statistics.outcomes import Outcome

_LETTERS: Mapping[str, Status] = {"p": "passed", "f": "failed", "e": "error"}


def a_run(letters: str, model: str = "m", prefix: str = "suite.yaml::s") -> Iterator[Outcome]:
    for number, letter in enumerate(letters):
        status = _LETTERS[letter]
        yield Outcome(f"{prefix}{number}", model, 1, status, {"passed": 1.0, "failed": 0.5}.get(status))


def lines(before: str, after: str) -> list[str]:
    return comparison_lines(compare(a_run(before), a_run(after)), "run-1")


def a_model(before: str, after: str) -> ModelComparison:
    return compare(a_run(before), a_run(after)).models[0]


def test_a_regression_reads_like_this() -> None:
    assert lines("p" * 10 + "e", "f" * 6 + "ppp" + "e" + "p") == [
        "compared with run-1:",
        "model  scenarios        pass rate    change  95% CI                 p  better  worse  verdict",
        "m              9  100.0% -> 33.3%  -66.7 pp  -87.9 to -16.8 pp  0.031       0      6  worse",
        "m: score 1.00 -> 0.67 (-0.333, 95% CI -0.589 to -0.050)",
        "m: got worse: 6 scenarios",
        *(f"  suite.yaml::s{number}  1/1 -> 0/1" for number in range(6)),
        "m: newly errs: 1 scenario",
        "  suite.yaml::s9  0 errors -> 1 error",
        "m: no longer errs: 1 scenario",
        "  suite.yaml::s10  1 error -> 0 errors",
    ]


def test_a_long_list_is_cut_and_says_so() -> None:
    found = lines("f" * 13, "p" * 13)
    assert "m: got better: 13 scenarios" in found
    assert found[-1] == "  and 3 more"
    assert sum(line.startswith("  suite") for line in found) == 10


def test_a_model_without_a_pair_has_no_figures() -> None:
    assert lines("e", "p")[2:4] == [
        "m              0          -       -  -       -       0      0  inconclusive",
        "m: inconclusive: no scenario was graded in both runs",
    ]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("pp", "pp", "inconclusive: the pass rates do not differ"),
        ("e", "p", "inconclusive: no scenario was graded in both runs"),
        ("p" * 9, "f" * 9, "worse"),
        ("f" * 9, "p" * 9, "better"),
    ],
)
def test_each_verdict_is_in_words(before: str, after: str, text: str) -> None:
    assert verdict_text(a_model(before, after)) == text


def test_an_inconclusive_verdict_says_how_many_more_are_needed() -> None:
    model = a_model("p" * 20, "f" + "p" * 19)
    # 159 in all by the test itself; Connor's (1.96 * 0.2236 + 0.8416 * 0.2179)**2 / 0.05**2 is 154.6.
    assert model.needed == Needed(scenarios=139, trials=None)
    assert verdict_text(model) == "inconclusive: about 139 more scenarios would be needed"
    of_trials = replace(model, needed=Needed(scenarios=139, trials=1))
    assert verdict_text(of_trials) == (
        "inconclusive: about 1 more trial of each scenario, or 139 more scenarios, would be needed"
    )


def test_a_p_value_that_only_the_other_models_raise_is_told() -> None:
    before = [*a_run("p" * 6, "a"), *a_run("p" * 6, "b")]
    found = comparison_lines(compare(before, [*a_run("f" * 6, "a"), *a_run("p" * 6, "b")]), "run-1")
    assert "a: p is 0.031 alone, and 0.063 among the models compared" in found


def test_what_is_in_one_run_only_is_counted_and_named() -> None:
    before = [*a_run("pp"), *a_run("p", "old")]
    after = [
        *a_run("p"),
        *a_run("p", prefix="suite.yaml::new"),
        *(run for n in range(12) for run in a_run("p", f"n{n:02}")),
    ]
    found = comparison_lines(compare(before, after), "base.json")
    assert "m: 1 scenario ran only in the run before" in found
    assert "m: 1 scenario ran only in this run" in found
    assert found[-2:] == [
        "only in the run before: old",
        "only in this run: n00, n01, n02, n03, n04, n05, n06, n07, n08, n09 and 2 more",
    ]


def test_answers_that_were_taken_over_are_told() -> None:
    after = [Outcome("suite.yaml::s0", "m", 1, "passed", cached=True)]
    found = comparison_lines(compare(a_run("p"), after), "run-1")
    assert "m: 1 run took over an answer: they differ only by their checks" in found


def test_runs_without_a_common_model_are_told() -> None:
    found = comparison_lines(compare(a_run("p", "a"), a_run("p", "b")), "run-1")
    assert found == ["compared with run-1:", "only in the run before: a", "only in this run: b"]


def test_hostile_names_do_not_steer_the_terminal() -> None:
    hostile = "\x1b[2J\nx" + "y" * 500
    comparison = compare(a_run("p", hostile, hostile), a_run("f", hostile, hostile))
    found = comparison_lines(comparison, hostile)
    assert not any(letter in line for line in found for letter in "\x1b\n")
    assert max(map(len, found)) < 300


def test_the_plain_form_is_json_with_every_figure() -> None:
    comparison = compare([*a_run("pfpe"), *a_run("p", "old")], a_run("fppp"))
    plain = comparison_plain(comparison)
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["models_only_before"], plain["models_only_after"]) == (["old"], [])
    assert isinstance(plain["models"], list)
    model = plain["models"][0]
    assert (model["verdict"], model["p_value"], model["cached"]) == ("inconclusive", 1.0, 0)
    assert (model["more_trials_needed"], model["more_scenarios_needed"]) == (None, None)
    assert model["rate"]["scenarios"] == 3
    assert model["rate"]["difference_ci95"][0] < 0 < model["rate"]["difference_ci95"][1]
    assert model["worse"] == [
        {
            "scenario": "suite.yaml::s0",
            "before": {"passed": 1, "graded": 1, "errors": 0, "score": 1.0},
            "after": {"passed": 0, "graded": 1, "errors": 0, "score": 0.5},
        }
    ]
    assert [change["scenario"] for change in model["no_longer_errs"]] == ["suite.yaml::s3"]


def test_the_plain_form_of_a_model_without_a_pair_has_nulls() -> None:
    plain = comparison_plain(Comparison((a_model("e", "p"),), (), ()))
    assert isinstance(plain["models"], list)
    assert (plain["models"][0]["rate"], plain["models"][0]["score"]) == (None, None)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "<0.001"), (0.00099, "<0.001"), (0.001, "0.001"), (0.0499, "0.049"), (0.05, "0.050"), (1, "1.000")],
)
def test_a_p_value_is_never_rounded_over_the_limit(value: float, shown: str) -> None:
    assert p_value(value) == shown


def test_points_carry_their_sign() -> None:
    assert [points(value) for value in (-0.032, 0.0, 0.1)] == ["-3.2 pp", "+0.0 pp", "+10.0 pp"]
