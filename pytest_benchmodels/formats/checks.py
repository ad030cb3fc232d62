"""The checks of a scenario: what the author wrote, rendered, looked at, made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from pytest_benchmodels.core.scenario import Check, Combination, Extraction, Grader
from pytest_benchmodels.core.text import clip, plain, quote
from pytest_benchmodels.formats.dataset import Budget, TemplateError, render
from pytest_benchmodels.formats.document import LoadOptions, Problems, Steps
from pytest_benchmodels.formats.explain import explain, foreign_check, summary
from pytest_benchmodels.formats.workspace import text_beside

__all__ = ["CheckReader", "LocatedCheck", "WrittenCheck", "each_inside", "has_placeholder"]


class WrittenCheck(NamedTuple):
    """A check and where it stands, which is the file's defaults for some."""

    value: object
    steps: Steps


LocatedCheck = tuple[Check, Steps]
"""A check and where it stands."""


class _Common(msgspec.Struct, frozen=True):
    """What may stand beside any check's name."""

    weight: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    negate: bool = msgspec.field(default=False, name="not")
    name: str = ""


_COMMON = ("weight", "not", "name")
_EXTRACT = "extract"
_REASON_CHARS = 300
_MOST_VALUES = 200
"""Of one file, whose checks are asked for `value_fault`: each may take 10 ms, in each worker. Later ones tell it when
they judge."""


