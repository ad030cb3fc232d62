"""What the tests of this room share: graders of their own, and files written and loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.core.scenario import Grader, Scenario
from pytest_benchmodels.formats import LoadOptions, load


class Equals(Grader, frozen=True):
    equals: str
    ignore_case: bool = False


class Contains(Grader, frozen=True):
    contains: str
    ignore_case: bool = False


class Number(Grader, frozen=True):
    number: int | float
    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class MaxWords(Grader, frozen=True):
    max_words: Annotated[int, msgspec.Meta(ge=1)]


class AnyOf(Grader, frozen=True):
    any_of: list[str]
    equals: bool = False


class Json(Grader, frozen=True):
    json: bool = True


class Pattern(Grader, frozen=True):
    pattern: str

    def __post_init__(self) -> None:
        if self.pattern == "(":
            raise ValueError("pattern is not closed")
        if self.pattern == "[":
            raise KeyError("no such class")


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    weight: Annotated[float, msgspec.Meta(gt=0)] = 1.0


class Rated(Grader, frozen=True):
    rated: str
    parts: tuple[Part, ...] = ()
    words: tuple[Literal["low", "high"], ...] = ()
    scale: dict[str, str] = msgspec.field(default_factory=dict)


KINDS = (Equals, Contains, Number, MaxWords, AnyOf, Json, Pattern, Rated)
GRADERS = {grader.kind(): grader for grader in KINDS}
OPTIONS = LoadOptions(GRADERS)


class Loader:
    """Writes a file into a folder of its own and loads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def maybe(
        self, content: str | bytes, name: str = "suite.yaml", *, named: bool = False
    ) -> Sequence[Scenario] | None:
        return load(self.write(name, content), name, OPTIONS, named=named)

    def scenarios(self, content: str | bytes, name: str = "suite.yaml") -> Sequence[Scenario]:
        found = self.maybe(content, name)
        assert found is not None
        return found

    def one(self, content: str | bytes, name: str = "suite.yaml") -> Scenario:
        (scenario,) = self.scenarios(content, name)
        return scenario

    def problems(self, content: str | bytes, name: str = "suite.yaml", *, named: bool = True) -> list[str]:
        """The lines of the error that loading the file raises."""
        with pytest.raises(ScenarioFileError) as caught:
            self.maybe(content, name, named=named)
        return str(caught.value).split("\n")
