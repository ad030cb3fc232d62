from __future__ import annotations

import json

import jsonschema
import pytest

from pytest_benchmodels.formats import schema
from tests.formats.formats_loading import GRADERS, Loader
from tests.formats.regenerate_schema import SHIPPED, current

SCHEMA = schema(GRADERS)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

RIGHT: dict[str, object] = {
    "the least": {"prompt": "x"},
    "many": {"defaults": {"timeout": 0, "checks": ["json"]}, "scenarios": [{"id": "a", "prompt": "x"}]},
    "turns": {
        "turns": ["x", {"prompt": "y", "checks": [{"equals": "z"}]}, {"messages": [{"role": "user", "content": "x"}]}]
    },
    "checks": {
        "prompt": "x",
        "checks": [
            {"equals": "a", "ignore_case": True, "weight": 2, "not": True, "name": "n"},
            {"number": 1.5, "tolerance": 0.1},
            {"any_of": ["a"], "equals": True},
        ],
    },
    "placeholders": {
        "prompt": "x",
        "vars": {"n": 3, "b": True},
        "checks": [{"max_words": "{{ n }}", "not": "{{ b }}"}],
    },
    "every key": {
        "$schema": "x",
        "id": "a",
        "messages": [{"role": "system", "content": "x"}],
        "system": "",
        "models": ["a/b"],
        "params": {"x": [1]},
        "vars": {},
        "target": 3,
        "threshold": 0.5,
        "timeout": 1.5,
        "repeat": 2,
        "tags": ["a-b.c"],
        "skip": "why",
        "xfail": False,
        "metadata": {"a": None},
    },
}
WRONG: dict[str, object] = {
    "nothing to send": {"id": "a"},
    "two things to send": {"prompt": "x", "turns": ["y"]},
    "an unknown key": {"prompt": "x", "promt": "y"},
    "an unknown default": {"defaults": {"id": "x"}, "scenarios": [{"id": "a", "prompt": "x"}]},
    "no id": {"scenarios": [{"prompt": "x"}]},
    "no scenarios": {"scenarios": []},
    "defaults alone": {"defaults": {}},
    "an id with brackets": {"prompt": "x", "id": "a[b]"},
    "an id with colons": {"prompt": "x", "id": "a::b"},
    "a tag": {"prompt": "x", "tags": ["1x"]},
    "a model": {"prompt": "x", "models": ["a b"]},
    "a timeout": {"prompt": "x", "timeout": -1},
    "a threshold": {"prompt": "x", "threshold": 2},
    "a role": {"messages": [{"role": "usr", "content": "x"}]},
    "a message without content": {"messages": [{"role": "user"}]},
    "a message of nothing": {"messages": [{"role": "user", "content": ""}]},
    "a tool of a reserved name": {"tools": [{"name": "auto", "results": 1}]},
    "an empty turn": {"turns": [{}]},
    "a dataset without a file": {"prompt": "x", "dataset": {"limit": 1}},
    "an unknown check": {"prompt": "x", "checks": [{"exat": "x"}]},
    "two checks in one": {"prompt": "x", "checks": [{"equals": "x", "contains": "y"}]},
    "a check without a name": {"prompt": "x", "checks": [{"weight": 1}]},
    "a check without a value": {"prompt": "x", "checks": ["equals"]},
    "a check's value": {"prompt": "x", "checks": [{"number": "x"}]},
    "a check's option": {"prompt": "x", "checks": [{"equals": "x", "tolerance": 1}]},
    "a check's weight": {"prompt": "x", "checks": [{"equals": "x", "weight": -1}]},
    "a list": ["x"],
}


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("value", RIGHT.values(), ids=RIGHT)
def test_what_the_schema_lets_through_loads(files: Loader, value: object) -> None:
    VALIDATOR.validate(value)
    assert files.scenarios(json.dumps(value), "suite.yaml")


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG)
def test_what_the_schema_refuses_does_not_load(files: Loader, value: object) -> None:
    assert not VALIDATOR.is_valid(value)
    assert files.problems(json.dumps(value), "suite.yaml")


def test_the_schema_in_the_package_is_that_of_the_built_in_checks() -> None:
    assert SHIPPED.read_text("utf-8") == current(), "run tests/formats/regenerate_schema.py"
