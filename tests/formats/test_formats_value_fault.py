"""Checks whose value can judge no answer: that is told when the file is read, as far as it is cheap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.core.scenario import Grader
from pytest_benchmodels.formats import LoadOptions, load
from pytest_benchmodels.graders import BUILTIN

asked: list[str] = []


class Sound(Grader, frozen=True):
    sound: str

    def value_fault(self) -> str | None:
        asked.append(self.sound)
        if self.sound == "crash":
            raise LookupError("no such \x1b[31mvalue")
        return None if self.sound.startswith("fine") else f"{self.sound} is not fine: write fine"


OPTIONS = LoadOptions({**BUILTIN, "sound": Sound})


@pytest.fixture(autouse=True)
def _nothing_asked() -> Iterator[None]:
    asked.clear()
    yield
    asked.clear()


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        load(path, path.name, OPTIONS, named=True)
    except ScenarioFileError as error:
        return str(error).split("\n")
    return []


def test_each_check_is_asked_also_those_inside_of_others(tmp_path: Path) -> None:
    text = "id: a\nprompt: Hi\nchecks:\n  - sound: fine\n  - none_of:\n    - any_of:\n      - sound: bad\n"

    assert problems(tmp_path, f"{text}  - sound: crash\n") == [
        "suite.yaml:7: check 'sound': bad is not fine: write fine",
        r"suite.yaml:8: check 'sound': value_fault(): LookupError: no such \x1b[31mvalue",
    ]


def test_a_value_of_the_defaults_is_asked_once_and_one_of_a_record_never(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"value": "bad"}\n{"value": "worse"}\n', encoding="utf-8")
    defaults = "defaults:\n  checks: [{sound: fine}, {sound: '{{ value }}'}]\nscenarios:\n"

    assert problems(tmp_path, f"{defaults}  - {{id: a, prompt: Hi, dataset: data.jsonl}}\n") == []
    assert asked == ["fine"]


def test_a_large_file_has_its_first_values_asked(tmp_path: Path) -> None:
    rows = [f"  - {{id: a{number}, prompt: Hi, checks: [{{sound: fine {number}}}]}}\n" for number in range(205)]

    assert problems(tmp_path, f"scenarios:\n{''.join(rows)}") == []
    assert asked == [f"fine {number}" for number in range(200)]
