"""ROUGE-L, BLEU and chrF: the figures of the reference packages, and of the formulas."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.graders import BUILTIN
from pytest_benchmodels.graders.overlap import Bleu, Chrf, RougeL


@cache
def published() -> Any:
    """The package, which takes two seconds to import: each of the tests' processes imports this module."""
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"])


SENTENCE = st.lists(
    st.sampled_from(["the", "cat", "Sat", "on", "mat.", "don't", "a-b", "snake_case", "3.5", "--"]), max_size=12
)
ASCII = st.text(st.characters(max_codepoint=126), max_size=60)
# sacrebleu's own example, of its issue 98
REFERENCE = "producţia de zahăr brut se exprimă în zahăr alb;"
ANSWER = "Producția de zahăr primă va fi exprimată în ceea ce privește zahărul alb;"


def score(check: RougeL | Bleu | Chrf, answer: str) -> float:
    grade: Grade = check.grade(Response(answer))
    return grade.score


@pytest.mark.parametrize(
    ("reference", "answer", "precision", "recall", "f1"),
    [  # the examples of rouge-score's own tests and of its README
        ("testing one two", "testing one", 1, 2 / 3, 4 / 5),
        ("testing one two", "testing two", 1, 2 / 3, 4 / 5),
        ("testing one two", "", 0, 0, 0),
        ("The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log.", 5 / 8, 5 / 9, 10 / 17),
    ],
)
def test_rouge_l_gives_the_published_figures(
    reference: str, answer: str, precision: float, recall: float, f1: float
) -> None:
    told = {"precision": precision, "recall": recall, "f1": f1}
    measured = {name: score(msgspec.convert({"rouge_l": reference, "measure": name}, RougeL), answer) for name in told}

    assert measured == pytest.approx(told)


def test_of_several_references_the_best_counts() -> None:
    assert score(RougeL(("first text", "first something")), "text first") == pytest.approx(0.5)
    grade = RougeL(("something else", "the first text")).grade(Response("The first text"))
    assert grade.explanation == "1.00 ROUGE-L with 'the first text'"


@given(SENTENCE, SENTENCE.filter(bool))
def test_rouge_l_is_that_of_the_package(said: list[str], wanted: list[str]) -> None:
    answer, reference = " ".join(said), " ".join(wanted)

    assert score(RougeL(reference), answer) == pytest.approx(published().score(reference, answer)["rougeL"].fmeasure)


@given(ASCII, ASCII.filter(bool))
def test_any_ascii_text_has_the_words_of_the_package(answer: str, reference: str) -> None:
    assert score(RougeL(reference), answer) == pytest.approx(published().score(reference, answer)["rougeL"].fmeasure)


@pytest.mark.parametrize(
    ("reference", "answer", "f1"),
    [
        ("Caf\u00e9 au lait", "cafe\u0301 au lait", 1),
        ("не так быстро", "Не быстро", 4 / 5),  # noqa: RUF001 - Russian
        ("東京都", "京都", 4 / 5),
        ("हिन्दी में", "हिन्दी", 2 / 3),
        ("한국어 문장", "한국어", 2 / 3),
    ],
)
def test_words_beyond_ascii_count(reference: str, answer: str, f1: float) -> None:
    assert score(RougeL(reference), answer) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("tokenize", "ignore_case", "told"),
    [
        ("13a", False, 8.493),
        ("none", False, 7.347),
        ("intl", False, 8.493),
        ("char", False, 40.8759),
        ("char", True, 42.0267),
    ],
)
def test_bleu_gives_the_published_figures(tokenize: str, ignore_case: bool, told: float) -> None:  # noqa: FBT001 - a table's column
    check = msgspec.convert({"bleu": REFERENCE, "tokenize": tokenize, "ignore_case": ignore_case}, Bleu)

    assert 100 * score(check, ANSWER) == pytest.approx(told, abs=1e-3)
    assert score(Bleu("okay thanks"), "this is a cat") == 0


