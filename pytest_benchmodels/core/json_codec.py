"""Values as JSON and back, with what JSON lacks: a number without end, a text with half a character."""

from __future__ import annotations

import math
from typing import Any, Generic, TypeVar

import msgspec

from pytest_benchmodels.core.text import well_formed

__all__ = ["Codec"]

T = TypeVar("T")


class Codec(Generic[T]):
    """Texts of values of one kind; `T` is a type that msgspec knows."""

    def __init__(self, kind: type[T]) -> None:
        self._strict = msgspec.json.Decoder(kind)
        self._lax = msgspec.json.Decoder(kind, strict=False)

    def encode(self, value: T) -> str:
        """JSON that `decode` reads; lone surrogates are replaced."""
        try:
            data = msgspec.json.encode(value).decode()
            # JSON has no infinity and says null for it. What is kept has to be what was given.
            if self._strict.decode(data) == value:
                return data
        except (UnicodeEncodeError, msgspec.ValidationError):
            pass
        return msgspec.json.encode(_storable(msgspec.to_builtins(value))).decode()

    def decode(self, data: str) -> T:
        """Raises `ValueError` for anything else than such a value."""
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
