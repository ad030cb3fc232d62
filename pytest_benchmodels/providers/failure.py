"""What an HTTP reply that is no answer comes to: a ProviderError in the server's own words."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from ..core.errors import ProviderError
from ..core.text import clip, plain, quote, well_formed
from .error_body import ErrorBody, parse_error, read_error
from .foreign_body import is_page, is_stream, page_title
from .key import HIDDEN
from .quota import retry_after_s
from .reply import origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .key import Key
    from .reply import HttpReply

__all__ = ["Origin", "blocked", "error_in_answer", "http_failure", "malformed", "no_json"]

_MESSAGE_LIMIT = 300
_BEGINNING = 10_000
_SHOWN_BEGINNING = 100

_KINDS = {
    401: ("auth", False),
    403: ("auth", False),
    404: ("not-found", False),
    408: ("http", True),
    409: ("http", True),
    429: ("rate-limit", True),
    503: ("overloaded", True),
    529: ("overloaded", True),
}
# What an error in place of an answer is where it has a word and no status.
_STATUS_OF = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "resource_exhausted": 429,
    "overloaded_error": 529,
    "engine_overloaded_error": 529,
    "unavailable": 503,
    "server_error": 500,
    "internal_server_error": 500,
    "api_error": 500,
    "internal": 500,
    "timeout_error": 504,
    "deadline_exceeded": 504,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "unauthenticated": 401,
    "permission_denied": 403,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "context_length_exceeded": 400,
    "invalid_argument": 400,
}
# By which servers refuse a model that they do not have, beside 404.
_MAY_MEAN_MODEL = frozenset({400, 403, 422})
_PAGE_REMEDY = ": a proxy, a firewall or a web site answered, not the API. Is base_url right?"
# What stays as it is, even if it is told in the middle of an answer.
_LASTING = frozenset({"auth", "not-found", "quota", "content-filter"})


class Origin:
    """Who sent a reply, for the message: the server's address, the model's name there, the key to hide."""

    __slots__ = ("address", "key", "model")

    def __init__(self, address: str, model: str, key: Key) -> None:
        self.address = address
        self.model = model
        self.key = key

    def shown(self, text: str) -> str:
        """A server's text as a reader may see it. The key goes first: half a key at the cut would be one too."""
        return clip(plain(self.key.hide(well_formed(text))).strip(), _MESSAGE_LIMIT)


def http_failure(reply: HttpReply, origin: Origin) -> ProviderError:
    """The error for a reply whose status is not 2xx."""
    if 300 <= reply.status < 400:
        return _redirect(reply, origin)
    said = parse_error(reply.body)
    kind, retryable = _kind(reply.status, said)
    shown = origin.shown(said.message) or "no explanation"
    return ProviderError(
        kind,
        f"{_status_line(reply.status)} from {origin.address}: "
        + (f"{shown}{_PAGE_REMEDY}" if said.page and reply.status < 500 else _with_remedy(shown, kind, origin))
        + _named(kind, said, origin),
        status=reply.status,
        retryable=retryable,
        retry_after_s=_wish_s(reply.headers, said, reply.status),
    )


def error_in_answer(
    error: object, headers: Mapping[str, str], origin: Origin, *, while_answering: bool = False
) -> ProviderError:
    """The error for a reply with status 200 and an error in place of an answer, as some gateways send it.

    `while_answering`: the model had begun, so that another attempt may help whatever the code is.
    """
    said = read_error({"error": error})
    status = _status_in(error, said)
    kind, retryable = _kind(status, said)
    shown = origin.shown(said.message or _shown(error))
    message = f"an error in place of an answer from {origin.address}: {_with_remedy(shown, kind, origin)}"
    return ProviderError(
        kind,
        message,
        status=status or 200,
        retryable=retryable or (while_answering and kind not in _LASTING),
        retry_after_s=_wish_s(headers, said, status),
    )


