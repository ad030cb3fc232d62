"""A model behind an HTTP API: one request, one answer, in whichever dialect."""

from __future__ import annotations

import json
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote as percent_encoded
from urllib.parse import urlencode

import msgspec
from msgspec import structs

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.text import clip, plain, quote, well_formed
from pytest_benchmodels.core.thinking import rid_of_thinking
from pytest_benchmodels.providers.api_protocol import GuardedProtocol
from pytest_benchmodels.providers.connection import origin_of
from pytest_benchmodels.providers.dialect import BlockedError, FailedError, UnreadableError, sound_call, unsupported
from pytest_benchmodels.providers.error_body import (
    ErrorBody,
    is_page,
    is_stream,
    page_title,
    parse_error,
    read_error,
    status_in,
)
from pytest_benchmodels.providers.event_stream import StreamReader, paired, stream_form
from pytest_benchmodels.providers.function import without_solution
from pytest_benchmodels.providers.key import HIDDEN, Key, KeyReader
from pytest_benchmodels.providers.quota import pause_s, retry_after_s
from pytest_benchmodels.providers.remedies import BROKEN_OFF, is_about_country, own_remedy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.message import ThinkingPart, ToolCall
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.providers.connection import HttpReply
    from pytest_benchmodels.providers.dialect import Dialect, Reading
    from pytest_benchmodels.providers.http import HttpPool
    from pytest_benchmodels.providers.key import Key

__all__ = ["ApiProvider", "Origin", "blocked", "error_in_answer", "http_failure", "malformed", "no_json"]

_MESSAGE_LIMIT = 300
_BEGINNING = 10_000
_SHOWN_BEGINNING = 100

_KINDS = {
    401: ("auth", False),
    403: ("auth", False),
    404: ("not-found", False),
    408: ("http", True),
    409: ("http", True),
    410: ("not-found", False),
    429: ("rate-limit", True),
    498: ("overloaded", True),  # Groq: its flex tier is full
    503: ("overloaded", True),
    529: ("overloaded", True),
}
# By which servers refuse a model that they do not have, beside 404.
_MAY_MEAN_MODEL = frozenset({400, 403, 422})
_PAGE_REMEDY = ": a proxy, a firewall or a web site answered, not the API. Is base_url right?"
# What stays as it is, even if it is told in the middle of an answer.
_LASTING = frozenset({"auth", "not-found", "quota", "content-filter", "context-length"})


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
    shown, remedy = origin.shown(said.message) or "no explanation", own_remedy(kind, said, reply.status)
    return ProviderError(
        kind,
        f"{_status_line(reply.status)} from {origin.address}: "
        + (
            f"{shown}{_PAGE_REMEDY}"
            if said.page and reply.status < 500
            else _with_remedy(shown, "" if remedy else kind, origin)
        )
        + _named(kind, said, origin),
        status=reply.status,
        retryable=retryable,
        retry_after_s=_wish_s(reply.headers, said, reply.status),
        remedy=remedy,
    )


