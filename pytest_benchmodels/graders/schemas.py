"""JSON Schema validation that opens nothing and ends: no address, no file, no pattern without a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jsonschema
import referencing
from jsonschema.exceptions import ValidationError
from jsonschema.validators import Draft3Validator, Draft202012Validator, extend, validator_for

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.text import clip, plain, quote
from pytest_benchmodels.graders.documents import (
    composed,
    identity,
)
from pytest_benchmodels.graders.normalization import shown, shown_pattern
from pytest_benchmodels.graders.patterns import compile_pattern, search

__all__ = ["SchemaValidator"]

_STEPS = 200_000


_SECONDS = 10.0


_MESSAGE = 200


_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


class SchemaValidator:
    """A schema that was checked, ready to validate.

    Without `$schema` a schema is one of draft 2020-12. `format` is an annotation, as the specification has it. Raises
    ValueError for a schema that is none, that refers to anything outside itself, or whose patterns cannot be compiled.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        dialect = validator_for(schema, default=Draft202012Validator)
        # jsonschema goes back to its own classes, and so to unlimited patterns, wherever it meets a `$schema`.
        self.schema = {key: value for key, value in schema.items() if key != "$schema"}
        _check_reach(self.schema)
        _check_form(dialect, self.schema)
        self.schema = composed(self.schema)  # as the answer's texts are
        self._validator = _limited(dialect)(self.schema, registry=referencing.Registry())

    def first_error(self, document: object) -> str | None:
        """Say what is wrong with a document, None if nothing is; raise `CheckError` where that cannot be told."""
        budget = _BUDGET.set(_Budget())
        try:
            error = next(self._validator.iter_errors(document), None)
        except referencing.exceptions.Unresolvable as problem:
            raise CheckError(f"the schema refers to {shown(str(problem.ref))}, which it does not have") from None
        except RecursionError:
            raise CheckError("the schema refers to itself without end, or the answer is nested too deeply") from None
        except (ArithmeticError, ValueError) as problem:
            raise CheckError(f"the schema cannot judge this answer: {problem}") from problem
        finally:
            _BUDGET.reset(budget)
        return None if error is None else _told(error)


@dataclass
class _Budget:
    """What one validation may use, so that references that branch over and over come to an end."""

    steps: int = _STEPS
    deadline: float = field(default_factory=lambda: time.monotonic() + _SECONDS)

    def spend(self) -> None:
        self.steps -= 1
        if self.steps < 0 or time.monotonic() > self.deadline:
            raise CheckError(
                f"validation took more than {_STEPS:,} steps or {_SECONDS:g} s; "
                "simplify the schema, or lower max_tokens for a shorter answer",
            )


_BUDGET: ContextVar[_Budget] = ContextVar("_BUDGET")


def _check_reach(schema: Mapping[str, Any]) -> None:
    """Raise ValueError for a reference to anything outside the schema."""
    for node in _mappings(schema):
        if isinstance(node.get("$schema"), str):
            raise ValueError(  # noqa: TRY004 - a rule of values, and msgspec reports it as such
                "`$schema` may stand at the top of a schema only",
            )
        for keyword in _REFERENCES:
            target = node.get(keyword)
            if isinstance(target, str) and not target.startswith("#"):
                raise ValueError(
                    f"`{keyword}` has to point into the schema itself, such as '#/$defs/name', got {shown(target)}: "
                    "no file and no address is opened",
                )
    keywords = {keyword for node in _mappings(schema) for keyword in node}
    if {"patternProperties", "unevaluatedProperties"} <= keywords:
        raise ValueError("`unevaluatedProperties` beside `patternProperties` is not taken; use `additionalProperties`")


def _mappings(schema: object) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a schema, itself first."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list | tuple):
            waiting.extend(node)


def _check_form(dialect: Any, schema: Mapping[str, Any]) -> None:
    checker = jsonschema.FormatChecker(formats=())
    checker.checks("regex", raises=ValueError)(_is_pattern)
    try:
        dialect.check_schema(schema, format_checker=checker)
    except jsonschema.SchemaError as error:
        cause = f": {error.cause}" if error.cause else ""
        raise ValueError(f"no JSON Schema: {_told(error)}{cause}") from None
    except RecursionError:
        raise ValueError("no JSON Schema: it is nested too deeply") from None


def _is_pattern(value: object) -> bool:
    return not isinstance(value, str) or bool(_pattern(value))


def _told(error: Any) -> str:
    return clip(plain(f"at {clip(error.json_path, _MESSAGE)}: {error.message}").replace("\n", " "), _MESSAGE)


@lru_cache(maxsize=8)
def _limited(dialect: Any) -> Any:
    """The same dialect with our own patterns, each keyword counted."""
    keywords = {**dialect.VALIDATORS, **_KEYWORDS}
    if dialect is Draft3Validator:  # where `required` stands within the property
        keywords["properties"] = dialect.VALIDATORS["properties"]
    made: Callable[..., Any] = extend  # the stubs leave it untyped
    return made(dialect, {name: _counted(keyword) for name, keyword in keywords.items()})


def _counted(keyword: Keyword) -> Keyword:
    def evaluate(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        budget = _BUDGET.get()
        budget.spend()
        for error in keyword(validator, value, instance, schema) or ():
            budget.spend()
            yield error

    return evaluate


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> Any:
    return compile_pattern(pattern)


def _has(text: str, pattern: str) -> bool:
    return search(_pattern(pattern), text, timeout_s=1.0) is not None


def _match_pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _has(instance, pattern):
        yield ValidationError(f"{shown(instance)} does not match {shown_pattern(pattern)}")


def _match_named(validator: Any, properties: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """As jsonschema has it; what cannot be told is told with the property's name."""
    if not validator.is_type(instance, "object"):
        return
    for name, subschema in properties.items():
        if name not in instance:
            continue
        try:
            yield from validator.descend(instance[name], subschema, path=name, schema_path=name)
        except CheckError as error:
            raise CheckError(f"{quote(name)}: {error}") from None


def _match_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, subschema in patterns.items():
            for key, value in instance.items():
                if _has(key, pattern):
                    yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _match_additional(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, value in instance.items():
        if key not in named and not any(_has(key, pattern) for pattern in patterns):
            if allowed is False:
                yield ValidationError(f"unexpected property {shown(key)}")
            else:
                yield from validator.descend(value, allowed, path=key)


def _match_unique(validator: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if wanted and validator.is_type(instance, "array") and len(set(map(identity, instance))) < len(instance):
        yield ValidationError(f"{shown(repr(instance[:20]))} has equal items")


_KEYWORDS: Mapping[str, Keyword] = {
    "pattern": _match_pattern,
    "properties": _match_named,
    "patternProperties": _match_properties,
    "additionalProperties": _match_additional,
    "uniqueItems": _match_unique,
}
