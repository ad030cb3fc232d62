from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_benchmodels.formats.builder import MAX_VALUES, Builder, finite, resolve
from pytest_benchmodels.formats.document import MalformedError
from pytest_benchmodels.formats.json_reader import read_json, read_json_line
from pytest_benchmodels.formats.yaml_reader import read_yaml
from tests.formats.formats_loading import Loader


def from_yaml(text: str) -> object:
    builder = Builder()
    read_yaml(text, builder)
    assert not builder.flaws
    return builder.root


def from_json(text: str) -> object:
    builder = Builder()
    read_json(text, builder)
    assert not builder.flaws
    return builder.root


SCALARS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{
        text: text for text in ("yes", "no", "on", "off", "y", "tRue", "nULL", "12:30:00", "2024-01-01", "1_000", "0b1")
    },
    **{text: text for text in ("+", ".", "1.2.3", "0x", "0o8", "-0x1", "e1", "1e", "٣", "<<", "=", "nan", "inf")},
    "0": 0,
    "12": 12,
    "012": 12,
    "-3": -3,
    "+3": 3,
    "0o17": 15,
    "0x1F": 31,
    "1.5": 1.5,
    "-.5": -0.5,
    "1.": 1.0,
    "1e3": 1000.0,
    "+1.5E-1": 0.15,
}


@pytest.mark.parametrize(("text", "expected"), SCALARS.items())
def test_scalars_are_those_of_yaml_1_2(text: str, expected: object) -> None:
    value = resolve(text)
    assert (value, type(value)) == (expected, type(expected))
    assert from_yaml(f"{{a: {text}}}") == {"a": expected}


@given(text=st.text() | st.from_regex(re.compile(r"[-+.0-9eExonaftrul~]{0,8}", re.ASCII), fullmatch=True))
def test_any_scalar_is_resolved_or_refused(text: str) -> None:
    refusal = ""
    value: object = None
    try:
        value = resolve(text)
    except ValueError as error:
        refusal = str(error)
    assert not refusal or refusal.endswith("put it in quotes if it is meant as text")
    assert value == text if isinstance(value, str) else isinstance(value, None | bool | int | float)


