"""Results of tests, by the names of their JSON."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from pytest_benchmodels.core.plain_result import PlainResult, grouped, plain_result
from pytest_benchmodels.core.result import Result


def made(*fields: Any, **named: Any) -> Result:
    """A result of these fields of a `PlainResult`."""
    return grouped(PlainResult(*fields, **named))


def changed(result: Result, **named: Any) -> Result:
    """The same with some other fields."""
    return grouped(replace(plain_result(result), **named))
