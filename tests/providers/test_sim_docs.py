"""docs/simulated.md: its examples run, its tables are complete."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

from pytest_benchmodels.providers.sim.knobs import PRESETS, Knobs, turn
from pytest_benchmodels.providers.sim.reply import Tally

TEXT = (Path(__file__).parents[2] / "docs/simulated.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """All blocks of that language."""
    found = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return "".join(found)


def test_the_python_example_runs() -> None:
    names: dict[str, object] = {}

    exec(block("python"), names)  # noqa: S102 - our own document

    assert names["answer"] == "42"


def test_the_configuration_example_turns_knobs_that_exist() -> None:
    models = tomllib.loads(block("toml"))["model"]

    assert list(models) == ["erring", "stormy", "shared"]
    for model in models.values():
        assert turn(PRESETS[model["name"]], model["params"]["sim"]) != PRESETS[model["name"]]


def test_the_tables_hold_each_model_and_each_knob_with_its_default() -> None:
    assert re.findall(r"^\| `sim/(\w+)` \|", TEXT, re.MULTILINE) == list(PRESETS)
    assert re.findall(r"^\| `(\w+)` \| .* \| (\S+) \|$", TEXT, re.MULTILINE) == [
        (knob.name, str(knob.default)) for knob in fields(Knobs)
    ]


def test_the_counts_are_those_of_the_statistics() -> None:
    _, _, table = TEXT.partition("| count | of |\n")

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(Tally().as_dict())


def test_what_is_said_of_the_presets_is_so() -> None:
    flaky = PRESETS["flaky"]

    assert (flaky.rate_429, flaky.rate_500, flaky.recover_after) == (0.12, 0.08, 2)
    assert (PRESETS["slow"].latency, PRESETS["hang"].hang_rate) == (2.0, 1.0)
