"""A function of the user's where a model stands: an agent, a pipeline, a client of his own."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real

import msgspec
from msgspec.structs import replace

from ..core.errors import ProviderError
from ..core.exchange import Request, Response
from ..core.text import clip, plain, well_formed
from ..core.user_code import UserCodeError, call
from .http import MAX_REPLY_BYTES
from .key import Key
from .user_errors import UserFault, settled_error, without_solution

__all__ = ["FunctionProvider"]

_WANTED = "has to return a text or a Response"
_WORD_LIMIT = 200


class FunctionProvider:
    """Implements `core.exchange.Provider` by a function, async or sync, from a `Request` to a text or a `Response`."""

    def __init__(self, name: str, function: Callable[..., object]) -> None:
        self._name = name
        self._function = function

    async def complete(self, request: Request) -> Response:
        """Call the function with the request, without what a right answer is."""
        key = Key.of_surroundings()
        try:
            returned = await call(self._function, without_solution(request))
        except UserCodeError as error:
            raise UserFault(key.hide(f"{self._name}: {error}")) from None
        except ProviderError as error:
            raise settled_error(error, key) from None
        return self._response(returned, key)

    def _response(self, returned: object, key: Key) -> Response:
        if isinstance(returned, str):
            response = Response(str.__str__(returned))
        elif isinstance(returned, Response):
            response = self._checked(returned)
        else:
            raise UserFault(f"{self._name}: TypeError: it {_WANTED}, got {type(returned).__name__}")
        if len(response.text) + len(response.thinking) > MAX_REPLY_BYTES:
            raise ProviderError("too-large", f"{self._name}: an answer of more than {MAX_REPLY_BYTES} characters")
        return replace(
            response,
            text=key.hide(well_formed(response.text)),
            thinking=key.hide(well_formed(response.thinking)),
            finish_reason=response.finish_reason and _word(response.finish_reason, key),
            served_model=_word(response.served_model, key),
        )

    def _checked(self, response: Response) -> Response:
        """The same as plain data: what a field must not hold would break a report or the store far from here."""
        try:
            checked = msgspec.convert(msgspec.to_builtins(response, enc_hook=_plain_number), Response)
        except (TypeError, ValueError, RecursionError) as error:
            raise UserFault(f"{self._name}: TypeError: it {_WANTED}; of its Response: {plain(str(error))}") from None
        numbers = {**msgspec.structs.asdict(checked.usage), **msgspec.structs.asdict(checked)}
        for field, value in numbers.items():
            if isinstance(value, int | float) and not (math.isfinite(value) and value >= 0):
                raise UserFault(f"{self._name}: ValueError: {field} = {value!r} of its Response has to be 0 or more")
        return checked


def _word(text: str, key: Key) -> str:
    return clip(plain(key.hide(well_formed(text))), _WORD_LIMIT)


def _plain_number(value: object) -> int | float:
    """A number of numpy's own as Python's."""
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    raise TypeError(f"{type(value).__name__} is no text and no number")
