"""Checks that measure how much an answer has in common with a reference: ROUGE-L, BLEU and chrF."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.graders.extras import FromExtra
from pytest_benchmodels.graders.normalization import fold, listed, shown

if TYPE_CHECKING:
    import regex
    from sacrebleu.metrics.base import Metric

__all__ = ["CHECKS", "Bleu", "Chrf", "RougeL"]

_Reference = Annotated[str, Meta(min_length=1)]
_References = _Reference | Annotated[tuple[_Reference, ...], Meta(min_length=1)]
_Share = Annotated[float, Meta(ge=0, le=1)]

_WORK = 1_000_000_000
"""Words times words that are compared: some 20 ms, and two texts of 31,000 words each."""

_MOST_CHARS = 100_000
"""Of an answer or a reference: n-grams of more take seconds, and a hundred times the text's memory."""


_NEAR = 1e-9


class RougeL(Grader, frozen=True):
    """The answer has the words of a reference, in its order: the longest common subsequence of their words (ROUGE-L).

    The score is the F1 of precision (the share of the answer's words) and recall (of the reference's), or the one that
    `measure` names. Of several references the best counts. Passed from `min` on. Words are compared without case;
    they are what the package rouge-score takes for words, and beyond ASCII any letters and digits, in Chinese and
    Japanese each character. Source: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004).
    """

    rouge_l: _References
    min: _Share = 0.5
    measure: Literal["f1", "precision", "recall"] = "f1"

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Measure; raise `CheckError` where that would take more than a moment."""
        return _best(self.rouge_l, self.min, response.text, "ROUGE-L", self._score)

    def example(self) -> str:
        return listed(self.rouge_l)[0]

    def _score(self, answer: str, reference: str) -> float:
        # rouge-score itself takes nltk, 3 s to load, and fills a table of words times words in Python.
        from rapidfuzz.distance import LCSseq  # noqa: PLC0415 - 38 ms that only a suite with this check pays

        said, wanted = _words(answer), _words(reference)
        if not said or not wanted:
            return 0.0
        if len(said) * len(wanted) > _WORK:
            raise CheckError(
                f"the answer has {len(said):,} words, and `rouge_l` compares at most {_WORK // len(wanted):,} with a "
                f"reference of {len(wanted):,}; lower max_tokens or use another check"
            )
        common = LCSseq.similarity(said, wanted)
        of = {"precision": len(said), "recall": len(wanted), "f1": (len(said) + len(wanted)) / 2}
        return common / of[self.measure]


class Bleu(FromExtra, frozen=True):
    """The answer has word sequences of a reference: sentence BLEU, divided by 100, as sacrebleu computes it.

    n-grams up to four words, those that the answer is too short for left out, exponential smoothing. Several references
    are used together. `tokenize` says what a word is: `13a` for languages with spaces, `zh` for Chinese, `char` for
    each character, `intl`, `none`. Passed from `min` on.
    Source: Post, "A Call for Clarity in Reporting BLEU Scores" (2018).
    """

    bleu: _References
    min: _Share = 0.3
    ignore_case: bool = False
    tokenize: Literal["13a", "intl", "zh", "char", "none"] = "13a"

    package: ClassVar[str] = "sacrebleu"
    extra: ClassVar[str] = "text"

    def __post_init__(self) -> None:
        FromExtra.__post_init__(self)
        _check_length(self.bleu)

    def grade(self, response: Response) -> Grade:
        """Measure; raise `CheckError` for an answer of more than 100,000 characters."""
        from sacrebleu.metrics.bleu import BLEU  # noqa: PLC0415 - an extra, and 0.3 s that only its users pay

        metric = BLEU(lowercase=self.ignore_case, tokenize=self.tokenize, effective_order=True)
        return _together(self.bleu, self.min, response.text, metric)

    def example(self) -> str:
        return listed(self.bleu)[0]


class Chrf(FromExtra, frozen=True):
    """The answer has character sequences of a reference: sentence chrF2, divided by 100, as sacrebleu computes it.

    Sequences of up to six characters, white space left out, recall counted twice as much as precision; with
    `word_order: 2` those of up to two words as well (chrF++). Of several references the best counts. Passed from `min`
    on. Source: Popović, "chrF: character n-gram F-score for automatic MT evaluation" (2015).
    """

    chrf: _References
    min: _Share = 0.5
    ignore_case: bool = False
    word_order: Annotated[int, Meta(ge=0, le=2)] = 0

    package: ClassVar[str] = "sacrebleu"
    extra: ClassVar[str] = "text"

    def __post_init__(self) -> None:
        FromExtra.__post_init__(self)
        _check_length(self.chrf)

    def grade(self, response: Response) -> Grade:
        """Measure; raise `CheckError` for an answer of more than 100,000 characters."""
        from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415 - an extra, and 0.3 s that only its users pay

        return _together(
            self.chrf, self.min, response.text, CHRF(lowercase=self.ignore_case, word_order=self.word_order)
        )

    def example(self) -> str:
        return listed(self.chrf)[0]


@cache
def _word() -> regex.Pattern[str]:
    import regex  # noqa: PLC0415 - 25 ms that only a suite with this check pays

    # Vowel signs are marks: without them the words of Hindi or Thai would fall apart.
    alone = r"\p{Han}\p{Hiragana}\p{Katakana}"
    return regex.compile(rf"[{alone}]|[[\p{{L}}\p{{M}}\p{{N}}]--[{alone}]]+", regex.V1)


def _words(text: str) -> list[str]:
    found: list[str] = _word().findall(fold(text).lower())
    return found


def _best(
    references: str | tuple[str, ...], least: float, answer: str, name: str, score_of: Callable[[str, str], float]
) -> Grade:
    """The grade by the reference that is nearest to the answer."""
    scores = {reference: score_of(answer, reference) for reference in listed(references)}
    nearest = max(scores, key=scores.__getitem__)
    return _graded(scores[nearest], least, answer, name, nearest)


def _together(references: str | tuple[str, ...], least: float, answer: str, metric: Metric) -> Grade:
    """The grade by all references, as sacrebleu takes them together; the first is shown."""
    several = listed(references)
    name = "BLEU" if type(metric).__name__ == "BLEU" else "chrF"
    if len(answer) > _MOST_CHARS:
        raise CheckError(
            f"the answer has {len(answer):,} characters, and `{name.lower()}` compares at most {_MOST_CHARS:,}; "
            "lower max_tokens or use another check"
        )
    score = metric.sentence_score(answer, several).score / 100
    _forget(metric)
    return _graded(min(score, 1.0), least, answer, name, several[0])


def _check_length(references: str | tuple[str, ...]) -> None:
    longest = max(map(len, listed(references)))
    if longest > _MOST_CHARS:
        raise ValueError(f"a reference has {longest:,} characters, and at most {_MOST_CHARS:,} are compared")


def _graded(score: float, least: float, answer: str, name: str, reference: str) -> Grade:
    against = f"{name} with {shown(reference)}"
    if score >= least - _NEAR:
        return Grade(score, passed=True, explanation=f"{score:.2f} {against}")
    return Grade(
        score, passed=False, explanation=f"expected at least {least:g} {against}, got {score:.2f}: {shown(answer)}"
    )


def _forget(metric: Any) -> None:
    """Empty the tokenizer's caches: they would keep the last 65,536 answers, and their words, for good."""
    tokenizer = getattr(metric, "tokenizer", None)
    for part in (tokenizer, getattr(tokenizer, "_post_tokenizer", None)):
        clear = getattr(type(part).__call__, "cache_clear", None)
        if clear is not None:
            clear()


CHECKS: tuple[type[Grader], ...] = (RougeL, Bleu, Chrf)
"""The checks of this family, in the order in which they are told."""
