"""The native format: one scenario, or many under `scenarios:`; in JSONL one a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from msgspec import UnsetType

from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.core.text import nearest, quote
from pytest_benchmodels.formats.authored import Authored, Dataset, ScenarioFile, id_fault, or_else
from pytest_benchmodels.formats.dataset import Budget
from pytest_benchmodels.formats.document import Document, LoadOptions, Problems, Steps
from pytest_benchmodels.formats.drafts import Draft, Drafter, Finisher, fitted

if TYPE_CHECKING:
    from pytest_benchmodels.formats.dataset import RawRecord

__all__ = ["MAX_SCENARIOS", "NATIVE", "NativeFormat"]

MAX_SCENARIOS = 200_000
"""Of one file, with its datasets."""

_OPENINGS = frozenset({"prompt", "messages", "turns"})
_MOST_BAD_RECORDS = 3
_SCHEMA_KEY = "$schema"
_FILE_KEYS = frozenset(ScenarioFile.__struct_fields__)


class NativeFormat:
    """The plugin's own format."""

    def recognises(self, document: Document) -> bool:
        """Tell scenarios from other people's JSON: by `scenarios`, or by what is sent and what is asked of it."""
        value = document.value
        if document.kind == "jsonl":
            value = value[0] if isinstance(value, list) and value else None
        elif isinstance(value, dict) and "scenarios" in value:
            return True
        if not isinstance(value, dict) or not _OPENINGS & value.keys():
            return False
        return "checks" in value or ("id" in value and value.keys() <= {*Authored.__struct_fields__, _SCHEMA_KEY})

    def scenarios(self, document: Document, options: LoadOptions) -> Iterable[Scenario]:
        """All scenarios of a file. Raises `ScenarioFileError` with all of its problems, if it has any."""
        problems = Problems(document)
        reading = _Reading(document, options, problems)
        scenarios = tuple(reading.scenarios())
        reading.conclude()
        problems.raise_any()
        return scenarios


NATIVE = NativeFormat()


class _Reading:
    """One file on its way."""

    def __init__(self, document: Document, options: LoadOptions, problems: Problems) -> None:
        budget = Budget()
        self._document = document
        self._allowed = options.allowed
        self._problems = problems
        self._finisher = Finisher(document, problems, options, budget)
        self._seen: dict[str, str] = {}

    def scenarios(self) -> Iterator[Scenario]:
        value = self._document.value
        if self._document.kind in ("jsonl", "own") and isinstance(value, list):
            return self._all({}, value, ())
        if not isinstance(value, dict):
            wanted = "a mapping: the keys of one scenario, or a list of them under 'scenarios'"
            self._problems.add((), f"a scenario file is {wanted}, got {quote(value)}")
            return iter(())
        fields = {key: part for key, part in value.items() if key != _SCHEMA_KEY}
        return self._many(fields) if _is_many(fields) else self._single(fields)

    def conclude(self) -> None:
        """Note what only the whole file tells."""
        self._finisher.conclude()

    def _many(self, fields: Mapping[str, object]) -> Iterator[Scenario]:
        file = fitted(fields, ScenarioFile, (), self._problems, "the file")
        if "scenarios" not in fields:
            self._problems.add((), "the file lacks 'scenarios': a list of what is to be run")
        return self._all(or_else(file.defaults, {}), or_else(file.scenarios, []), ("scenarios",))

    def _single(self, fields: Mapping[str, object]) -> Iterator[Scenario]:
        draft = Drafter(self._problems, {}).draft(fields, (), self._document.path.stem)
        return self._finished(draft) if draft is not None else iter(())

    def _all(self, defaults: Mapping[str, object], values: list[object], steps: Steps) -> Iterator[Scenario]:
        drafter = Drafter(self._problems, defaults)
        for index, value in enumerate(values):
            draft = drafter.draft(value, (*steps, index), None)
            if draft is not None:
                yield from self._finished(draft)
            if self._is_full((*steps, index)):
                return

    def _finished(self, draft: Draft) -> Iterator[Scenario]:
        dataset = draft.dataset
        if dataset is not None:
            yield from self._expanded(draft, dataset)
            return
        self._claim(draft.id, draft)
        yield self._finisher.scenario(draft, draft.id, or_else(draft.written.vars, None))

    def _expanded(self, draft: Draft, dataset: Dataset) -> Iterator[Scenario]:
        """One scenario for each record of the dataset."""
        from pytest_benchmodels.formats.dataset import (  # noqa: PLC0415 - 5 ms that most files need not pay
            DatasetError,
            at_line,
            chosen,
            locate,
            place,
        )

        self._finisher.prepare(draft)
        steps = draft.at("dataset")
        count = bad = 0
        try:
            path = locate(dataset.file, self._document.path.parent, self._allowed)
            for raw in chosen(path, dataset):
                count += 1
                before = len(self._problems)
                with self._problems.at(partial(place, path, dataset, raw)):
                    scenario = self._from_record(draft, dataset, raw)
                if scenario is not None:
                    yield scenario
                bad += len(self._problems) > before
                if bad == _MOST_BAD_RECORDS:
                    self._problems.add(steps, f"dataset {quote(dataset.file)}: reading stopped at the third bad record")
                if bad == _MOST_BAD_RECORDS or self._is_full(steps):
                    return
        except DatasetError as error:
            where = f"dataset {quote(dataset.file)} " if error.line is None else f"{at_line(dataset, error.line)}: "
            self._problems.add(steps, f"{where}{error}")
        else:
            if not count:
                self._problems.add(steps, f"dataset {quote(dataset.file)} holds no records")

    def _from_record(self, draft: Draft, dataset: Dataset, raw: RawRecord) -> Scenario | None:
        from pytest_benchmodels.formats.dataset import DatasetError, decoded  # noqa: PLC0415 - imported by the caller

        try:
            fields = decoded(raw)
        except DatasetError as error:
            self._problems.add(draft.at("dataset"), str(error))
            return None
        names = {**or_else(draft.written.vars, {}), **fields}
        name = f"{draft.id}-{raw.number}"
        if not isinstance(dataset.id, UnsetType):
            name = self._finisher.text(dataset.id, names, (*draft.at("dataset"), "id"))
        self._claim(name, draft)
        return self._finisher.scenario(draft, name, names)

    def _claim(self, name: str, draft: Draft) -> None:
        """Take an id for a scenario, unless that cannot be."""
        fault = id_fault(name) if name else None
        if name in self._seen:
            fault = f"id {quote(name)} is taken already, by {self._seen[name]}: ids are unique in a file"
        if fault:
            self._problems.add((*draft.steps, "id"), fault)
        elif name:
            document = self._document
            self._seen[name] = document.place(draft.steps) or f"line {document.line(draft.steps)}"

    def _is_full(self, steps: Steps) -> bool:
        if len(self._seen) <= MAX_SCENARIOS:
            return False
        self._problems.add(steps, f"more than {MAX_SCENARIOS:,} scenarios in one file: split it")
        return True


def _is_many(fields: Mapping[str, object]) -> bool:
    """Whether a file was meant as one of many scenarios, with slips of the pen in its keys or not."""
    if _FILE_KEYS & fields.keys():
        return True
    return not _OPENINGS & fields.keys() and any(nearest(key, _FILE_KEYS) for key in fields)
