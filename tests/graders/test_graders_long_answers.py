"""Long answers are looked at in parts: what comes out is the same, and no part is longer than it may be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.thinking import split_thinking
from pytest_benchmodels.graders import BUILTIN, normalization
from pytest_benchmodels.graders.normalization import compose, count_words, fold, without_emphasis

MARKS = st.text("ab1 *_`~\n\u00e9", max_size=60)
LETTERS = st.text(
    st.one_of(
        st.sampled_from(
            "a \n.\u0301\u0323\u3099\u304b\u1100\u1161\u11a8\u09c7\u09be\u6f22\u0e44\u00df\u0130\u2026\uff21"
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=40,
)


def in_parts(size: int, action: Callable[[str], object], text: str) -> object:
    """What the action makes of a text if so many characters at most go into one call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normalization, "_WINDOW", size)
        return action(text)


@given(MARKS, st.integers(1, 20))
def test_emphasis_is_found_wherever_the_parts_end(text: str, size: int) -> None:
    whole = normalization._EMPHASIS.sub(lambda match: match["star"] or match["line"] or "", text)

    assert in_parts(size, without_emphasis, text) == without_emphasis(text) == whole


@given(LETTERS, st.integers(1, 20))
@example("\U0001d16d", 1)  # a mark, in parts that are shorter than a stack of them
def test_texts_are_folded_and_counted_the_same_in_parts(text: str, size: int) -> None:
    assert in_parts(size, count_words, text) == count_words(text)
    assert in_parts(size, lambda part: fold(part, ignore_case=True), text) == fold(text, ignore_case=True)


@given(LETTERS, st.integers(20, 30))
def test_a_text_is_composed_as_unicode_has_it(text: str, size: int) -> None:
    assert in_parts(size, compose, text) == unicodedata.normalize("NFC", text)


def test_no_search_for_emphasis_sees_more_than_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is one call of C, in which no other thread goes on: `*a *a` matches nowhere and takes long."""
    searched: list[int] = []
    search = normalization._EMPHASIS.search

    def counted(text: str, start: int, end: int) -> re.Match[str] | None:
        searched.append(end - start)
        return search(text, start, end)

    monkeypatch.setattr(normalization, "_EMPHASIS", SimpleNamespace(search=counted))
    text = "*a " * 100_000

    assert without_emphasis(text) == text
    assert max(searched) < 20_000
    assert len(searched) < 40


@pytest.mark.parametrize(
    "options", [{"json": True}, {"json": True, "extract": True}, {"json_schema": {"type": "array"}}]
)
def test_a_document_that_no_decoder_reads_in_a_moment_is_refused(options: dict[str, object]) -> None:

    grader = msgspec.convert(options, BUILTIN[next(iter(options))])
    longest = "[" + "1," * 499_999 + "1]"
    assert len(longest) == 1_000_001
    assert grader.grade(Response(longest[:-3] + "]")).passed

    with pytest.raises(
        CheckError, match="as JSON up to 1,000,000 characters, this one has 1,000,001; lower max_tokens"
    ):
        grader.grade(Response(longest))


def test_of_very_many_documents_the_first_thousand_count() -> None:
    grader = BUILTIN["json"](json={"a": 1}, extract=True)

    grade = grader.grade(Response("".join(f'see {{"a": {number}}} ' for number in range(40_000))))

    assert "it has 1000 different JSON documents in it" in grade.explanation


@pytest.mark.parametrize("text", ["\u27e8./.\u27e9", "\u27e81..2/3\u27e9", "\u27e8+/-\u27e9"])
def test_what_looks_like_a_fraction_in_plain_notation_is_no_crash(text: str) -> None:
    assert not BUILTIN["number"](number=7).grade(Response(text)).passed


def test_tags_on_one_long_line_are_looked_at_once_each() -> None:
    """To look for each tag's line in the whole text took hours at 10 MB."""
    text = "the </think> tag, " * 20_000

    assert split_thinking("`</think>` " * 20_000)[0] == ""
    assert split_thinking(text, told_apart=True) == ("", text)
