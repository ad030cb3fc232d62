"""JSON: documents compared, schemas that open nothing and end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.graders import BUILTIN
from pytest_benchmodels.graders.documents import difference, identity, parse

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text("abc", max_size=3)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text("ab", max_size=2), part, max_size=3),
    max_leaves=8,
)
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "age": {"$ref": "#/$defs/age"}},
    "required": ["name", "age"],
    "additionalProperties": False,
    "$defs": {"age": {"type": "integer", "minimum": 0}},
}


def make(options: dict[str, object]) -> Grader:
    return msgspec.convert(options, BUILTIN[next(iter(options))])


def judge(options: dict[str, object], answer: str) -> Grade:
    grade: Grade = make(options).grade(Response(answer))
    return grade


def fits(schema: dict[str, object], answer: str) -> bool:
    return judge({"json_schema": schema}, answer).passed


@pytest.mark.parametrize(
    ("options", "answer", "passed"),
    [
        ({"json": True}, ' {"a": [1]} ', True),
        ({"json": True}, "true", True),
        ({"json": True}, "```json\n[1]\n```", True),
        ({"json": True}, "```\n[1]\n```", True),
        ({"json": True}, "Here you are:\n```json\n[1]\n```", False),
        ({"json": True}, "", False),
        ({"json": True}, "NaN", False),
        ({"json": True}, "1e999", False),
        ({"json": True}, "{'a': 1}", False),
        ({"json": {"a": 1, "b": 2}}, '{"b": 2, "a": 1.0}', True),
        ({"json": {"a": 1}}, '{"a": true}', False),
        ({"json": [1, 2]}, "[2, 1]", False),
        ({"json": None}, "null", True),
        ({"json": False}, "false", True),
        ({"json": 0}, "false", False),
        ({"json": {"a": {"b": 1}}, "subset": True}, '{"a": {"b": 1, "c": 2}, "d": 3}', True),
        ({"json": [{"a": 1}], "subset": True}, '[{"a": 1, "b": 2}]', True),
        ({"json": [1], "subset": True}, "[1, 2]", False),
    ],
)
def test_json(options: dict[str, object], answer: str, passed: bool) -> None:  # noqa: FBT001 - a table's column
    assert judge(options, answer).passed is passed


@pytest.mark.parametrize(
    ("options", "answer", "said"),
    [
        ({"json": True}, "[1]", "got the JSON '[1]'"),
        (
            {"json": True},
            "yes",
            "expected JSON and nothing else, got 'yes': JSON is malformed: invalid character (byte 0)",
        ),
        ({"json": True}, "[" * 9999, f"got '{'[' * 75}...': it is nested more than 64 levels deep"),
        ({"json": True}, "[" * 65 + "]" * 65, "it is nested more than 64 levels deep"),
        ({"json": {"a": [1]}}, '{"a": [2]}', "expected 1 at $.a[0], got 2, in '{\"a\": [2]}'"),
        ({"json": {"a": [1]}}, '{"a": []}', "expected 1 items at $.a, got 0, in"),
        ({"json": {"a": 1}}, "{}", "expected key 'a' at $, found none, in"),
        ({"json": {}}, '{"a": 1}', "unexpected key 'a' at $, in"),
        ({"json": "x"}, '{"a": 1}', "expected 'x' at $, got an object of 1 keys, in"),
        ({"json": None}, "[1, 2]", "expected null at $, got a list of 2, in"),
        ({"json_schema": PERSON}, "no", "expected JSON and nothing else, got 'no': "),
        ({"json_schema": PERSON}, '{"name": "x", "age": -1}', "at $.age: -1 is less than the minimum of 0"),
        ({"json_schema": PERSON}, '{"name": "x", "age": 1, "z": 1}', "at $: unexpected property 'z'"),
        ({"json_schema": {"type": "null"}}, "null", "'null' fits the schema"),
        ({"json_schema": {"pattern": "^a"}}, '"b"', "at $: 'b' does not match /^a/"),
        ({"json_schema": {"uniqueItems": True}}, "[1, 1.0]", "at $: '[1, 1.0]' has equal items"),
    ],
)
def test_explanation(options: dict[str, object], answer: str, said: str) -> None:
    assert said in judge(options, answer).explanation


@given(DOCUMENTS, DOCUMENTS)
def test_documents_are_equal_or_differ_somewhere(left: object, right: object) -> None:
    text = json.dumps(left)
    assert difference(left, parse(text)) is None
    assert judge({"json": left}, f"```json\n{text}\n```").passed
    assert (difference(left, right) is None) == (identity(left) == identity(right))


@given(st.text(max_size=100) | st.text('{}[]":,1e.-tru \\`jsn\n', max_size=40))
def test_any_answer_is_json_or_not(answer: str) -> None:
    checks: list[dict[str, object]] = [{"json": True}, {"json": {"a": 1}}, {"json_schema": PERSON}]
    assert {judge(options, answer).score for options in checks} <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": "integer"}, "1", '"1"'),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "null"}]}, "[null]", "[1]"),
        ({"patternProperties": {"^a": {"type": "null"}}, "additionalProperties": False}, '{"ab": null}', '{"b": 1}'),
        ({"patternProperties": {"^a": {"type": "null"}}}, '{"b": 1}', '{"a": 1}'),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "null"}}, '{"a": 1, "b": null}', '{"b": 1}'),
        ({"pattern": r"^\p{Lu}"}, '"É"', '"é"'),
        ({"uniqueItems": True}, '[1, true, "1", {"a": 1}, {"a": true}]', '[{"a": [1]}, {"a": [1.0]}]'),
        ({"uniqueItems": False, "additionalProperties": True}, "[1, 1]", "x"),
    ],
)
def test_json_schema(schema: dict[str, object], right: str, wrong: str) -> None:
    assert fits(schema, right)
    assert not fits(schema, wrong)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "text"}, "no JSON Schema: at .*type: 'text' is not valid"),
        ({"pattern": "("}, r"no JSON Schema: at .*pattern: .*is no pattern that can be compiled: missing \)"),
        ({"patternProperties": {"((a{999}){999})": {}}}, "repeats"),
        ({"$ref": "file:///etc/hostname"}, r"`.ref` has to point into the schema itself.*got 'file:///etc/hostname'"),
        ({"items": {"$dynamicRef": "other.json"}}, "no file and no address is opened"),
        ({"$defs": {"a": {"$schema": "http://json-schema.org/draft-07/schema#"}}}, "may stand at the top"),
        ({"patternProperties": {"a": {}}, "unevaluatedProperties": False}, "is not taken; use `additionalProperties`"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_at_load(schema: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        make({"json_schema": schema})


def test_a_schema_nested_without_measure_is_refused_at_load() -> None:
    schema: dict[str, object] = {}
    for _ in range(2_000):
        schema = {"items": schema}
    with pytest.raises(msgspec.ValidationError, match="nested too deeply"):
        make({"json_schema": schema})


@pytest.fixture
def visits() -> Iterator[tuple[str, list[str]]]:
    """A server's address and the paths that somebody asked it for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_address_and_no_file_is_opened(visits: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = visits
    (tmp_path / "schema.json").write_text("{}")
    for base in (f"{address}/", f"{tmp_path.as_uri()}/schema.json"):
        grader = make({"json_schema": {"$id": base, "items": {"$id": f"{base}x", "$ref": "#/$defs/none"}}})
        with pytest.raises(CheckError, match=r"the schema refers to '/.defs/none', which it does not have"):
            grader.grade(Response("[1]"))
    assert asked == []


