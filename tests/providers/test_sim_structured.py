"""Simulated models give JSON where they are asked for it, and think where they are asked to."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from pytest_benchmodels.providers.sim.service import Service

SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "integer"}}, "required": ["a", "n"]},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
    {
        "properties": {"a": {"enum": ["x", "y"]}, "b": {"const": 7}, "c": {"type": ["null", "string"]}},
        "required": ["a"],
    },
    {"anyOf": [{"type": "number"}, {"type": "string"}]},
    {"type": "integer", "minimum": 5, "maximum": 9},
    {"type": "integer", "exclusiveMaximum": 3},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.3},
    {"type": "number", "minimum": -3.5, "maximum": -2.5},
    {"type": "string", "minLength": 7},
    {"type": "string", "maxLength": 0},
    {"enum": [[1], {"a": 2}]},
    {"$defs": {"n": {"type": "integer"}}, "type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 3},
    {"$defs": {"n": {"required": ["n"], "properties": {"n": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
]


def asked(**more: object) -> dict[str, Any]:
    body = {"model": "steady", "messages": [{"role": "user", "content": "What is 2 + 2?"}], **more}
    answer: dict[str, Any] = json.loads(Service().reply("POST", "/v1/chat/completions", json.dumps(body).encode()).body)
    return answer


def content(**more: object) -> str:
    said: str = asked(**more)["choices"][0]["message"]["content"]
    return said


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_what_it_says_fits_the_schema(schema: dict[str, Any]) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}

    jsonschema.validate(json.loads(content(response_format=wanted)), schema)


@pytest.mark.parametrize(
    ("answer", "schema", "said"),
    [
        ("{}", {"type": "integer"}, "0"),
        ("[1, 2]", {"type": "integer", "minimum": 3}, "3"),
        ("7", {"type": "integer"}, "7"),
        ("7", {"type": "string"}, '"7"'),
        ("true", {"type": "integer"}, "0"),
        ('"12"', {"type": "integer"}, "12"),
        ("{}", {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}, '{"n": 0}'),
        ('{"n":  1}', {"type": "object", "required": ["n"]}, '{"n":  1}'),
        ('{"n": 1}', {"type": "object", "required": ["m"], "properties": {"m": {"type": "null"}}}, None),
        ("2", {"enum": [1, 2]}, "2"),
        ("3", {"enum": [1, 2]}, "1"),
    ],
)
def test_a_right_answer_is_kept_as_far_as_it_fits(answer: str, schema: dict[str, Any], said: str | None) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}

    assert content(response_format=wanted, sim={"answer": answer}) == (said or '{"n": 1, "m": null}')


def test_a_schema_that_never_ends_is_answered() -> None:
    twice = {"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]}
    circle = {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    long = {"type": "array", "minItems": 10**12, "items": {"type": "string", "minLength": 10**12}}

    for schema in (twice, circle, long):
        assert content(response_format={"type": "json_schema", "json_schema": {"schema": schema}})


def call_of(**more: object) -> list[tuple[str, dict[str, Any]]]:
    message = asked(**more)["choices"][0]["message"]
    functions = [call["function"] for call in message.get("tool_calls", ())]
    return [(function["name"], json.loads(function["arguments"])) for function in functions]


def declared(name: str, **parameters: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


@pytest.mark.parametrize(
    ("choice", "calls"),
    [
        ("required", [("a", {"n": 3})]),
        ({"type": "function", "function": {"name": "b"}}, [("b", {})]),
        ({"type": "function", "function": {"name": "c"}}, []),
        ("auto", []),
        ("none", []),
        (None, []),
    ],
)
def test_a_call_that_is_forced_is_made(choice: object, calls: list[tuple[str, dict[str, Any]]]) -> None:
    number = {"type": "integer", "minimum": 3}
    tools = [declared("a", type="object", properties={"n": number, "m": {}}, required=["n"]), declared("b")]

    assert call_of(tools=tools, tool_choice=choice) == calls
    assert call_of(tool_choice=choice) == []


def test_what_it_is_told_to_call_goes_before_what_is_forced() -> None:
    sim = {"tool_calls": [{"name": "b", "arguments": {"x": 1}}]}

    assert call_of(tools=[declared("a"), declared("b")], tool_choice="required", sim=sim) == [("b", {"x": 1})]


def test_without_a_schema_it_is_any_json() -> None:
    assert json.loads(content(response_format={"type": "json_object"})) == 4
    wrong = content(response_format={"type": "json_object"}, sim={"answer": "Paris", "accuracy": 0})
    assert json.loads(wrong).keys() == {"answer"}


def test_its_own_text_stays_as_it_is() -> None:
    assert content(response_format={"type": "json_object"}, sim={"text": "no JSON"}) == "no JSON"
    assert content(response_format={"type": "text"}) == "4"


def test_it_thinks_where_it_is_asked_to_and_counts_that() -> None:
    document = asked(reasoning_effort="low")

    thinking = document["choices"][0]["message"]["reasoning_content"]
    usage = document["usage"]
    thought = usage["completion_tokens_details"]["reasoning_tokens"]
    assert (thought, usage["completion_tokens"]) == (len(thinking) // 4, len(thinking) // 4 + 1)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert "reasoning_content" not in asked(reasoning_effort="none")["choices"][0]["message"]
