"""Which checks there are, a user's own, and answers that satisfy them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels import graders
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Check, Grade, Grader
from pytest_benchmodels.graders import BUILTIN, example_answer, registry

NAMES = [
    "equals",
    "one_of",
    "contains",
    "contains_any",
    "contains_all",
    "starts_with",
    "regex",
    "number",
    "choice",
    "label",
    "json",
    "json_schema",
    "tool_called",
    "tools_called",
    "tool_not_called",
    "steps_at_most",
    "similar",
    "min_words",
    "max_words",
    "max_latency",
    "refused",
    "rouge_l",
    "bleu",
    "chrf",
    "math_equal",
    "language",
    "embedding_similarity",
    "finish_reason",
    "max_cost",
    "max_output_tokens",
    "judge",
    "all_of",
    "any_of",
    "none_of",
    "json_path",
    "valid",
    "markdown",
    "same_as_reference_set",
    "code_passes",
    "command",
    "tests_pass",
    "file",
    "pattern",
    "changed_only",
]


class Shouts(Grader, frozen=True):
    shouts: bool = True

    def grade(self, response: Response) -> Grade:
        return Grade.of(response.text.isupper())


class Explodes(Grader, frozen=True):
    explodes: bool = True

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        raise RuntimeError(response.text)

    def example(self) -> str:
        raise RuntimeError


def check(options: dict[str, object], *, negate: bool = False, weight: float = 1.0) -> Check:
    kind = next(iter(options))
    return Check(kind, kind, kind, msgspec.convert(options, BUILTIN[kind]), weight, negate)


def accepted(checks: tuple[Check, ...], answer: str) -> bool:
    return all(each.grader.grade(Response(answer)).passed is not each.negate for each in checks)


def test_the_built_in_checks_are_those_of_the_documentation() -> None:
    assert list(BUILTIN) == NAMES
    assert sorted(graders.__all__) == [
        "BUILTIN",
        "Extract",
        "embeddings_by",
        "example_answer",
        "judge_by",
        "registry",
        "schema_faults",
    ]


def test_every_built_in_check_has_a_schema_and_says_what_it_judges() -> None:
    for kind, grader in BUILTIN.items():
        schema = msgspec.json.schema(grader)["$defs"][grader.__name__]
        assert kind in schema["properties"]
        assert schema["description"]


def test_a_users_own_check_stands_beside_the_built_in_ones() -> None:
    assert list(registry([Shouts])) == [*NAMES, "shouts"]
    assert list(registry([])) == NAMES


def _instance() -> object:
    return Shouts()


def _no_fields() -> object:
    class Empty(Grader, frozen=True):
        def grade(self, response: Response) -> Grade:
            return Grade.of(bool(response.text))

    return Empty


def _no_grade() -> object:
    class Silent(Grader, frozen=True):
        silent: str

    return Silent


def _same_name() -> object:
    class Mine(Shouts, frozen=True):
        pass

    return Mine


def _taken_name() -> object:
    class Heavy(Shouts, frozen=True):
        weight: int = 1

    return Heavy


def _odd_type() -> object:
    class Odd(Grader, frozen=True):
        odd: Callable[[], int]

        def grade(self, response: Response) -> Grade:
            return Grade.of(bool(response.text))

    return Odd


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_instance, "is no grader: derive a class from Grader and give the class itself, or give a function"),
        (lambda: str, "<class 'str'> is no grader"),
        (_no_fields, r"Empty has no fields: the first one names the check, as in `contains: str`"),
        (
            _no_grade,
            r"Silent has no grade\(\) method: write grade\(self, response\) or grade\(self, context\) that returns",
        ),
        (_same_name, r"Mine: a check 'shouts' exists already, as .*Shouts; give the first field another name"),
        (_taken_name, r"Heavy: every check has 'weight' already; give the field another name"),
        (_odd_type, r"Odd: its fields cannot be read from a file: .*; use text, numbers, lists or mappings"),
    ],
)
def test_a_class_that_cannot_be_a_check_is_named_with_the_remedy(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        registry([Shouts, make()])


@pytest.mark.parametrize(
    "checks",
    [
        (check({"equals": "4"}),),
        (check({"contains": "Paris"}), check({"max_words": 20})),
        (check({"contains": "x"}), check({"starts_with": "I"}), check({"min_words": 4})),
        (check({"min_words": 4}), check({"number": 18})),
        (check({"contains": "sorry"}, negate=True), check({"contains_all": ["a", "b"]})),
        (check({"number": "so #### 18"}), check({"regex": "^The"})),
        (check({"choice": "C"}), check({"max_words": 1})),
        (check({"label": "yes", "of": ["yes", "no"]}), check({"contains": "because"})),
        (check({"label": "no", "of": ["yes", "no"]}), check({"label": "yes", "of": ["yes", "no"]}, negate=True)),
        (check({"json": {"a": 1}, "extract": True}), check({"json": {"a": 2}}, negate=True)),
        (check({"json": {"a": 1}}), check({"contains": '"a"'})),
        (check({"json_schema": {"type": "array", "minItems": 2}}), check({"json": True})),
        (check({"similar": "the early bird"}), check({"max_latency": 1})),
        (check({"equals": "ok"}, negate=True), check({"contains": "z"}, negate=True)),
        (check({"one_of": ["no", "yes"]}), check({"equals": "no"}, negate=True), check({"equals": "yes"})),
    ],
)
def test_an_exemplar_satisfies_its_checks(checks: tuple[Check, ...]) -> None:
    assert accepted(checks, example_answer(checks, None))


def test_the_target_is_the_exemplar_where_it_is_right() -> None:
    checks = (check({"contains": "Paris"}),)
    assert example_answer(checks, "It is Paris.") == "It is Paris."
    assert example_answer(checks, "Rome") == "Paris"
    assert example_answer((), "anything") == "anything"
    assert example_answer((), None) == "ok"


def test_the_exemplar_of_checks_that_contradict_each_other_satisfies_the_heavier() -> None:
    assert example_answer((check({"equals": "a"}), check({"equals": "b"}, weight=3)), None) == "b"


def test_an_exemplar_never_raises() -> None:
    checks = (Check("explodes", "explodes", "explodes", Explodes()), check({"contains": "Paris"}))
    assert example_answer(checks, None) == "Paris"
    assert example_answer(checks[:1], "target") == "target"


WORDS = st.text("abcdefghij", min_size=1, max_size=6)
CHECKS = st.one_of(
    WORDS.map(lambda word: {"contains": word}),
    st.lists(WORDS, min_size=1, max_size=3).map(lambda words: {"contains_any": words}),
    st.lists(WORDS, min_size=1, max_size=3).map(lambda words: {"contains_all": words}),
    st.integers(0, 30).map(lambda count: {"min_words": count}),
    st.sampled_from([{"max_latency": 1}, {"max_words": 60}, {"regex": "[a-z]+"}]),
)


@given(st.lists(CHECKS, min_size=1, max_size=4), st.none() | WORDS)
def test_the_exemplar_of_any_checks_that_can_be_joined_satisfies_them(
    options: list[dict[str, object]],
    target: str | None,
) -> None:
    checks = tuple(check(each) for each in options)
    assert accepted(checks, example_answer(checks, target))


@given(st.text(min_size=1, max_size=20).filter(str.strip), st.integers(), st.sampled_from("ABCD"))
def test_each_example_satisfies_its_check(text: str, number: int, letter: str) -> None:
    each: list[dict[str, object]] = [
        {"equals": text},
        {"one_of": [text, "x"]},
        {"contains": text},
        {"starts_with": text},
        {"similar": text},
        {"number": number},
        {"choice": letter},
        {"label": letter, "of": ["A", "B", "C", "D"]},
        {"json": {"text": text}},
    ]
    for options in each:
        checks = (check(options),)
        example = checks[0].grader.example()
        assert example is not None
        assert accepted(checks, example)


def test_extract_stands_beside_every_check_and_is_nobodys_field() -> None:
    class Own(Grader, frozen=True):
        own: str
        extract: bool = False

        def grade(self, response: Response) -> Grade:
            return Grade.of(response.text == self.own)

    with pytest.raises(ConfigError, match="Own: every check has 'extract' already; give the field another name"):
        registry([Own])
