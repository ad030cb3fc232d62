"""What code of the user's is given of a request, and what its errors come to."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

from msgspec.structs import replace

from ..core.code_location import where
from ..core.errors import ProviderError
from ..core.exchange import Request, Usage
from ..core.text import quote
from .key import Key

__all__ = ["UserFault", "settled_error", "without_solution"]

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
    return replace(request, params=copy.deepcopy(dict(request.params)), checks=(), target=None)


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
