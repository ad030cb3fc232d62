"""A model behind an HTTP API: one request, one answer, in whichever dialect."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING
from urllib.parse import quote as percent_encoded
from urllib.parse import urlencode

from ..core.errors import ProviderError
from ..core.exchange import Response, Usage
from ..core.text import clip, plain, well_formed
from ..core.thinking import AT_ONCE_CHARS, without_thinking
from .api_protocol import GuardedProtocol
from .dialect import BlockedError, FailedError, UnreadableError
from .failure import Origin, blocked, error_in_answer, http_failure, malformed, no_json
from .key import Key
from .quota import pause_s
from .reply import origin_of
from .user_errors import without_solution

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.exchange import Request
    from ..core.model import Model
    from .dialect import Dialect, Reading
    from .http import HttpPool
    from .reply import HttpReply

__all__ = ["ApiProvider"]

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_REASON_LIMIT = 60
_NAME_LIMIT = 200


class ApiProvider:
    """Implements `core.exchange.Provider` for one model."""

    def __init__(self, model: Model, http: HttpPool, dialect: Dialect) -> None:
        self._model = model
        self._http = http
        self._dialect = dialect
        self._own = dialect if isinstance(dialect, GuardedProtocol) else None
        self._url = dialect.url(model)
        self._origin = origin_of(self._url)

    async def complete(self, request: Request) -> Response:
        """Answer one request; raises ProviderError of every kind that it knows."""
        key = Key.from_environment(self._model.api_key_env, self._model.headers, self._model.secret_query)
        if self._own is None:
            return await self._answer(self._headers(key), _body(self._dialect.body(request)), key)
        return await self._answer_to_own(self._own, request, key.and_surroundings())

    async def _answer_to_own(self, own: GuardedProtocol, request: Request, key: Key) -> Response:
        """The same where code of the user's has a say: it may add secrets, and repeat any in what it raises."""
        try:
            body = _body(own.body(without_solution(request)))
            headers, key = await own.authenticate(self._address(key), self._headers(key), body, key)
            return await self._answer(headers, body, key)
        except ProviderError as error:
            error.message = key.and_header_values(own.lately).hide(error.message)
            raise

    def _headers(self, key: Key) -> dict[str, str]:
        return {"Content-Type": "application/json", **self._dialect.headers(key), **key.own_headers}

    async def _answer(self, headers: Mapping[str, str], body: bytes, key: Key) -> Response:
        origin = Origin(self._origin, self._model.name, key)
        reply = await self._http.post(self._address(key), headers, body)
        if not 200 <= reply.status < 300:
            raise http_failure(reply, origin)
        document = _document(reply.body, origin)
        reading = self._read(document, reply, origin)
        response = Response(
            text=key.hide(well_formed(reading.text)),
            thinking=key.hide(well_formed(reading.thinking)),
            finish_reason=_reason(reading.finish_reason, key),
            usage=reading.usage,
            latency_s=reply.latency_s,
            connect_s=reply.connect_s,
            pause_s=pause_s(reply.headers, reading.usage),
            served_model=_reason(_served_model(document), key, _NAME_LIMIT) or "",
        )
        if len(response.text) > AT_ONCE_CHARS:
            return await asyncio.to_thread(without_thinking, response)
        return without_thinking(response)

    def _address(self, key: Key) -> str:
        """Where requests go, with the user's query behind the API's own path."""
        if not self._model.query:
            return self._url
        return f"{self._url}?{urlencode({**dict(self._model.query), **key.own_query}, quote_via=percent_encoded)}"

    def _read(self, document: Mapping[str, object], reply: HttpReply, origin: Origin) -> Reading:
        try:
            return self._understood(document, reply, origin)
        except ProviderError as error:
            counted = self._dialect.usage(document)
            if error.usage is None and counted != Usage():
                error.usage = counted  # it is billed, of use or not
            raise

    def _understood(self, document: Mapping[str, object], reply: HttpReply, origin: Origin) -> Reading:
        if document.get("error"):
            raise error_in_answer(document["error"], reply.headers, origin)
        try:
            return self._dialect.read(document)
        except FailedError as error:
            raise error_in_answer(error.error, reply.headers, origin, while_answering=True) from None
        except BlockedError as error:
            raise blocked(str(error), origin) from None
        except UnreadableError as error:
            raise malformed(str(error), origin) from None


def _served_model(document: Mapping[str, object]) -> object:
    return document.get("model") or document.get("modelVersion")  # the latter is Google's word


def _body(document: Mapping[str, object]) -> bytes:
    try:
        return _encode(document).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ProviderError("bad-request", f"params cannot be sent as JSON: {error}") from None


def _document(body: bytes, origin: Origin) -> Mapping[str, object]:
    if not body.strip():
        raise malformed("it is empty", origin)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise no_json(body, f"it is no JSON ({origin.shown(str(error))})", origin) from None
    if not isinstance(document, dict):
        raise no_json(body, "it is no JSON object", origin)
    return document


def _reason(value: object, key: Key, limit: int = _REASON_LIMIT) -> str | None:
    return clip(plain(key.hide(well_formed(value))), limit) if isinstance(value, str) else None