@pytest.mark.parametrize(
    ("schema", "answer", "said"),
    [
        ({"$ref": "#"}, "1", "the schema refers to itself without end"),
        ({"pattern": "(a|aa)+$"}, f'"{"a" * 1000}b"', "took more than 1 s on this answer"),
        ({"multipleOf": 0.5}, "9" * 400, "the schema cannot judge this answer"),
    ],
)
def test_what_a_schema_cannot_judge_is_an_error_of_the_check(
    schema: dict[str, object],
    answer: str,
    said: str,
) -> None:
    with pytest.raises(CheckError, match=said):
        fits(schema, answer)


def test_a_schema_that_branches_without_measure_comes_to_an_end() -> None:
    branches = {f"n{i}": {"allOf": [{"$ref": f"#/$defs/n{i + 1}"}] * 2} for i in range(40)}
    with pytest.raises(CheckError, match=r"took more than 200,000 steps or 10 s; simplify the schema"):
        fits({"$ref": "#/$defs/n0", "$defs": {**branches, "n40": {}}}, "1")


def test_many_items_that_cannot_be_sorted_are_told_apart() -> None:
    answer = ",".join(f'{{"a": {number}}}' for number in range(20_000))
    assert fits({"uniqueItems": True}, f"[{answer}]")


def test_the_deepest_answer_is_judged_by_a_schema_that_refers_to_itself() -> None:
    tree: dict[str, object] = {
        "$ref": "#/$defs/tree",
        "$defs": {"tree": {"anyOf": [{"items": {"$ref": "#/$defs/tree"}}]}},
    }
    assert fits(tree, "[" * 64 + "]" * 64)


@pytest.mark.parametrize(
    "schema",
    [
        PERSON,
        {"enum": ["x", 1]},
        {"const": {"a": 1}},
        {"default": 7},
        {"examples": ["e"]},
        {"type": ["null", "string"]},
        {"type": "string", "minLength": 5, "maxLength": 6},
        {"type": "string", "pattern": r"^\d{3}$"},
        {"type": "number", "exclusiveMinimum": 3, "maximum": 4},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "integer", "maximum": -3},
        {"type": "integer", "minimum": 4, "multipleOf": 3},
        {"type": "array", "items": {"type": "boolean"}, "minItems": 3},
        {"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "minItems": 2},
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        {"oneOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"type": "null"}]},
        {"allOf": [{"required": ["a"]}, {"required": ["b"], "properties": {"b": {"type": "null"}}}], "type": "object"},
    ],
)
def test_an_example_fits_its_schema(schema: dict[str, object]) -> None:
    grader = make({"json_schema": schema})
    example = grader.example()
    assert example is not None
    assert grader.grade(Response(example)).passed


@pytest.mark.parametrize(
    "schema",
    [{"not": {}}, {"$ref": "#"}, {"type": "string", "pattern": "(?=a)a"}, {"type": "array", "minItems": 10**9}],
)
def test_no_example_where_none_can_be_told(schema: dict[str, object]) -> None:
    assert make({"json_schema": schema}).example() is None


def test_examples_of_documents() -> None:
    assert make({"json": True}).example() == "{}"
    assert make({"json": {"a": [1, None]}}).example() == '{"a":[1,null]}'
    assert make({"json": object()}).example() is None
