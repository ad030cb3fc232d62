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
