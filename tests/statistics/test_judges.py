"""What the votes of judges tell of them."""

from __future__ import annotations

from msgspec.structs import replace

from pytest_benchmodels.core.result import CheckResult, Result
from pytest_benchmodels.core.scenario import Vote
from pytest_benchmodels.statistics.judges import JudgeFigures, JudgeTally
from tests.core.made_results import made


def judged(*votes: Vote, model: str = "a/model") -> Result:
    check = CheckResult("judge", 1.0, passed=True, explanation="", votes=votes)
    return made("a.yaml::a[m]", "a", model, 1, "passed", 0.0, 1.0, checks=(check,))


def pair(first: str, second: str, number: int = 1, judge: str = "a/judge") -> tuple[Vote, ...]:
    """What a judge said where the answer stood first, and where it stood second."""
    return (
        Vote(judge, float(first == "first"), first == "first", number, "first", verdict=first),
        Vote(judge, float(second == "second"), second == "second", number, "second", verdict=second),
    )


def figures(*results: Result) -> tuple[JudgeFigures, ...]:
    tally = JudgeTally()
    for result in results:
        tally.add(result)
    return tally.figures()


def test_without_votes_there_is_nothing_to_tell() -> None:
    assert figures(judged()) == ()


def test_votes_are_counted_by_judge_and_own_answers_once_a_run() -> None:
    one, two = Vote("a/judge", 1.0, passed=True), Vote("b/judge", 0.0, passed=False)
    assert figures(judged(one, two), judged(one, one, model="a/judge")) == (
        JudgeFigures("a/judge", 3, 1, 0, 0, 0),
        JudgeFigures("b/judge", 1, 0, 0, 0, 0),
    )


def test_own_answers_are_told_by_the_vote_whatever_the_name() -> None:
    own = Vote("an/alias", 1.0, passed=True, own=True)
    assert figures(judged(own, own), judged(replace(own, own=False))) == (JudgeFigures("an/alias", 3, 1, 0, 0, 0),)


def test_judges_inside_of_combinations_count_as_others_do() -> None:
    inner = CheckResult("judge", 1.0, passed=True, explanation="", votes=(Vote("a/judge", 1.0, passed=True),))
    run = judged()
    outer = replace(run.checks[0], checks=(replace(inner, votes=()), replace(inner, checks=(inner,), votes=())))
    counted = replace(run, verdict=replace(run.verdict, checks=(outer,)))
    assert figures(counted, counted) == (JudgeFigures("a/judge", 2, 0, 0, 0, 0),)


def test_pairs_that_the_order_decided_are_told_by_side() -> None:
    (told,) = figures(
        judged(*pair("first", "second"), *pair("second", "first", 2), *pair("tie", "tie", 3)),
        judged(*pair("first", "first"), *pair("tie", "first", 2), *pair("second", "second", 3)),
    )
    assert (told.pairs, told.for_first, told.for_second) == (6, 2, 1)


def test_judges_with_the_same_number_make_pairs_of_their_own() -> None:
    told = figures(judged(*pair("first", "first"), *pair("first", "second", judge="b/judge")))
    assert [(each.model, each.pairs, each.for_first) for each in told] == [("a/judge", 1, 1), ("b/judge", 1, 0)]


def test_not_turns_scores_round_and_no_bias() -> None:
    turned = [replace(vote, score=1 - vote.score, passed=not vote.passed) for vote in pair("first", "first")]
    (told,) = figures(judged(*turned))
    assert (told.for_first, told.for_second) == (1, 0)
