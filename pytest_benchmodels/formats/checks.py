"""A check as an author writes it -> a Check with its grader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import msgspec

from pytest_benchmodels.core.grading import Grader
from pytest_benchmodels.core.scenario import Check
from pytest_benchmodels.core.text import clip, plain, quote
from pytest_benchmodels.formats.dataset import Budget, TemplateError, render
from pytest_benchmodels.formats.document import LoadOptions, Problems, Steps
from pytest_benchmodels.formats.explain import explain, foreign_check, summary

__all__ = ["CheckReader", "WrittenCheck"]


class WrittenCheck(NamedTuple):
    """A check and where it stands, which is the file's defaults for some."""

    value: object
    steps: Steps


class _Common(msgspec.Struct, frozen=True):
    """What may stand beside any check's name."""

    weight: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    negate: bool = msgspec.field(default=False, name="not")
    name: str = ""


_COMMON = ("weight", "not", "name")


class CheckReader:
    """Makes Checks; what cannot be one is noted in `problems`.

    A check without placeholders is made once, however many scenarios or records it applies to.
    """

    def __init__(self, options: LoadOptions, problems: Problems, budget: Budget) -> None:
        self._graders = options.graders
        self._unknown_note = options.unknown_check_note
        self._problems = problems
        self._budget = budget
        self._made: dict[Steps, Check | None] = {}
        self._unusable: set[Steps] = set()

    def read(self, written: Sequence[WrittenCheck], names: Mapping[str, object] | None) -> tuple[Check, ...]:
        """The checks that could be read; `names` are those of the templates, None where none are rendered."""
        found = [self._read_one(check, names) for check in written]
        return tuple(check for check in found if check is not None)

    def prepare(self, written: Sequence[WrittenCheck]) -> None:
        """Note what is wrong with checks whatever the record, before the records of a dataset are read."""
        for check in written:
            if not _has_placeholder(check.value):
                self._read_one(check, None)
            elif isinstance(check.value, dict) and self._kind(check.value, check.steps) is None:
                self._unusable.add(check.steps)

    def _read_one(self, written: WrittenCheck, names: Mapping[str, object] | None) -> Check | None:
        value, steps = written
        if steps in self._unusable:
            return None
        if names is not None and _has_placeholder(value):
            try:
                return self._make(render(value, names, self._budget), steps)
            except TemplateError as error:
                self._problems.add(steps, f"check {quote(_title(value))}: {error}")
                return None
        if steps not in self._made:
            self._made[steps] = self._make(value, steps)
        return self._made[steps]

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
        grader = self._grader(kind, {key: part for key, part in value.items() if key not in _COMMON}, steps)
        if common is None or grader is None:
            return None
        words = f"not {summary(grader)}" if common.negate else summary(grader)
        return Check(kind, common.name or kind, words, grader, common.weight, common.negate)

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


def _has_placeholder(value: object) -> bool:
    if isinstance(value, str):
        return "{{" in value
    if isinstance(value, dict):
        return any(map(_has_placeholder, value.values()))
    return isinstance(value, list) and any(map(_has_placeholder, value))


def _reason(error: Exception) -> str:
    """What a grader says about a value, which it may quote at length."""
    return clip(plain(str(error)), 300)


def _title(value: object) -> str:
    return next((key for key in value if key not in _COMMON), "?") if isinstance(value, dict) else str(value)
