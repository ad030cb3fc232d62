"""`language`: what it knows, what it leaves out, and codes that it does not know."""

from __future__ import annotations

import msgspec
import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.graders.language import _EXAMPLES, LANGUAGES, Language


def judge(wanted: str | list[str], answer: str, **options: object) -> Grade:
    grade: Grade = msgspec.convert({"language": wanted, **options}, Language).grade(Response(answer))
    return grade


def test_the_languages_are_those_of_the_package() -> None:
    assert frozenset(LanguageIdentifier.from_model_file(MODEL_FILE).nb_classes) == LANGUAGES


@pytest.mark.parametrize("code", sorted(_EXAMPLES))
def test_each_example_is_in_its_language(code: str) -> None:
    """The package is not the only judge of them: each begins with the language's words for "this is"."""
    grade = judge(code, _EXAMPLES[code], min=0.5)

    assert grade.passed, grade.explanation
    assert Language(code).example() == _EXAMPLES[code]


@pytest.mark.parametrize(
    ("wanted", "answer", "said"),
    [
        ("en", "This is the whole answer to it.", "is en ("),
        ("de", "This is the whole\x1b[31m answer to it.", "expected de, got en ("),
        (["de", "fr"], "This is the whole answer to it.", "expected de or fr, got en ("),
        ("en", "42 + 1 = 43", "expected en, but there are no words in '42 + 1 = 43'"),
    ],
)
def test_the_language_is_told(wanted: str | list[str], answer: str, said: str) -> None:
    told = judge(wanted, answer).explanation

    assert told.startswith(said)
    assert "\x1b" not in told


def test_without_words_neither_it_nor_its_opposite_holds() -> None:
    for answer in ("", "42", "```\nwhile True: pass\n```", "https://example.com/an/english/text"):
        grade = judge("de", answer)
        assert (grade.passed, grade.undecided) == (False, True), answer


def test_a_likelihood_may_be_asked_for() -> None:
    short = "Nej."
    likely = judge(["da", "sv"], short, among=["da", "sv"])

    assert likely.passed
    grade = judge(["da", "sv"], short, among=["da", "sv"], min=1)
    assert not grade.passed
    assert grade.explanation.startswith("expected da or sv by at least 1, got ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"language": "german"}, "language 'german' is not known: it is an ISO 639 code in small letters"),
        ({"language": ["de", "DE"]}, "language 'DE' is not known"),
        ({"language": "de", "among": ["xx"]}, "language 'xx' is not known"),
        ({"language": "de", "among": ["en"]}, "language 'de' is not `among` those that come into question: add it"),
        ({"language": []}, "length >= 1"),
        ({"language": "de", "min": 2}, "<= 1"),
    ],
)
def test_values_that_cannot_be(options: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(options, Language)


def test_a_long_answer_is_told_by_its_beginning() -> None:
    german, english = "Das ist ein kurzer Satz. ", "This is a short sentence. "

    assert judge("de", german * 1000 + english * 100_000).passed


@pytest.mark.parametrize(
    "answer", ["`" * 100_000, "```" * 50_000, "https://" * 20_000, "\u0301" * 100_000, "~~~`" * 30_000]
)
def test_hostile_answers_are_read(answer: str) -> None:
    assert not judge("de", answer).passed
