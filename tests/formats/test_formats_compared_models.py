"""Checks that compare with a stored answer: what cannot be compared is told with its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.core.scenario import Grader, Scenario
from pytest_benchmodels.formats import LoadOptions, load
from pytest_benchmodels.graders import BUILTIN


class Longer(Grader, frozen=True):
    longer_than: str
    or_than: str = "z"

    def compared_models(self) -> Mapping[str, str]:
        if not self.longer_than:
            raise LookupError("nobody is named")
        return {"longer_than": self.longer_than, "or_than": self.or_than}


def fault(name: str, models: Sequence[str]) -> str | None:
    return f"{name} is one of {', '.join(models)}" if name in models else None


OPTIONS = LoadOptions({**BUILTIN, "longer_than": Longer}, compared_fault=fault)


def loaded(folder: Path, text: str) -> list[Scenario]:
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return list(load(path, path.name, OPTIONS, named=True) or ())


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioFileError) as caught:
        loaded(folder, text)
    return str(caught.value).split("\n")


def test_each_option_that_names_a_model_has_its_line(tmp_path: Path) -> None:
    text = "id: a\nprompt: Hi\nmodels: [x, y]\nchecks:\n  - all_of:\n    - longer_than: {}\n      or_than: {}\n"

    assert loaded(tmp_path, text.format("v", "w"))
    assert problems(tmp_path, text.format("y", "x")) == [
        "suite.yaml:6: check 'longer_than': longer_than: y is one of x, y",
        "suite.yaml:7: check 'longer_than': or_than: x is one of x, y",
    ]


def test_a_check_of_the_users_that_cannot_tell_is_a_problem_of_its_line(tmp_path: Path) -> None:
    assert problems(tmp_path, "id: a\nprompt: Hi\nchecks:\n  - longer_than: ''\n") == [
        "suite.yaml:4: check 'longer_than': compared_models(): LookupError: nobody is named"
    ]


def test_a_dataset_tells_it_once_where_each_record_has_it(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"by": "v"}\n{"by": "x"}\n{"by": "v"}\n', encoding="utf-8")
    text = "id: a\nprompt: Hi\nmodels: [x, y]\ndataset: data.jsonl\nchecks:\n  - longer_than: "

    assert problems(tmp_path, f"{text}x") == ["suite.yaml:6: check 'longer_than': longer_than: x is one of x, y"]
    (told,) = problems(tmp_path, f"{text}'{{{{ by }}}}'")
    assert told.endswith("data.jsonl:2: check 'longer_than': longer_than: x is one of x, y")