class CheckReader:
    """Makes Checks; what cannot be one is noted in `problems`.

    A check without placeholders is made once, however many scenarios or records it applies to. `folder` is that of the
    file: others that checks name lie in it.
    """

    def __init__(self, options: LoadOptions, problems: Problems, budget: Budget, folder: Path) -> None:
        self._folder = folder
        self._allowed = options.allowed
        self._graders = options.graders
        self._extraction = options.extraction
        self._unknown_note = options.unknown_check_note
        self._problems = problems
        self._budget = budget
        self._made: dict[Steps, Check | None] = {}
        self._values_asked = 0
        self._unusable: set[Steps] = set()

    def read(self, written: Sequence[WrittenCheck], names: Mapping[str, object] | None) -> list[LocatedCheck]:
        """The checks that could be read; `names` are those of the templates, None where none are rendered."""
        found = [(self._read_one(check, names), check.steps) for check in written]
        return [(check, steps) for check, steps in found if check is not None]

    def prepare(self, written: Sequence[WrittenCheck]) -> list[LocatedCheck]:
        """Note what is wrong with checks whatever the record, before the records of a dataset are read.

        Returns those that are the same for each record.
        """
        whole = []
        for check in written:
            if not has_placeholder(check.value):
                whole.append(check)
            elif isinstance(check.value, dict) and self._kind(check.value, check.steps) is None:
                self._unusable.add(check.steps)
        return self.read(whole, None)

    def _read_one(self, written: WrittenCheck, names: Mapping[str, object] | None) -> Check | None:
        value, steps = written
        if steps in self._unusable:
            return None
        if names is not None and has_placeholder(value):
            try:
                return self._make(render(value, names, self._budget), steps)
            except TemplateError as error:
                self._problems.add(steps, f"check {quote(_title(value))}: {error}")
                return None
        if steps not in self._made:
            self._made[steps] = made = self._make(value, steps)
            for check, place in () if made is None else each_inside(made, steps):
                if type(check.grader).value_fault is not Grader.value_fault and self._values_asked < _MOST_VALUES:
                    self._values_asked += 1
                    self._note_value_fault(check, place)
        return self._made[steps]

    def _note_value_fault(self, check: Check, steps: Steps) -> None:
        try:
            fault = check.grader.value_fault()
        except Exception as error:  # noqa: BLE001 - a grader may be anybody's: its crash is a problem of this check
            fault = f"value_fault(): {type(error).__name__}: {_reason(error)}"
        if fault is not None:
            self._problems.add((*steps, check.kind), f"check {quote(check.kind)}: {clip(plain(fault), _REASON_CHARS)}")

    def _make(self, value: object, steps: Steps) -> Check | None:
        if isinstance(value, str):
            return self._make_bare(value, steps)
        if not isinstance(value, dict):
            self._problems.add(steps, f"a check is a mapping such as `equals: yes`, got {quote(value)}")
            return None
        kind = self._kind(value, steps)
        if kind is None:
            return None
        common = self._common({key: value[key] for key in _COMMON if key in value}, kind, steps)
        apart = {*_COMMON, _EXTRACT} if self._extracts(kind, value) else {*_COMMON}
        extract = self._steps_of(value[_EXTRACT], (*steps, _EXTRACT)) if _EXTRACT in apart else ()
        grader = self._grader(kind, {key: part for key, part in value.items() if key not in apart}, steps)
        if common is None or grader is None or extract is None:
            return None
        if extract and (fault := _extract_fault(kind, grader)):
            self._problems.add((*steps, _EXTRACT), fault)
            return None
        words = f"not {summary(grader)}" if common.negate else summary(grader)
        if extract:
            words = f"{words} in the {', '.join([step.told() for step in extract])}"
        return Check(kind, common.name or kind, words, grader, common.weight, common.negate, extract)

    def _extracts(self, kind: str, value: Mapping[str, object]) -> bool:
        """Whether `extract` is the key of any check. `json` and `json_schema` have one of their own: true or false."""
        if _EXTRACT not in value or self._extraction is None:
            return False
        return not (self._is_option(kind, _EXTRACT) and isinstance(value[_EXTRACT], bool))

    def _steps_of(self, value: object, steps: Steps) -> tuple[Extraction, ...] | None:
        """The steps of `extract`: one, or a list of them; `last_number` is short for `{last_number: true}`."""
        if not isinstance(value, list):
            made = self._step(value, steps)
            return None if made is None else (made,)
        if not value:
            self._problems.add(steps, "extract is an empty list: write at least one step, such as `after: 'Answer:'`")
            return None
        found = [self._step(step, (*steps, index)) for index, step in enumerate(value)]
        taken = tuple(step for step in found if step is not None)
        return taken if len(taken) == len(found) else None

    def _step(self, value: object, steps: Steps) -> Extraction | None:
        model = self._extraction
        options = {value: True} if isinstance(value, str) else value
        if model is None or not isinstance(options, dict):
            rule = "write `last_number`, or a mapping such as `{after: 'Answer:'}` or `{line: last}`"
            self._problems.add(steps, f"extract is a step or a list of steps, got {quote(value)}: {rule}")
            return None
        try:
            return msgspec.convert(options, model)
        except msgspec.ValidationError as error:
            if not explain(options, model, steps, self._problems, "extract"):
                self._problems.add(steps, f"extract: {_reason(error)}")
        return None

    def _make_bare(self, name: str, steps: Steps) -> Check | None:
        """`- json`: a check whose value has a default."""
        grader = self._graders.get(name)
        if grader is None:
            self._problems.add(steps, self._unknown(name))
            return None
        try:
            made = grader()
        except TypeError:
            self._problems.add(steps, f"check {name!r} needs a value: write `{name}: ...`")
            return None
        return Check(name, name, summary(made), made)

    def _kind(self, value: dict[str, object], steps: Steps) -> str | None:
        """Which of the keys is the check's name: the others have to be its options."""
        named = [key for key in value if key in self._graders]
        fitting = [key for key in named if all(self._is_option(key, other) for other in named if other != key)]
        if len(fitting) == 1:
            return fitting[0]
        self._problems.add(steps, self._kind_fault(value, named))
        return None

    def _is_option(self, kind: str, key: str) -> bool:
        return key in self._graders[kind].__struct_fields__

    def _kind_fault(self, value: dict[str, object], named: list[str]) -> str:
        if named:
            return f"a check has one name, got {' and '.join(map(quote, named))}: write each as an entry of its own"
        unknown = [key for key in value if key not in _COMMON]
        if not unknown:
            return f"this check has no name; known are {', '.join(sorted(self._graders))}"
        if foreign := next((key for key in unknown if foreign_check(key, self._graders)), None):
            return self._unknown(foreign)
        guess = next((key for key in unknown if self._problems.hint(key, self._graders)), unknown[0])
        return self._unknown(guess)

    def _unknown(self, name: str) -> str:
        hint = foreign_check(name, self._graders) or self._problems.hint(name, self._graders)
        return f"unknown check {quote(name)}{hint}{self._unknown_note}"

    def _common(self, value: dict[str, object], kind: str, steps: Steps) -> _Common | None:
        try:
            return msgspec.convert(value, _Common)
        except msgspec.ValidationError:
            explain(value, _Common, steps, self._problems, f"check {kind!r}")
            return None

    def _grader(self, kind: str, options: dict[str, object], steps: Steps) -> Grader | None:
        model = self._graders[kind]
        if issubclass(model, Combination) and isinstance(nested := options[kind], list):
            inside = [self._make(check, (*steps, kind, index)) for index, check in enumerate(nested)]
            if None in inside:
                return None
            options = {**options, kind: inside}
        if (files := self._texts(model, options, kind, steps)) is None:
            return None
        options = {**options, **files}
        try:
            return msgspec.convert(options, model)
        except msgspec.ValidationError as error:
            if not explain(options, model, steps, self._problems, f"check {kind!r}"):
                self._problems.add((*steps, kind), f"check {kind!r}: {_reason(error)}")
        except Exception as error:  # noqa: BLE001 - a grader may be anybody's: its crash is a problem of this check
            self._problems.add(
                (*steps, kind), f"check {kind!r} cannot be made: {type(error).__name__}: {_reason(error)}"
            )
        return None

    def _texts(
        self, model: type[Grader], options: Mapping[str, object], kind: str, steps: Steps
    ) -> dict[str, str] | None:
        """What stands in the files that options name; None where one cannot be read."""
        texts = {}
        for name in model.file_options:
            if isinstance(written := options.get(name), str):
                try:
                    texts[name] = text_beside(written, self._folder, self._allowed)
                except ValueError as error:
                    self._problems.add((*steps, name), f"check {kind!r}: {name} {quote(written)} {error}")
                    return None
        return texts


