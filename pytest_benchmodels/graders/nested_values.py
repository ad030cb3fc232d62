"""Values in which checks may stand: those of a call's arguments, or at a path of an answer's JSON."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from pytest_benchmodels.core.message import Response, arguments_text
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import nearest, quote
from pytest_benchmodels.graders import (
    code,
    combinations,
    embedding,
    judge,
    language,
    markdown,
    math_equal,
    overlap,
    patterns,
    sets,
    structure,
    text,
    usage,
    valid,
    values,
)
from pytest_benchmodels.graders.documents import composed, difference
from pytest_benchmodels.graders.normalization import compose, shown

__all__ = ["WantedValue"]

_FAMILIES = (
    text.CHECKS,
    (text.Similar, text.MinWords, text.MaxWords),
    patterns.CHECKS,
    values.CHECKS,
    structure.CHECKS,
    valid.CHECKS,
    markdown.CHECKS,
    sets.CHECKS,
)
_OF_VALUES: Mapping[str, type[Grader]] = {grader.kind(): grader for family in _FAMILIES for grader in family}
"""The checks that may stand for an argument's value."""
_ABOUT_ANSWERS = (
    *text.MEASURES,
    *overlap.CHECKS,
    *math_equal.CHECKS,
    *language.CHECKS,
    *embedding.CHECKS,
    *usage.CHECKS,
    *judge.CHECKS,
    *code.CHECKS,
    *combinations.CHECKS,
)
_OF_ANSWERS = frozenset(grader.kind() for grader in _ABOUT_ANSWERS if grader.kind() not in _OF_VALUES)
_LITERAL = "literal"
_NOT = "not"
_BESIDE = (_NOT, "weight", "name")
_NEAR = 0.8
_LONGEST_NAME = 100
_OTHER = "other"
_REMEDY = "a value that looks like a check is written {literal: ...}"


class WantedValue:
    """What a value has to be: a plain value, or one in which checks stand, at any depth.

    `others` are checks that judge answers and read such values themselves, which are not known here. Raises ValueError,
    with `where`, for what looks like a check and is none.
    """

    def __init__(self, value: object, where: str, others: Iterable[type[Grader]]) -> None:
        self._wanted = _read(value, where, frozenset(grader.kind() for grader in others))

    @property
    def is_check(self) -> bool:
        """Whether it is one check as a whole."""
        return isinstance(self._wanted, _Nested)

    @property
    def has_checks(self) -> bool:
        """Whether a check stands in it."""
        return _has_checks(self._wanted)

    def fault(self, given: Any, where: str) -> str | None:
        """What is wrong with a value that stands at `where`; None if nothing is."""
        return _differs(self._wanted, composed(given), where)

    def example(self) -> Any:
        """A value that is right."""
        return _example(self._wanted)


@dataclass(frozen=True, slots=True)
class _Nested:
    """A check in place of a value."""

    grader: Grader
    negate: bool

    def fault(self, given: Any, where: str) -> str | None:
        grade: Grade = self.grader.grade(Response(_written(given)))
        if grade.undecided if self.negate else not grade.passed:
            return f"{where}: {grade.explanation}"
        return f"{where} is as it must not be: {grade.explanation}" if self.negate and grade.passed else None

    def example(self) -> object:
        return _OTHER if self.negate else self.grader.example()


@dataclass(frozen=True, slots=True)
class _Literal:
    """A value in which nothing is a check."""

    value: object


_Wanted = Any
"""A plain value, `_Nested`, `_Literal`, or a mapping or list of these."""