def _shown(error: object) -> str:
    try:
        return repr(error)
    except RecursionError:
        return "nested too deep to be shown"


def blocked(what: str, origin: Origin) -> ProviderError:
    """The error for a prompt that a filter of the provider's kept from the model."""
    message = (
        f"a content filter at {origin.address} blocked the prompt ({origin.shown(what)}): the model did not see it"
    )
    return ProviderError("content-filter", message, status=200)


def malformed(what: str, origin: Origin, *, retryable: bool = True) -> ProviderError:
    """The error for an answer that cannot be read: the next one may be sound, if `retryable`."""
    message = f"malformed answer from {origin.address}: {what}"
    return ProviderError("malformed", message, status=200, retryable=retryable)


def no_json(body: bytes, why: str, origin: Origin) -> ProviderError:
    """The error for an answer that is none of JSON, with what it is instead, as far as that can be seen."""
    text = body[:_BEGINNING].decode("utf-8", "replace").lstrip("\ufeff")
    if is_page(text):
        title = origin.shown(page_title(text)) or "without a title"
        return malformed(f"it is an HTML page ({title}), no JSON. Is base_url right?", origin)
    begins = f"it begins with {quote(origin.shown(text), _SHOWN_BEGINNING)}"
    if is_stream(text):
        # It would stream again, and every attempt is billed.
        what = f"it streams although it was not asked to; {begins}. Turn streaming off at the server or gateway"
        return malformed(what, origin, retryable=False)
    return malformed(f"{why}; {begins}", origin)


def _kind(status: int | None, said: ErrorBody) -> tuple[str, bool]:
    if status is None or status < 500:
        if said.says_spent(status):
            return "quota", False
        if said.says_filtered:
            return "content-filter", False
        if status in _MAY_MEAN_MODEL and said.says_unknown_model:
            return "not-found", False
    if status is None:
        return "malformed", True
    return _KINDS.get(status) or (("http", True) if status >= 500 else ("bad-request", False))


def _status_in(error: object, said: ErrorBody) -> int | None:
    """The HTTP status that an error's code is, or stands for."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == 3:
        code = int(code)
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return next((_STATUS_OF[word] for word in sorted(said.codes) if word in _STATUS_OF), None)


def _wish_s(headers: Mapping[str, str], said: ErrorBody, status: int | None) -> float | None:
    """How long to wait, in seconds: what a header asks for, else the body, else when the quotas are whole again."""
    asked_s = retry_after_s(headers)
    if asked_s is None:
        asked_s = said.wait_s
    return retry_after_s(headers, status) if asked_s is None else asked_s


def _status_line(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _named(kind: str, said: ErrorBody, origin: Origin) -> str:
    """The model, where a refusal is about it and may not say which it was."""
    if kind != "bad-request" or "model" not in said.text.lower() or origin.model in said.message:
        return ""
    return f" (the model was {quote(origin.model)})"


def _with_remedy(shown: str, kind: str, origin: Origin) -> str:
    remedy = _remedy(kind, origin)
    return shown.removesuffix(".") + remedy if remedy else shown


def _remedy(kind: str, origin: Origin) -> str:
    if kind == "auth":
        return (
            f". Is the key in {origin.key.env} right?" if origin.key.env else ". Name the key's variable: api_key_env"
        )
    if kind == "not-found":
        return f". Are base_url and the model's name {quote(origin.model)} right?"
    return ". No money or no quota is left there: no further attempt helps" if kind == "quota" else ""


def _redirect(reply: HttpReply, origin: Origin) -> ProviderError:
    location = reply.headers.get("location", "")
    # A host is cut out of the address, and may hold half of a key that has a slash or a dot in it.
    target = HIDDEN if origin.key.is_in(location) else origin.shown(origin_of(location))
    return ProviderError(
        "redirect",
        f"{_status_line(reply.status)} from {origin.address} to {target or 'nowhere'}: redirects are not followed, "
        "for the key would travel along. Set base_url to the final address",
        status=reply.status,
    )
