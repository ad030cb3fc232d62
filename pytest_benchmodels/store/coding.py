"""Results and responses as JSON text, and back."""

from __future__ import annotations

import math
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from pytest_benchmodels.core.exchange import Message, Response
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.text import well_formed

__all__ = ["decode_answers", "decode_asked", "decode_result", "encode_answers", "encode_asked", "encode_result"]

T = TypeVar("T")


class _Codec(Generic[T]):
    def __init__(self, kind: type[T]) -> None:
        self._strict = msgspec.json.Decoder(kind)
        self._lax = msgspec.json.Decoder(kind, strict=False)

    def encode(self, value: T) -> str:
        try:
            data = msgspec.json.encode(value).decode()
            # JSON has no infinity and says null for it. What is kept has to be what was given.
            if self._strict.decode(data) == value:
                return data
        except (UnicodeEncodeError, msgspec.ValidationError):
            pass
        return msgspec.json.encode(_storable(msgspec.to_builtins(value))).decode()

    def decode(self, data: str) -> T:
        try:
            return self._strict.decode(data)
        except msgspec.ValidationError:
            # Only a decoder that is not strict takes the text 'inf' for a number.
            return self._lax.decode(data)
        except RecursionError as error:
            raise ValueError("nested too deep") from error


def _storable(value: Any) -> Any:
    """The same with lone surrogates replaced, and numbers that JSON lacks as texts."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {_storable(name): _storable(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(entry) for entry in value]
    return value


_RESULT = _Codec(Result)
_ANSWERS: _Codec[tuple[Response, ...]] = _Codec(tuple[Response, ...])
_ASKED: _Codec[tuple[tuple[Message, ...], ...]] = _Codec(tuple[tuple[Message, ...], ...])


def encode_result(result: Result) -> str:
    """JSON that `decode_result` reads; lone surrogates are replaced."""
    return _RESULT.encode(result)


def decode_result(data: str) -> Result:
    """Raises `ValueError` for anything else than a result."""
    return _RESULT.decode(data)


def encode_answers(answers: tuple[Response, ...]) -> str:
    """The same for the answers of a conversation, without what they said of the model's quota at that time."""
    kept = [answer if answer.pause_s is None else replace(answer, pause_s=None) for answer in answers]
    return _ANSWERS.encode(tuple(kept))


def decode_answers(data: str) -> tuple[Response, ...]:
    """Raises `ValueError` for anything else than answers."""
    return _ANSWERS.decode(data)


def encode_asked(asked: tuple[tuple[Message, ...], ...]) -> str:
    """The same for the messages that each turn added."""
    return _ASKED.encode(asked)


def decode_asked(data: str) -> tuple[tuple[Message, ...], ...]:
    """Raises `ValueError` for anything else than messages of turns."""
    return _ASKED.decode(data)
