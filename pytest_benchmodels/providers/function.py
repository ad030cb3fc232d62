"""A function of the user's where a model stands: an agent, a pipeline, a client of his own."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from numbers import Integral, Real

import msgspec
from msgspec.structs import replace

from pytest_benchmodels.core.call import Request
from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.text import clip, plain, quote, well_formed
from pytest_benchmodels.core.user_code import UserCodeError, call, where
from pytest_benchmodels.providers.dialect import sound_call, unsupported
from pytest_benchmodels.providers.http import MAX_REPLY_BYTES
from pytest_benchmodels.providers.key import Key

__all__ = ["FunctionProvider", "UserFault", "settled_error", "without_solution"]

_LONGEST_KIND = 40
_OF_THE_ENGINE = frozenset(
    {"budget", "check", "internal", "interrupted", "limits", "not-stored", "skip", "timeout", "worker-crash"}
)
"""Kinds by which the engine tells what it did itself."""


class UserFault(ProviderError):  # noqa: N818 - the name of what it tells of
    """The fault of code of the user's. What its request took is not known: it may have asked whom it liked."""

    def __init__(self, message: str) -> None:
        super().__init__("provider", message, usage=Usage())


def without_solution(request: Request) -> Request:
    """The request without what a right answer is, and with parameters that may be changed at will."""
    return replace(request, params=copy.deepcopy(dict(request.params)), checks=(), target=None, script=None)


def settled_error(error: ProviderError, key: Key, *, sent: bool = True) -> ProviderError:
    """An error that the user's code made, if the engine can go by it; else one that says what is wrong with it.

    What its request took is not known where it does not tell: a refusal of an HTTP server's (`status`) is free, and so
    is what was never sent. Without `sent` nothing was, whatever the error says.
    """
    if wrong := next(_wrong_fields(error), ""):
        return UserFault(f"a {type(error).__name__} was raised whose {wrong}{where(error)}")
    kept = ProviderError(
        error.kind,
        key.hide(error.message),
        status=error.status,
        retryable=bool(error.retryable),
        retry_after_s=error.retry_after_s,
        usage=error.usage,
        sent=sent and bool(error.sent),
        remedy=key.hide(str(getattr(error, "remedy", ""))),
    )
    if kept.usage is None and kept.status is None and kept.sent:
        kept.usage = Usage()
    return kept


def _wrong_fields(error: ProviderError) -> Iterator[str]:
    """What is wrong, with the rule. A class derived from it may never have called its `__init__`."""
    kind, wish_s = getattr(error, "kind", None), getattr(error, "retry_after_s", None)
    if not (isinstance(kind, str) and kind.isprintable() and 0 < len(kind) <= _LONGEST_KIND):
        yield f"kind is no word: {quote(kind)}"
    elif kind in _OF_THE_ENGINE:
        yield f"kind {quote(kind)} is the plugin's own: take one of another name"
    if not isinstance(message := getattr(error, "message", None), str):
        yield f"message is no text: {quote(message)}"
    if not isinstance(status := getattr(error, "status", None), int | None):
        yield f"status is no HTTP status: {quote(status)}"
    if wish_s is not None and not (isinstance(wish_s, int | float) and math.isfinite(wish_s) and wish_s >= 0):
        yield f"retry_after_s is no number of seconds: {quote(wish_s)}"
    if not isinstance(usage := getattr(error, "usage", None), Usage | None):
        yield f"usage is no Usage: {quote(usage)}"


_WANTED = "has to return a text or a Response"
_WORD_LIMIT = 200


class FunctionProvider:
    """Implements `core.call.Provider` by a function, async or sync, from a `Request` to a text or a `Response`."""

    def __init__(self, name: str, function: Callable[..., object]) -> None:
        self._name = name
        self._function = function

    async def complete(self, request: Request) -> Response:
        """Call the function with the request, without what a right answer is."""
        if request.embeds:
            unsupported(f"embeddings of {request.model.id}", "a function answers questions; name another model")
        key = Key.of_surroundings()
        try:
            returned = await call(self._function, without_solution(request))
        except UserCodeError as error:
            raise UserFault(key.hide(f"{self._name}: {error}")) from None
        except ProviderError as error:
            raise settled_error(error, key) from None
        return replace(self._response(returned, key), asked_model=request.model.name)

    def _response(self, returned: object, key: Key) -> Response:
        if isinstance(returned, str):
            response = Response(str.__str__(returned))
        elif isinstance(returned, Response):
            response = self._checked(returned)
        else:
            raise UserFault(f"{self._name}: TypeError: it {_WANTED}, got {type(returned).__name__}")
        if len(response.readable) + len(response.thinking) > MAX_REPLY_BYTES:
            raise ProviderError("too-large", f"{self._name}: an answer of more than {MAX_REPLY_BYTES} characters")
        return replace(
            response,
            text=key.hide(well_formed(response.text)),
            thinking=key.hide(well_formed(response.thinking)),
            finish_reason=response.finish_reason and _word(response.finish_reason, key),
            served_model=_word(response.served_model, key),
            upstream=_word(response.upstream, key),
            system_fingerprint=_word(response.system_fingerprint, key),
            tool_calls=tuple(
                [sound_call(call, lambda text: key.hide(well_formed(text))) for call in response.tool_calls]
            ),
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