def error_in_answer(
    error: object, headers: Mapping[str, str], origin: Origin, *, while_answering: bool = False
) -> ProviderError:
    """The error for a reply with status 200 and an error in place of an answer, as some gateways send it.

    `while_answering`: the model had begun, so that another attempt may help whatever the code is.
    """
    said = read_error({"error": error})
    status = status_in(error, said)
    kind, retryable = _kind(status, said)
    shown = _with_remedy(origin.shown(said.message or _shown(error)), kind, origin)
    message = f"an error in place of an answer from {origin.address}: {shown}"
    return ProviderError(
        kind,
        message,
        status=status or 200,
        retryable=retryable or (while_answering and kind not in _LASTING),
        retry_after_s=_wish_s(headers, said, status),
        remedy=own_remedy(kind, said, status) or (BROKEN_OFF if while_answering and kind == "malformed" else ""),
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


def malformed(what: str, origin: Origin, *, retryable: bool = True, remedy: str = "") -> ProviderError:
    """The error for an answer that cannot be read: the next one may be sound, if `retryable`."""
    message = f"malformed answer from {origin.address}: {what}"
    return ProviderError("malformed", message, status=200, retryable=retryable, remedy=remedy)


def no_json(body: bytes, why: str, origin: Origin, *, was_asked: bool = False) -> ProviderError:
    """The error for an answer that is none of JSON, with what it is instead, as far as that can be seen.

    `was_asked`: it was asked to stream, and the form in which it does is no form of events.
    """
    text = body[:_BEGINNING].decode("utf-8", "replace").lstrip("\ufeff")
    if is_page(text):
        title = origin.shown(page_title(text)) or "without a title"
        return malformed(f"it is an HTML page ({title}), no JSON. Is base_url right?", origin)
    begins = f"it begins with {quote(origin.shown(text), _SHOWN_BEGINNING)}"
    if is_stream(text):
        # It would stream again, and every attempt is billed.
        if was_asked:
            what = (
                f"it streams, but no server-sent events; {begins}. Leave stream out of the model's table of bench.toml"
            )
            return malformed(what, origin, retryable=False)
        what = f"it streams although it was not asked to; {begins}. Turn streaming off at the server or gateway, "
        what += "or set stream = true in the model's table of bench.toml"
        return malformed(what, origin, retryable=False)
    return malformed(f"{why}; {begins}", origin)


def _kind(status: int | None, said: ErrorBody) -> tuple[str, bool]:
    if (status is None or status < 500) and (kind := _kind_by_words(status, said)):
        return kind
    if said.says_too_long and status != 429:  # llama.cpp says so with 500, which no attempt changes
        return "context-length", False
    if status is None:
        return "malformed", True
    return _KINDS.get(status) or (("http", True) if status >= 500 else ("bad-request", False))


def _kind_by_words(status: int | None, said: ErrorBody) -> tuple[str, bool] | None:
    """What the body says more exactly than the status; None where the status says it all."""
    told = (
        (said.says_spent(status), "quota", False),
        (is_about_country(said) or (status == 400 and said.says_wrong_key), "auth", False),
        (said.says_filtered, "content-filter", False),
        (said.says_beyond_quota or (status == 404 and said.says_no_route), "bad-request", False),
        (said.says_miswritten, "malformed", True),
        (status in _MAY_MEAN_MODEL and said.says_unknown_model and not said.says_too_long, "not-found", False),
    )
    return next(((kind, retryable) for holds, kind, retryable in told if holds), None)


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
    if (
        kind not in ("bad-request", "context-length")
        or "model" not in said.text.lower()
        or origin.model in said.message
    ):
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


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_REASON_LIMIT = 60
_NAME_LIMIT = 200


class ApiProvider:
    """Implements `core.call.Provider` for one model."""

    def __init__(self, model: Model, http: HttpPool, dialect: Dialect) -> None:
        self._model = model
        self._http = http
        self._dialect = dialect
        self._own = dialect if isinstance(dialect, GuardedProtocol) else None
        self._stream = stream_form(dialect) if model.stream else None
        self._url = dialect.url(model) if self._stream is None else self._stream.url(dialect.url(model))
        self._origin = origin_of(self._url)
        self._keys = KeyReader(model.api_key_env, model.headers, model.secret_query)

    async def complete(self, request: Request) -> Response:
        """Answer one request; raises ProviderError of every kind that it knows."""
        if request.embeds:
            return await self._embedder().complete(structs.replace(request, embeds=False))
        key = self._keys.read()
        if self._own is None:
            return await self._answer(self._headers(key), _body(self._asking(self._dialect.body(request))), key)
        return await self._answer_to_own(self._own, request, key.and_surroundings())

    def _embedder(self) -> ApiProvider:
        """What asks the same API for embeddings, which no API streams."""
        from pytest_benchmodels.providers.embeddings import embeddings_of  # noqa: PLC0415 - where a check needs them

        if self._own is not None:
            unsupported(f"embeddings of {self._model.id}", "a provider of your own has none; name another model")
        return ApiProvider(replace(self._model, stream=False), self._http, embeddings_of(self._dialect, self._model))

    def _asking(self, body: Mapping[str, object]) -> Mapping[str, object]:
        return body if self._stream is None else self._stream.body(body)

    async def _answer_to_own(self, own: GuardedProtocol, request: Request, key: Key) -> Response:
        """The same where code of the user's has a say: it may add secrets, and repeat any in what it raises."""
        try:
            body = _body(self._asking(own.body(without_solution(request))))
            headers, key = await own.authenticate(self._address(key), self._headers(key), body, key)
            return await self._answer(headers, body, key)
        except ProviderError as error:
            error.message = key.and_header_values(own.lately).hide(error.message)
            raise

    def _headers(self, key: Key) -> dict[str, str]:
        return {"Content-Type": "application/json", **self._dialect.headers(key), **key.own_headers}

    async def _answer(self, headers: Mapping[str, str], body: bytes, key: Key) -> Response:
        origin = Origin(self._origin, self._model.name, key)
        reader = None if self._stream is None else StreamReader(self._stream.fold(), self._model.stall_timeout_s)
        reply = await self._http.post(self._address(key), headers, body, reader=reader)
        if not 200 <= reply.status < 300:
            raise http_failure(reply, origin)
        streamed = reader if reader is not None and reader.has_begun else None
        document = _document(reply.body, origin, reader is not None) if streamed is None else streamed.fold.document()
        reading = self._read(document, reply, origin, streamed)
        response = Response(
            text=key.hide(well_formed(paired(reading.text))),
            thinking=key.hide(well_formed(paired(reading.thinking))),
            finish_reason=_reason(reading.finish_reason, key),
            usage=reading.usage,
            latency_s=reply.latency_s,
            ttft_s=reply.ttft_s,
            connect_s=reply.connect_s,
            pause_s=pause_s(reply.headers, reading.usage),
            served_model=_reason(_served_model(document), key, _NAME_LIMIT) or "",
            upstream=_reason(document.get("provider"), key, _NAME_LIMIT) or "",
            system_fingerprint=_reason(document.get("system_fingerprint"), key, _NAME_LIMIT) or "",
            asked_model=self._model.name,
            tool_calls=_tool_calls(reading, key) if reading.tool_calls else (),
            thinking_parts=_thinking_parts(reading, key) if reading.tool_calls else (),
        )
        return await rid_of_thinking(response)

    def _address(self, key: Key) -> str:
        """Where requests go, with the user's query behind the API's own path."""
        if not self._model.query:
            return self._url
        query = urlencode({**dict(self._model.query), **key.own_query}, quote_via=percent_encoded)
        return f"{self._url}{'&' if '?' in self._url else '?'}{query}"

    def _read(
        self, document: Mapping[str, object], reply: HttpReply, origin: Origin, streamed: StreamReader | None
    ) -> Reading:
        try:
            return self._understood(document, reply, origin, streamed)
        except ProviderError as error:
            if error.usage is None:
                error.usage = self._taken(document, streamed, error)  # it is billed, of use or not
            raise

    def _taken(
        self, document: Mapping[str, object], streamed: StreamReader | None, error: ProviderError
    ) -> Usage | None:
        """What a request took that brought no usable answer; None where nothing was counted and nothing was made."""
        counted = self._dialect.usage(document)
        if streamed is not None and not streamed.fold.is_whole:
            # Counted at the beginning, or so far: the rest was made as well.
            counted = structs.replace(counted, output_tokens=None, reasoning_tokens=None)
        return counted if counted != Usage() or _was_begun(document, streamed, error) else None

    def _understood(
        self, document: Mapping[str, object], reply: HttpReply, origin: Origin, streamed: StreamReader | None
    ) -> Reading:
        if document.get("error"):
            has_begun = streamed is not None and streamed.fold.has_begun
            raise error_in_answer(document["error"], reply.headers, origin, while_answering=has_begun)
        try:
            _raise_fault(streamed)
            return self._dialect.read(document)
        except FailedError as error:
            raise error_in_answer(error.error, reply.headers, origin, while_answering=True) from None
        except BlockedError as error:
            raise blocked(str(error), origin) from None
        except UnreadableError as error:
            has_begun = streamed is not None and streamed.fold.has_begun  # then base_url is right
            raise malformed(str(error), origin, remedy=BROKEN_OFF if has_begun else "") from None


_ANSWERS = ("choices", "content", "output", "candidates")


def _was_begun(document: Mapping[str, object], streamed: StreamReader | None, error: ProviderError) -> bool:
    """Whether the model had begun to answer when it was broken off: tokens were made, and nobody counted them."""
    has_begun = any(document.get(name) for name in _ANSWERS) if streamed is None else streamed.fold.has_begun
    # A Response that failed at the server had been taken on, and the model may have thought.
    return has_begun or (document.get("status") == "failed" and (error.status or 0) >= 500)


def _raise_fault(streamed: StreamReader | None) -> None:
    """Raise what is wrong with a stream, if anything is. What cannot be read behind a whole answer is not."""
    if streamed is None:
        return
    is_whole = streamed.fold.is_whole
    if streamed.fault is not None and not (is_whole and isinstance(streamed.fault, UnreadableError)):
        raise streamed.fault
    if not is_whole:
        raise UnreadableError("its stream ended before the answer did")


def _tool_calls(reading: Reading, key: Key) -> tuple[ToolCall, ...]:
    return tuple([sound_call(call, lambda text: key.hide(well_formed(text))) for call in reading.tool_calls])


def _thinking_parts(reading: Reading, key: Key) -> tuple[ThinkingPart, ...]:
    """As they came, for their provider checks them; none where that would keep a key."""
    texts = [text for part in reading.thinking_parts for text in (part.text, part.signature, part.data)]
    is_sound = all(key.hide(well_formed(text)) == text for text in texts)
    return reading.thinking_parts if is_sound else ()


def _served_model(document: Mapping[str, object]) -> object:
    return document.get("model") or document.get("modelVersion")  # the latter is Google's word


def _body(document: Mapping[str, object]) -> bytes:
    try:
        return _encode(document).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ProviderError("bad-request", f"params cannot be sent as JSON: {error}") from None


def _document(body: bytes, origin: Origin, was_asked: bool) -> Mapping[str, object]:  # noqa: FBT001 - private
    if not body.strip():
        raise malformed("it is empty", origin)
    try:
        document = _parsed(body)
    except (ValueError, RecursionError) as error:
        raise no_json(body, f"it is no JSON ({origin.shown(str(error))})", origin, was_asked=was_asked) from None
    if not isinstance(document, dict):
        raise no_json(body, "it is no JSON object", origin, was_asked=was_asked)
    return document


def _parsed(body: bytes) -> object:
    """What `json` makes of it, in a fifth of its time; it decides about the unusual: NaN, a lone surrogate, UTF-16."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return json.loads(body)


def _reason(value: object, key: Key, limit: int = _REASON_LIMIT) -> str | None:
    return clip(plain(key.hide(well_formed(value))), limit) if isinstance(value, str) else None
