"""`response_format` of a scenario: what it becomes, and what is wrong with one before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.formats import LoadOptions, load
from pytest_benchmodels.graders import BUILTIN, schema_faults

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
BY_SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
WRITTEN = "{type: object, properties: {n: {type: integer}}}"


def loaded(folder: Path, text: str) -> list[Scenario]:
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return list(load(path, path.name, LoadOptions(BUILTIN, validator=schema_faults), named=True) or ())


def scenario(response_format: str, more: str = "") -> str:
    return f"id: a\nprompt: Hi\nchecks: [json]\nresponse_format: {response_format}\n{more}"


@pytest.mark.parametrize(
    ("written", "params"),
    [
        ("json", {"response_format": {"type": "json_object"}}),
        (WRITTEN, {"response_format": BY_SCHEMA}),
        ("text", {}),
    ],
)
def test_it_becomes_a_parameter(written: str, params: dict[str, object], tmp_path: Path) -> None:
    assert loaded(tmp_path, scenario(written))[0].params == params


def test_a_scenario_may_undo_the_default(tmp_path: Path) -> None:
    text = (
        f"defaults:\n  response_format: {WRITTEN}\n  checks: [json]\n  params: {{seed: 1}}\nscenarios:\n"
        "  - {id: a, prompt: Hi}\n  - {id: b, prompt: Hi, response_format: text}\n"
    )

    assert [one.params for one in loaded(tmp_path, text)] == [{"response_format": BY_SCHEMA, "seed": 1}, {"seed": 1}]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (scenario("{type: objct}"), 4, "response_format: no JSON Schema: at $.type: 'objct' is not valid"),
        (
            scenario("{type: json_schema, json_schema: {schema: {type: objct}}}"),
            4,
            "response_format: no JSON Schema: at $.type: 'objct' is not valid",
        ),
        (scenario("{}"), 4, "response_format is an empty schema, which any answer fits: write `json` for any JSON"),
        (scenario("{type: json_schema, json_schema: {schema: {}}}"), 4, "response_format is an empty schema"),
        (scenario("yaml"), 4, "response_format"),
        (scenario("[json]"), 4, "response_format"),
        (
            scenario("json", "params: {response_format: {type: json_object}}\n"),
            4,
            "response_format stands in params as well: keep one of them",
        ),
    ],
)
def test_what_is_wrong_is_told_at_collection(text: str, line: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioFileError) as caught:
        loaded(tmp_path, text)

    assert message in str(caught.value)
    assert f"suite.yaml:{line}: " in str(caught.value)


@pytest.mark.parametrize("more", ["", "params: {response_format: {type: json_object}}\n"])
def test_a_dataset_tells_what_is_wrong_once(more: str, tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"q": "a"}\n{"q": "b"}\n{"q": "c"}\n', encoding="utf-8")
    with pytest.raises(ScenarioFileError) as caught:
        loaded(tmp_path, scenario("{type: objct}", f"dataset: data.jsonl\n{more}"))

    assert str(caught.value).count("'objct' is not valid") == 1
    assert str(caught.value).count("stands in params") == bool(more)
    assert "data.jsonl" not in str(caught.value)