def _read(value: object, where: str, others: Collection[str]) -> _Wanted:
    """What an author wrote, with its checks made. Raises ValueError for what looks like a check and is none."""
    if isinstance(value, list | tuple):
        return [_read(each, f"{where}[{place}]", others) for place, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if set(value) == {_LITERAL}:
        return _Literal(value[_LITERAL])
    if (kind := _kind(value, where, others)) is not None:
        return _made(kind, value, where)
    return {compose(name): _read(each, f"{where}, {quote(name)}", others) for name, each in value.items()}


def _kind(value: Mapping[str, object], where: str, others: Collection[str]) -> str | None:
    """The check that a mapping is; None where it is none."""
    named = [name for name in value if name in _OF_VALUES]
    fitting = [name for name in named if set(named) <= _options(name)]
    if len(fitting) == 1:
        return fitting[0]
    if named:
        raise ValueError(f"{where}: a check has one name, got {' and '.join(map(quote, named))}; {_REMEDY}")
    for name in value:
        if name in _OF_ANSWERS or name in others:
            raise ValueError(f"{where}: check {quote(name)} judges answers, no arguments; {_REMEDY}")
        near = difflib.get_close_matches(name, _OF_VALUES, n=1, cutoff=_NEAR) if len(name) <= _LONGEST_NAME else []
        if near and set(value) - {name} <= _options(near[0]):
            raise ValueError(f"{where}: {quote(name)} is no check, did you mean {quote(near[0])}? {_REMEDY}")
    return None


def _options(kind: str) -> set[str]:
    return {*_OF_VALUES[kind].__struct_fields__, *_BESIDE}


def _made(kind: str, value: Mapping[str, object], where: str) -> _Nested:
    model, negate = _OF_VALUES[kind], value.get(_NOT, False)
    for name in value:
        if name in _BESIDE[1:]:
            raise ValueError(f"{where}: {name!r} has no meaning beside a check of an argument: leave it out")
        if name not in _options(kind):
            hint = nearest(name, _options(kind)) or f"; {_REMEDY}"
            raise ValueError(f"{where}: check {kind!r} has no option {quote(name)}{hint}")
    if not isinstance(negate, bool):
        raise ValueError(f"{where}: check {kind!r}: `not` is true or false, got {quote(negate)}")  # noqa: TRY004 - see `_read`
    try:
        grader = msgspec.convert({name: each for name, each in value.items() if name != _NOT}, model)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: check {kind!r}: {error}; {_REMEDY}") from None
    return _Nested(grader, negate)


def _has_checks(wanted: _Wanted) -> bool:
    if isinstance(wanted, Mapping | list):
        return any(map(_has_checks, wanted.values() if isinstance(wanted, Mapping) else wanted))
    return isinstance(wanted, _Nested)


def _differs(wanted: _Wanted, given: Any, where: str) -> str | None:
    """Where a value is not as wanted first; None where it is. Objects may have further keys."""
    if isinstance(wanted, _Nested):
        return wanted.fault(given, where)
    if isinstance(wanted, Mapping) and isinstance(given, Mapping):
        missing = next((name for name in wanted if name not in given), None)
        if missing is not None:
            return f"{where}: expected key {quote(missing)}, found none"
        pairs = [(each, given[name], f"{where}, {quote(name)}") for name, each in wanted.items()]
    elif isinstance(wanted, list) and isinstance(given, list) and len(wanted) == len(given):
        pairs = [(each, given[place], f"{where}[{place}]") for place, each in enumerate(wanted)]
    elif isinstance(wanted, Mapping | list):
        kind = "an object" if isinstance(wanted, Mapping) else f"a list of {len(wanted)}"
        return f"{where}: expected {kind}, got {shown(_written(given))}"
    else:
        plain = wanted.value if isinstance(wanted, _Literal) else wanted
        fault = difference(composed(plain), given, subset=True)
        return f"{where}: {fault}" if fault else None
    return next(filter(None, (_differs(*pair) for pair in pairs)), None)


def _written(given: Any) -> str:
    return given if isinstance(given, str) else arguments_text(given)


def _example(wanted: _Wanted) -> Any:
    if isinstance(wanted, _Nested):
        return wanted.example()
    if isinstance(wanted, Mapping):
        return {name: _example(each) for name, each in wanted.items()}
    if isinstance(wanted, list):
        return [_example(each) for each in wanted]
    return wanted.value if isinstance(wanted, _Literal) else wanted
