"""A model behind an HTTP API: one request, one answer, in whichever dialect."""

from __future__ import annotations

import json
from time import perf_counter
from typing import TYPE_CHECKING

from ..core.errors import ProviderError
from ..core.exchange import Response
from ..core.text import clip, plain, well_formed
from .dialect import UnreadableError
from .failure import Origin, error_in_answer, http_failure, malformed
from .key import Key
from .quota import pause_s
from .reply import origin_of

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


class ApiProvider:
    """Implements `core.exchange.Provider` for one model."""

    def __init__(self, model: Model, http: HttpPool, dialect: Dialect) -> None:
        self._model = model
        self._http = http
        self._dialect = dialect
        self._url = dialect.url(model)

    async def complete(self, request: Request) -> Response:
        """Answer one request; raises ProviderError of every kind that it knows."""
        key = Key.from_environment(self._model.api_key_env, self._model.headers)
        origin = Origin(origin_of(self._url), self._model.name, key)
        headers = {"Content-Type": "application/json", **self._dialect.headers(key), **key.own_headers}
        body = _body(self._dialect.body(request))
        started = perf_counter()
        reply = await self._http.post(self._url, headers, body)
        latency_s = perf_counter() - started
        if not 200 <= reply.status < 300:
            raise http_failure(reply, origin)
        reading = self._read(reply, origin)
        return Response(
            text=key.hide(well_formed(reading.text)),
            finish_reason=_reason(reading.finish_reason, key),
            usage=reading.usage,
            latency_s=latency_s,
            pause_s=pause_s(reply.headers, reading.usage),
        )

    def _read(self, reply: HttpReply, origin: Origin) -> Reading:
        document = _document(reply.body, origin)
        if document.get("error"):
            raise error_in_answer(document["error"], reply.headers, origin)
        try:
            return self._dialect.read(document)
        except UnreadableError as error:
            raise malformed(str(error), origin) from None


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
        raise malformed(f"it is no JSON ({origin.shown(str(error))})", origin) from None
    if not isinstance(document, dict):
        raise malformed("it is no JSON object", origin)
    return document


def _reason(value: object, key: Key) -> str | None:
    return clip(plain(key.hide(well_formed(value))), _REASON_LIMIT) if isinstance(value, str) else None
