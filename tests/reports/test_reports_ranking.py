from __future__ import annotations

import json

from pytest_benchmodels.reports.verdicts import ranking_lines, ranking_plain
from pytest_benchmodels.statistics.outcomes import Outcome
from pytest_benchmodels.statistics.ranking import rank


def answers(model: str, *passes: str) -> list[Outcome]:
    """One word for each trial, in it one digit for each scenario, passed or not."""
    return [
        Outcome(f"f.yaml::s{number}", model, trial, "passed" if digit == "1" else "failed", float(digit))
        for trial, word in enumerate(passes, 1)
        for number, digit in enumerate(word)
    ]


def test_a_ranking_of_single_trials_reads_like_this() -> None:
    ranking = rank([*answers("low", "0" * 9 + "1"), *answers("high", "1" * 10), *answers("near", "1" * 9 + "0")])
    assert ranking_lines(ranking) == [
        "place  model  passed    rate  95% CI       score",
        "    1  high    10/10  100.0%  72.2-100.0%   1.00",
        "    1  near     9/10   90.0%  59.6-98.2%    0.90",
        "    3  low      1/10   10.0%  1.8-40.4%     0.10",
        "told apart: 2 of 3 pairs of models (p after Holm's correction)",
        "  high over low: +90.0 pp over 10 scenarios, p 0.012",
        "  near over low: +80.0 pp over 10 scenarios, p 0.043",
    ]


def test_a_ranking_of_trials_reads_like_this() -> None:
    assert ranking_lines(rank(answers("m", "1101", "1001"))) == [
        "place  model  passed   rate  95% CI      score  trials  pass@2  pass^2  flaky",
        "    1  m         5/8  62.5%  21.9-90.8%   0.62   4 x 2   75.0%   50.0%  25.0%",
        "m: trials disagree in 1 scenario",
        "  f.yaml::s1  1/2 passed",
    ]


def test_a_model_of_single_trials_beside_one_of_several_has_dashes() -> None:
    lines = ranking_lines(rank([*answers("a", "11", "11"), *answers("b", "11")]))
    assert lines[2].split() == ["1", "b", "2/2", "100.0%", "34.2-100.0%", "1.00", "-", "-", "-", "-"]


def test_a_model_of_errors_only_has_no_place() -> None:
    lines = ranking_lines(rank([Outcome("s", "m", 1, "error")]))
    assert lines[1].split() == ["-", "m", "0/0", "-", "-", "-"]


def test_long_lists_are_cut_and_say_so() -> None:
    flaky = ranking_lines(rank(answers("m", "1" * 12, "0" * 12)))
    assert flaky[-1] == "  and 2 more"
    many = [run for n in range(5) for run in answers(f"good{n}", "1" * 30) + answers(f"poor{n}", "0" * 30)]
    pairs = ranking_lines(rank(many))
    assert "told apart: 25 of 45 pairs of models (p after Holm's correction)" in pairs
    assert pairs[-1] == "  and 15 more"


def test_a_ranking_of_nothing_has_no_lines() -> None:
    assert ranking_lines(rank([])) == []


def test_hostile_names_do_not_steer_the_terminal() -> None:
    runs = [Outcome("\x1b]0;x\x07", "a\nb\x1b[0m", trial, "passed" if trial == 1 else "failed") for trial in (1, 2)]
    assert not any(letter in line for line in ranking_lines(rank(runs)) for letter in "\x1b\x07\n")


def test_the_plain_form_is_json_with_every_figure() -> None:
    plain = ranking_plain(rank([*answers("a", "1101", "1001"), *answers("b", "0000")]))
    assert json.loads(json.dumps(plain)) == plain
    assert isinstance(plain["models"], list)
    first, second = plain["models"]
    assert (first["place"], first["k"], first["scenarios_with_k_trials"]) == (1, 2, 4)
    assert (first["pass_at_k"], first["pass_hat_k"], first["flaky_share"]) == (0.75, 0.5, 0.25)
    assert first["flaky"] == [{"scenario": "f.yaml::s1", "passed": 1, "graded": 2, "flakiness": 1.0}]
    assert (second["k"], second["pass_at_k"], second["flaky"]) == (None, None, [])
    assert plain["pairs"] == [
        {"first": "a", "second": "b", "scenarios": 4, "difference": 0.625, "p_value": 0.25, "significant": False}
    ]


def test_all_models_have_one_k_and_a_scenario_with_more_trials_does_not_decide() -> None:
    runs = [*answers("a", "111", "110", "100"), *answers("b", "111", "101"), Outcome("f.yaml::s0", "b", 3, "passed")]
    lines = ranking_lines(rank(runs))
    assert lines[0].split()[-4:] == ["trials", "pass@2", "pass^2", "flaky"]
    assert [line.split()[6:9] for line in lines[1:3]] == [["3", "x", "2"], ["3", "x", "2"]]
