"""`oracle` of a scenario: what a model is told that asks its user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import UnsetType

from pytest_benchmodels.core.oracle import Oracle
from pytest_benchmodels.core.text import clip, quote
from pytest_benchmodels.formats.dataset import DatasetError, as_text, inside
from pytest_benchmodels.formats.document import Document, LoadOptions, Problems, Step, Steps
from pytest_benchmodels.formats.reading import JSON, YAML

__all__ = ["OracleReader"]

_SHOWN = 100
_USER = ("model", "brief")
_FORM = "write a mapping of questions to answers, or `{model: ..., brief: ...}` for a model that plays the user"


class _WrongError(ValueError):
    """What is wrong with an oracle; `key` is the part of the author's mapping that is to blame, None for all of it."""

    def __init__(self, message: str, key: Step | None = None) -> None:
        super().__init__(message)
        self.key = key


class OracleReader:
    """Makes the oracles of one file's scenarios, each once; what is wrong with them is noted in `problems`."""

    def __init__(self, document: Document, problems: Problems, options: LoadOptions) -> None:
        self._folder = document.path.parent
        self._problems = problems
        self._allowed = options.allowed
        self._made: dict[Steps, Oracle | None] = {}

    def read(self, written: str | Mapping[str, Any] | UnsetType, steps: Steps) -> Oracle | None:
        """The oracle of what an author wrote at `steps`: a mapping, or the name of a file that holds one."""
        if isinstance(written, UnsetType):
            return None
        if steps not in self._made:
            try:
                self._made[steps] = _oracle(written, self._folder, self._allowed)
            except _WrongError as error:
                self._problems.add(steps if error.key is None else (*steps, error.key), str(error))
                self._made[steps] = None
        return self._made[steps]


def _oracle(written: str | Mapping[str, Any], folder: Path, allowed: tuple[Path, ...]) -> Oracle:
    if isinstance(written, str):
        return Oracle(dict(_of_file(written, folder, allowed)))
    if written and written.keys() <= set(_USER):
        for key in _USER:
            if not isinstance(written.get(key), str) or not written[key].strip():
                raise _WrongError(f"oracle: a model that plays the user needs `{key}`, a text", key)
        return Oracle(model=written["model"], brief=written["brief"])
    for key, answer in written.items():
        if fault := _fault(key, answer):
            raise _WrongError(f"oracle: {fault}", key)
    return Oracle({key: as_text(answer) for key, answer in written.items()})


def _fault(question: str, answer: object) -> str | None:
    if not question.strip():
        return "a question must not be empty, for it is looked for in what the model asks"
    return f"question {quote(clip(question, _SHOWN))} has no answer: write a text" if answer is None else None


def _of_file(name: str, folder: Path, allowed: tuple[Path, ...]) -> Iterator[tuple[str, str]]:
    shown = f"oracle {quote(clip(name, _SHOWN))}"
    form = next((each for each in (YAML, JSON) if each.has(Path(name))), None)
    if form is None:
        raise _WrongError(f"{shown}: its name has to end in .yaml, .yml or .json; or {_FORM}")
    try:
        path = inside(name, folder, allowed)
    except DatasetError as error:
        raise _WrongError(f"{shown} {error}") from None
    if not path.exists():
        raise _WrongError(f"{shown} does not exist: it is a file beside the scenario file")
    document = form.read(path, path.name)
    assert document is not None  # noqa: S101 - our own formats always read something; for the types
    if document.flaws:
        flaw = document.flaws[0]
        raise _WrongError(f"{shown}: line {flaw.line}: {flaw.message.partition(': a scenario')[0]}")
    if not isinstance(document.value, dict):
        raise _WrongError(f"{shown} holds {quote(document.value)}: {_FORM.partition(', or')[0]}")
    yield from _questions(document, document.value, shown)


def _questions(document: Document, value: Mapping[str, object], shown: str) -> Iterator[tuple[str, str]]:
    for key, answer in value.items():
        if fault := _fault(key, answer):
            raise _WrongError(f"{shown}: line {document.line((key,))}: {fault}")
        yield key, as_text(answer)
