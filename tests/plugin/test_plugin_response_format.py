"""`response_format`: what is asked for, and what of it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plugin.plugin_parts import Project, by_both, scenario
from tests.plugin.plugin_results import JSON, results

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "year": {"type": "integer", "minimum": 1800}, "tags": {"type": "array"}},
    "required": ["name", "year", "tags"],
}


@by_both("form", "json", SCHEMA)
def test_answers_have_the_form(project: Project, workers: tuple[str, ...], form: object) -> None:
    checks = [{"json": True}] if form == "json" else [{"json_schema": SCHEMA}]
    project.suite({**scenario("a", checks=checks), "response_format": form, "prompt": "Tell me of somebody."})

    assert project.bench(JSON, *workers).ret == 0

    (run,) = results(project).values()
    assert isinstance(json.loads(run["response"]["text"]), dict)


def test_without_a_check_of_it_there_is_a_document_all_the_same(project: Project) -> None:
    project.suite({**scenario("a", checks=[{"max_words": 50}]), "response_format": SCHEMA})

    project.bench(JSON)

    (run,) = results(project).values()
    document = json.loads(run["response"]["text"])
    assert {name: type(value) for name, value in document.items()} == {"name": str, "year": int, "tags": list}


def test_another_form_is_another_question(project: Project) -> None:
    project.suite({**scenario("a", checks=[{"json": True}]), "response_format": "json"})
    project.bench(JSON)
    (before,) = results(project).values()

    project.suite({**scenario("a", checks=[{"json": True}]), "response_format": SCHEMA})
    project.bench(JSON, "--bench-cache")

    (after,) = results(project).values()
    assert before["fingerprint"] != after["fingerprint"]
    assert not after["cached"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("xml", "response_format"),
        ({"type": "objekt"}, "no JSON Schema: at $.type: 'objekt' is not valid"),
        ({"$ref": "file:///etc/passwd"}, "has to point into the schema itself"),
        (4, "response_format"),
    ],
)
def test_what_is_no_form_is_told_with_its_line(project: Project, form: object, said: str) -> None:
    project.suite({**scenario("a"), "response_format": form})

    result = project.bench("--collect-only")

    assert result.ret != 0
    assert said in result.stdout.str()
    assert "suite.yaml:1: " in result.stdout.str()
