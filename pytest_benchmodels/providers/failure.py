"""What an HTTP reply that is no answer comes to: a ProviderError in the server's own words."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from ..core.errors import ProviderError
from ..core.text import clip, plain, quote, well_formed
from .key import HIDDEN
from .quota import retry_after_s
from .reply import origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .key import Key
    from .reply import HttpReply

__all__ = ["Origin", "error_in_answer", "http_failure", "malformed", "server_message"]

_MESSAGE_LIMIT = 300
_READ_LIMIT = 100_000

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
    said = server_message(reply.body)
    kind, retryable = _kind(reply.status)
    if reply.status == 429 and b"insufficient_quota" in reply.body[:_READ_LIMIT]:
        retryable = False  # OpenAI's word for an account without money: no wait helps
    return ProviderError(
        kind,
        f"{_status_line(reply.status)} from {origin.address}: {origin.shown(said) or 'no explanation'}"
        f"{_remedy(kind, origin)}",
        status=reply.status,
        retryable=retryable,
        retry_after_s=retry_after_s(reply.headers, reply.status),
    )


def error_in_answer(error: object, headers: Mapping[str, str], origin: Origin) -> ProviderError:
    """The error for a reply with status 200 and an error in place of an answer, as some gateways send it."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else None
    kind, retryable = _kind(status) if status else ("malformed", True)
    said = origin.shown(_message_in({"error": error}) or repr(error))
    message = f"an error in place of an answer from {origin.address}: {said}{_remedy(kind, origin)}"
    wish_s = retry_after_s(headers, status)
    return ProviderError(kind, message, status=status or 200, retryable=retryable, retry_after_s=wish_s)


def malformed(what: str, origin: Origin) -> ProviderError:
    """The error for an answer that cannot be read: the next one may be sound."""
    return ProviderError("malformed", f"malformed answer from {origin.address}: {what}", status=200, retryable=True)


def server_message(body: bytes) -> str:
    """What the server says in an error's body: the message within JSON in its usual places, else the text itself."""
    text = body[:_READ_LIMIT].decode("utf-8", "replace")
    try:
        return _message_in(json.loads(text)) or text
    except (ValueError, RecursionError):
        return text


def _message_in(document: object) -> str:
    if isinstance(document, list) and document:
        document = document[0]
    for name in ("error", "message", "detail"):
        if not isinstance(document, dict):
            break
        if name == "error" and isinstance(document.get(name), dict):
            return _message_in(document[name])
        if isinstance(document.get(name), str):
            return str(document[name])
    return ""


def _kind(status: int) -> tuple[str, bool]:
    return _KINDS.get(status) or (("http", True) if status >= 500 else ("bad-request", False))


def _status_line(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _remedy(kind: str, origin: Origin) -> str:
    if kind == "auth":
        return (
            f". Is the key in {origin.key.env} right?" if origin.key.env else ". Name the key's variable: api_key_env"
        )
    if kind == "not-found":
        return f". Are base_url and the model's name {quote(origin.model)} right?"
    return ""


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
