"""Results and responses as JSON text, and back."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from pytest_benchmodels.core.exchange import Response
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.text import well_formed

__all__ = ["decode_answers", "decode_result", "encode_answers", "encode_result"]

T = TypeVar("T")
_RESULT = msgspec.json.Decoder(Result)
_ANSWERS = msgspec.json.Decoder(tuple[Response, ...])
# Numbers that JSON lacks are stored as texts; only a decoder that is not strict reads them as numbers again.
_LAX_RESULT = msgspec.json.Decoder(Result, strict=False)
_LAX_ANSWERS = msgspec.json.Decoder(tuple[Response, ...], strict=False)


def encode_result(result: Result) -> str:
    """JSON that `decode_result` reads; lone surrogates are replaced."""
    return _encode(result, _result_is_finite(result))


def decode_result(data: str) -> Result:
    """Raises `ValueError` for anything else than a result."""
    return _decode(data, _RESULT, _LAX_RESULT)


def encode_answers(answers: tuple[Response, ...]) -> str:
    """The same for the answers of a conversation, without what they said of the model's quota at that time."""
    answers = tuple([replace(answer, pause_s=None) if answer.pause_s is not None else answer for answer in answers])
    return _encode(answers, math.isfinite(sum(answer.latency_s for answer in answers)))


def decode_answers(data: str) -> tuple[Response, ...]:
    """Raises `ValueError` for anything else than answers."""
    return _decode(data, _ANSWERS, _LAX_ANSWERS)


def _decode(data: str, strict: msgspec.json.Decoder[T], lax: msgspec.json.Decoder[T]) -> T:
    try:
        return strict.decode(data)
    except msgspec.ValidationError:
        return lax.decode(data)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _result_is_finite(result: Result) -> bool:
    total = result.started_at + result.duration_s + result.latency_s + result.wait_s + result.threshold
    total += (result.score or 0) + (result.cost_usd or 0) + (result.response.latency_s if result.response else 0)
    total += sum(check.score + check.weight for check in result.checks) + sum(retry.wait_s for retry in result.retries)
    return math.isfinite(total)


def _encode(value: object, is_finite: bool) -> str:  # noqa: FBT001 - private, and named where it is called
    if is_finite:
        try:
            return msgspec.json.encode(value).decode()
        except UnicodeEncodeError:
            pass
    return msgspec.json.encode(_storable(msgspec.to_builtins(value))).decode()


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _storable(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(entry) for entry in value]
    return value