def bleu_by_hand(answer: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Papineni et al. (2002) for texts in which all n-grams up to four occur: no smoothing comes into it."""
    precisions = []
    for n in range(1, 5):
        said = _ngrams(answer, n)
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= _ngrams(reference, n)
        precisions.append(sum((said & most).values()) / sum(said.values()))
    nearest = min(map(len, references), key=lambda length: (abs(length - len(answer)), length))
    brevity = math.exp(min(0.0, 1 - nearest / len(answer)))
    return float(brevity * math.prod(precisions) ** 0.25)


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))


@pytest.mark.parametrize(
    "answer", ["the cat sat on the mat", "the old cat sat on the mat today", "a cat sat on the mat and the cat sat on"]
)
def test_bleu_is_the_formulas(answer: str) -> None:
    references = ("the cat sat on the mat", "there is a cat sat on the mat")

    assert score(Bleu(references), answer) == pytest.approx(
        bleu_by_hand(answer.split(), [reference.split() for reference in references])
    )


@pytest.mark.parametrize(
    ("answer", "reference", "told"),
    [("a", "a", 1), ("", "reference", 0), ("a b c", "a b c", 1), ("a b c", "abc", 1), ("aa", "ab", 0.25)],
)
def test_chrf_gives_the_published_figures(answer: str, reference: str, told: float) -> None:
    """Those of sacrebleu's own tests for effective orders; of these few characters recall and precision are equal."""
    assert score(Chrf(reference), answer) == pytest.approx(told)


def chrf_by_hand(answer: str, reference: str) -> float:
    """Popović (2015), beta 2, for texts with six characters and more."""
    said, wanted = "".join(answer.split()), "".join(reference.split())
    scores = []
    for n in range(1, 7):
        ours, theirs = _ngrams(said, n), _ngrams(wanted, n)
        common = sum((ours & theirs).values())
        precision, recall = common / sum(ours.values()), common / sum(theirs.values())
        scores.append((precision, recall))
    precision, recall = (sum(part) / 6 for part in zip(*scores, strict=True))
    return float(5 * precision * recall / (4 * precision + recall))


@pytest.mark.parametrize("answer", ["Das Haus ist klein.", "Das Häuschen ist sehr klein", REFERENCE])
def test_chrf_is_the_formulas(answer: str) -> None:
    reference = "Das Haus ist sehr klein."

    assert score(Chrf(reference), answer) == pytest.approx(chrf_by_hand(answer, reference))


def test_the_grade_tells_score_and_reference() -> None:
    grades = [
        RougeL("the cat", min=0.9).grade(Response("the\x1b[31m dog")),
        Bleu("The cat sat on the mat.").grade(Response("The cat sat on the mat.")),
        Chrf("the cat", min=1).grade(Response("the dog")),
    ]

    assert [grade.explanation for grade in grades] == [
        r"expected at least 0.9 ROUGE-L with 'the cat', got 0.40: 'the\x1b[31m dog'",
        "1.00 BLEU with 'The cat sat on the mat.'",
        "expected at least 1 chrF with 'the cat', got 0.19: 'the dog'",
    ]


@pytest.mark.parametrize("check", [Bleu("word"), Chrf("word")])
def test_what_is_too_long_has_no_verdict(check: Bleu | Chrf) -> None:
    with pytest.raises(CheckError, match=r"the answer has 100,001 characters, and `\w+` compares at most 100,000"):
        check.grade(Response("x" * 100_001))


def test_too_many_words_have_no_verdict() -> None:
    with pytest.raises(CheckError, match=r"the answer has 40,000 words, and `rouge_l` compares at most 33,333"):
        RougeL("b " * 30_000).grade(Response("a " * 40_000))


@pytest.mark.parametrize("kind", ["bleu", "chrf"])
def test_a_reference_that_is_too_long_is_an_error_of_the_file(kind: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="a reference has 100,001 characters"):
        msgspec.convert({kind: ["a", "x" * 100_001]}, BUILTIN[kind])


@pytest.mark.parametrize("kind", ["rouge_l", "bleu", "chrf"])
@pytest.mark.parametrize("options", [{"": ""}, {"": []}, {"": [""]}, {"": "a", "min": 1.5}, {"": "a", "min": -1}])
def test_values_that_cannot_be(kind: str, options: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({name or kind: value for name, value in options.items()}, BUILTIN[kind])


def test_no_answer_is_kept_in_memory() -> None:
    Bleu("word").grade(Response("an answer that nobody asked to keep"))

    assert Tokenizer13a.__call__.cache_info().currsize == 0
    assert TokenizerRegexp.__call__.cache_info().currsize == 0
    assert BLEU(effective_order=True).sentence_score("a", ["a"]).score  # which would keep it
    assert Tokenizer13a.__call__.cache_info().currsize
