"""Checks that read the answer as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.graders.documents import (
    NotJsonError,
    composed,
    difference,
    documents_in,
    extract,
    parse,
)
from pytest_benchmodels.graders.normalization import right, shown, wrong

if TYPE_CHECKING:
    from pytest_benchmodels.graders.schemas import SchemaValidator

__all__ = ["CHECKS", "Json", "JsonSchema", "schema_faults"]


class Json(Grader, frozen=True):
    """The answer is a JSON document and nothing else, at most in one Markdown code block.

    With `extract`, words may stand around it: it is the one document in the answer.

    `true`, the default, takes any document; any other value is the document it has to equal: the order of keys does not
    matter, 1 equals 1.0, true is no 1. With `subset`, objects of the answer may have further keys, at every level.
    """

    json: Any = True
    subset: bool = False
    extract: bool = False

    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        """Parse the answer and tell where it differs first.

        A document that fits, but with words around it, is undecided: it satisfies neither the check nor its `not`.
        """
        try:
            document = extract(response.text) if self.extract else parse(response.text)
        except NotJsonError as reason:
            fits = any(self._fault(document) is None for document in documents_in(response.text))
            return Grade(0.0, passed=False, explanation=_not_json(reason, response, self.extract), undecided=fits)
        fault = self._fault(document)
        if fault is not None:
            return wrong(f"{fault}, in {shown(response.text)}")
        return right(f"got the JSON {shown(response.text)}")

    def _fault(self, document: object) -> str | None:
        return None if self.json is True else difference(composed(self.json), document, subset=self.subset)

    def example(self) -> str | None:
        try:
            return "{}" if self.json is True else msgspec.json.encode(self.json).decode()
        except (TypeError, OverflowError, RecursionError, ValueError):
            return None


class JsonSchema(Grader, frozen=True, dict=True):
    """The answer is a JSON document, at most in one Markdown code block, and valid by this JSON Schema.

    The schema is checked when its file is read. References stay inside it; patterns have a time limit.
    """

    json_schema: dict[str, Any]
    extract: bool = False

    bounded: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _ = self._validator  # made now, so that a wrong schema is reported with its line

    def grade(self, response: Response) -> Grade:
        """Parse the answer and tell its first error; `CheckError` where validation would not end."""
        try:
            document = extract(response.text) if self.extract else parse(response.text)
        except NotJsonError as reason:
            return wrong(_not_json(reason, response, self.extract))
        error = self._validator.first_error(document)
        if error is not None:
            return wrong(f"expected JSON that fits the schema, got {shown(response.text)}: {error}")
        return right(f"{shown(response.text)} fits the schema")

    def example(self) -> str | None:
        from pytest_benchmodels.graders.examples import schema_example  # noqa: PLC0415 - only simulated providers ask for examples

        try:
            document = schema_example(self.json_schema)
            fits = self._validator.first_error(document) is None
            return msgspec.json.encode(document).decode() if fits else None
        except (LookupError, CheckError, TypeError, OverflowError, RecursionError):
            return None

    @cached_property
    def _validator(self) -> SchemaValidator:
        # jsonschema takes 127 ms, which only suites with schemas are to pay.
        from pytest_benchmodels.graders.schemas import SchemaValidator  # noqa: PLC0415 - see above

        return SchemaValidator(self.json_schema)


def schema_faults(schema: Mapping[str, Any]) -> Callable[[object], str | None]:
    """What tells the first fault of a document by this JSON Schema; raises ValueError for one that is none."""
    return _faults_by(json.dumps(schema, sort_keys=True))


@lru_cache(maxsize=256)  # scenarios share their tools
def _faults_by(schema: str) -> Callable[[object], str | None]:
    from pytest_benchmodels.graders.schemas import SchemaValidator  # noqa: PLC0415 - see above

    return SchemaValidator(json.loads(schema)).first_error


def _not_json(reason: NotJsonError, response: Response, extracted: bool) -> str:  # noqa: FBT001 - private
    wanted = "expected one JSON document in" if extracted else "expected JSON and nothing else, got"
    return f"{wanted} {shown(response.text)}: {reason}"


CHECKS: tuple[type[Grader], ...] = (Json, JsonSchema)
"""The checks of this family, in the order in which they are told."""