def _extract_fault(kind: str, grader: Grader) -> str:
    """Why `extract` cannot stand beside a check, or before those inside of it; empty where it can."""
    if grader.needs_workspace:
        rule = "judges what is in the workspace, and `extract` takes a part of the answer: leave it out"
        return f"check {kind!r} {rule}"
    checks = grader.checks if isinstance(grader, Combination) else ()
    inside = [check for each in checks for check, _ in each_inside(each, ())]
    found = next((check for check in inside if check.grader.needs_workspace), None)
    if found is None:
        return ""
    rule = "judges what is in the workspace: write `extract` at those of its checks that judge the answer"
    return f"`extract` takes a part of the answer, and check {found.kind!r} inside of {kind!r} {rule}"


def each_inside(check: Check, steps: Steps) -> Iterator[LocatedCheck]:
    """A check and those that it is made of, and where each stands."""
    yield check, steps
    if isinstance(check.grader, Combination):
        for index, inside in enumerate(check.grader.checks):
            yield from each_inside(inside, (*steps, check.kind, index))


def has_placeholder(value: object) -> bool:
    """Whether a template stands in a text of it, at any depth."""
    if isinstance(value, str):
        return "{{" in value
    if isinstance(value, dict):
        return any(map(has_placeholder, value.values()))
    return isinstance(value, list) and any(map(has_placeholder, value))


def _reason(error: Exception) -> str:
    """What a grader says about a value, which it may quote at length."""
    return clip(plain(str(error)), _REASON_CHARS)


def _title(value: object) -> str:
    return next((key for key in value if key not in _COMMON), "?") if isinstance(value, dict) else str(value)