@given(number=st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_back(number: float) -> None:
    assert resolve(repr(number)) == number
    assert from_json(json.dumps(number)) == number


VALUES = {
    "quotes": ("""a: '1'\nb: "true"\nc: |\n  3\n""", {"a": "1", "b": "true", "c": "3\n"}),
    "tags of the standard": (
        "[!!str 1, !!int '1', !!float 1, !!bool true, !!null ~, ! 1]",
        ["1", 1, 1.0, True, None, "1"],
    ),
    "tagged containers": ("!!map {a: !!seq [1]}", {"a": [1]}),
    "keys are text": ("1: a\ntrue: b\n!!str c: d\n~: e", {"1": "a", "true": "b", "c": "d", "~": "e"}),
    "aliases": ("a: &x [1]\nb: *x\nc: &y 2\nd: *y", {"a": [1], "b": [1], "c": 2, "d": 2}),
    "a merge": ("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}", {"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}}),
    "a merge of several": (
        "- &a {x: 1}\n- &b {x: 2, y: 2}\n- {<<: [*a, *b]}",
        [{"x": 1}, {"x": 2, "y": 2}, {"x": 1, "y": 2}],
    ),
    "a quoted merge key": ("'<<': 1", {"<<": 1}),
    "a document marker": ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
    "JSON": ('{"a": [1, 2.5, null, true], "b": {}}', {"a": [1, 2.5, None, True], "b": {}}),
}


@pytest.mark.parametrize(("text", "expected"), VALUES.values(), ids=VALUES)
def test_yaml_values(text: str, expected: object) -> None:
    assert from_yaml(text) == expected


def test_the_python_parser_of_yaml_serves_where_the_c_one_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    for text, expected in VALUES.values():
        assert from_yaml(text) == expected
    with pytest.raises(MalformedError, match="nested more than 100 levels deep"):
        from_yaml("[" * 10_000)


def test_what_a_merge_brings_has_a_line(files: Loader) -> None:
    content = "scenarios:\n- &a\n  id: a\n  prompt: x\n- <<: *a\n  id: b\n  timeout: -1\n- {<<: *a, id: c, tag: x}"
    assert files.problems(content) == [
        "suite.yaml:7: timeout must be a number >= 0, got -1",
        "suite.yaml:8: unknown key 'tag' in scenario 'c'; did you mean 'tags'?",
    ]


def test_a_key_that_comes_twice_in_json_has_a_line(files: Loader) -> None:
    problems = files.problems('{"id": "a",\n"prompt": "x",\n"id": "b"}', "a.json")
    assert problems == ["a.json:3: key 'id' stands in line 1 already: remove one of the two"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=json_values, indent=st.none() | st.integers(0, 2), ascii_only=st.booleans())
def test_json_is_read_as_the_standard_library_reads_it(value: object, indent: int | None, ascii_only: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
    assert from_json(json.dumps(value, indent=indent, ensure_ascii=ascii_only)) == value


@given(text=st.text(alphabet='{}[]:,"\\ \n\t0123456789.eE+-truefalsn/u', max_size=20))
def test_json_is_refused_where_the_standard_library_refuses_it(text: str) -> None:
    try:
        expected: object = json.loads(text, parse_float=finite)
    except ValueError:
        with pytest.raises(MalformedError):
            from_json(text)
    else:
        builder = Builder()
        read_json(text, builder)
        assert builder.root == expected or builder.flaws


def account(read: Callable[[str, Builder, int], None], text: str, used: int = 3) -> tuple[object, ...]:
    """All that comes of reading a text: its error, or its value with lines, flaws and size."""
    builder = Builder(used)
    try:
        read(text, builder, 7)
    except MalformedError as error:
        return error.flaw, builder.flaws
    lines: list[object] = []
    rest = [builder.root]
    while rest:
        part = rest.pop()
        if isinstance(part, dict):
            lines.append(dict(builder.lines[id(part)]))  # type: ignore[arg-type] # a mapping's lines are a mapping
            rest += part.values()
        elif isinstance(part, list):
            lines.append(list(builder.lines[id(part)]))
            rest += part
    return repr(builder.root), lines, builder.flaws, builder.used, builder.empty


@given(value=json_values, ascii_only=st.booleans())
def test_a_line_of_json_is_read_as_a_whole_file_is(value: object, ascii_only: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert account(read_json_line, text) == account(read_json, text)


@given(text=st.text(alphabet='{}[]:,"\\ \t\r0123456789.eE+-truefalsnINdy/u', max_size=20))
def test_a_line_that_is_no_json_is_told_as_in_a_whole_file(text: str) -> None:
    assert account(read_json_line, text) == account(read_json, text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '[{"a": {"b": 1, "c": 2, "b": 3}}]',
        '"\\ud800"',
        "NaN",
        "-Infinity",
        "1e999",
        "9" * 1000,
        "9" * 1001,
        "[" * 100 + "]" * 100,
        "[" * 101 + "]" * 101,
        "[" * 100_000 + "]" * 100_000,
        "[" * 100_000,
        '{"' + "k" * 640 + '": "' + "v" * 6400 + '"}',
        '[1, 2] "more"',
        "\ufeff{}",
        '"a\tb"',
    ],
    ids=range(16),
)
def test_what_is_unusual_is_told_in_a_line_as_in_a_whole_file(text: str) -> None:
    assert account(read_json_line, text) == account(read_json, text)


@pytest.mark.parametrize("left", range(9))
def test_a_line_may_be_as_large_as_what_is_left(left: int) -> None:
    text = '{"a": ["' + "x" * 64 + '", null], "b": {}}'  # eight values, the long text counts for two
    assert account(read_json_line, text, MAX_VALUES - left) == account(read_json, text, MAX_VALUES - left)
    assert (len(account(read_json, text, MAX_VALUES - left)) == 2) == (left < 8)


# PyYAML writes these texts, which are numbers for YAML 1.2 alone, without quotes.
NUMBER_OF_1_2 = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|0o[0-7]+")
printable = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"], exclude_characters="\u2028\u2029\ufeff\x85"
    )
).filter(lambda text: not NUMBER_OF_1_2.fullmatch(text))


@given(
    metadata=st.dictionaries(
        printable,
        st.recursive(
            st.none() | st.booleans() | st.integers() | printable,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(printable, inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_the_same_scenario_in_yaml_and_json(files: Loader, metadata: dict[str, object]) -> None:
    written = {"id": "a", "prompt": "x", "metadata": metadata, "checks": [{"equals": "a"}]}
    as_yaml = files.one(yaml.safe_dump(written, allow_unicode=True, sort_keys=False), "a.yaml")
    as_json = files.one(json.dumps(written), "a.json")
    assert as_yaml.metadata == as_json.metadata == metadata
    assert (as_yaml.turns, as_yaml.checks) == (as_json.turns, as_json.checks)
