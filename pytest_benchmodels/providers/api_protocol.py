"""A protocol of the user's own over HTTP: what a user derives, and what stands between it and our requests."""

from __future__ import annotations

import inspect
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec

from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.message import Usage
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.user_code import UserCodeError, call, call_at_once
from pytest_benchmodels.providers.dialect import BlockedError, FailedError, Reading, UnreadableError
from pytest_benchmodels.providers.event_stream import StreamForm, read_event
from pytest_benchmodels.providers.function import settled_error
from pytest_benchmodels.providers.key import Key

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Request
    from pytest_benchmodels.core.model import Model

__all__ = ["ApiProtocol", "GuardedProtocol", "reads_streams", "user_methods"]

_KEPT_SECRETS = 100
_OBJECT: msgspec.json.Decoder[Mapping[str, object]] = msgspec.json.Decoder(dict[str, Any])
_DONE = b"[DONE]"
_MEANINGS = ("token", "end", None)
_SAID = (BlockedError, FailedError, UnreadableError)
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_CREDENTIAL = re.compile("auth|cookie|credential|key|password|secret|signature|token", re.IGNORECASE)
_OF_THE_TRANSPORT = frozenset(
    {"accept-encoding", "connection", "content-encoding", "content-length", "expect", "host", "keep-alive"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)


class ApiProtocol:
    """How one HTTP API is asked and read: derive from it, and give an instance to `pytest_bench_providers`.

    Requests are POSTs of a JSON document, answers are JSON objects. One instance serves all requests of a process, many
    at a time: keep nothing of one request in it. All methods but `authenticate` run on the event loop and must not
    block. `base_url` is the address where bench.toml gives none, `base_url_envs` and `key_envs` are the environment
    variables that may hold another address, and the key: of several, the first that is set counts.
    """

    base_url: ClassVar[str] = ""
    base_url_envs: ClassVar[tuple[str, ...]] = ()
    key_envs: ClassVar[tuple[str, ...]] = ()

    def url(self, model: Model) -> str:
        """The address that requests are posted to: `model.base_url` has no slash at its end."""
        raise NotImplementedError

    def headers(self, key: Key) -> Mapping[str, str]:
        """The headers of each request. `key.header(name, scheme)` is the one with the key, or empty without a key."""
        return key.header("Authorization", "Bearer ")

    def body(self, request: Request) -> Mapping[str, object]:
        """The JSON document to post: `request.model.name`, `request.messages`, `request.params`."""
        raise NotImplementedError

    def read(self, document: Mapping[str, object]) -> Reading:
        """What an answer with status 2xx says.

        Raises UnreadableError for a shape that the API does not have, FailedError for an error in place of an answer
        and BlockedError for a prompt that a filter kept from the model.
        """
        raise NotImplementedError

    def usage(self, document: Mapping[str, object]) -> Usage:  # noqa: ARG002 - for whoever overrides it
        """What it took, asked where `read` raised: what cannot be read is billed as well."""
        return Usage()

    def read_event(
        self,
        event: Mapping[str, object],
        document: dict[str, object],
    ) -> Literal["token", "end"] | None:
        """Add one event of a stream to `document`, which is empty at first and what `read` gets in the end.

        Return "token" for a part of the answer, "end" for the last event, None for anything else. Write it to let
        models have `stream = true`: it reads the JSON objects of server-sent events. Raises what `read` raises.
        """
        raise NotImplementedError

    def stream_url(self, url: str) -> str:
        """The address of streams, where that is another than `url(model)`."""
        return url

    def stream_body(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """The document that asks for a stream, made of the one that does not."""
        return {**body, "stream": True}

    async def authenticate(
        self,
        url: str,  # noqa: ARG002 - for whoever overrides it
        headers: Mapping[str, str],
        body: bytes,  # noqa: ARG002 - the same
    ) -> Mapping[str, str]:
        """The headers to send, awaited before each attempt: it may sign the body, or get a new token.

        What it returns is laid over `headers`; the values that it adds are hidden in all outputs, as a key is. It may
        be a plain method too, which then runs in a thread of its own. Its time is the run's, and no latency.
        """
        return headers


class GuardedProtocol:
    """Implements `Dialect` by a protocol of the user's: what crashes there ends one request, with file and line."""

    def __init__(self, provider: str, protocol: ApiProtocol) -> None:
        self._provider = provider
        self._protocol = protocol
        self.lately: deque[str] = deque(maxlen=_KEPT_SECRETS)
        """Secrets that `authenticate` gave: what it raises later may repeat one that is not valid any more."""
        self._authenticates = type(protocol).authenticate is not ApiProtocol.authenticate

    @property
    def stream(self) -> StreamForm | None:
        """How it is asked for a stream; None where the user's class reads none."""
        if not reads_streams(self._protocol):
            return None
        return StreamForm(url=self._stream_url, body=self._stream_body, fold=lambda: _OwnFold(self))

    def _stream_url(self, url: str) -> str:
        streams: str = self._returned("stream_url", str, self._before, url)
        return streams

    def _stream_body(self, body: Mapping[str, object]) -> dict[str, object]:
        return dict(self._returned("stream_body", Mapping, self._before, body))

    def add_event(self, event: Mapping[str, object], document: dict[str, object]) -> object:
        """What `read_event` returns; raises what `read` raises, for a value that means nothing too."""
        meaning: object = self._returned("read_event", object, self._after, event, document)
        if meaning not in _MEANINGS:
            raise self._after(
                f'read_event(): ValueError: it has to return "token", "end" or None, got {quote(meaning)}'
            )
        return meaning

    def url(self, model: Model) -> str:
        url: str = self._returned("url", str, self._before, model)
        return url

    def headers(self, key: Key) -> Mapping[str, str]:
        return self._sound("headers", self._returned("headers", Mapping, self._before, key))

    def body(self, request: Request) -> Mapping[str, object]:
        body: Mapping[str, object] = self._returned("body", Mapping, self._before, request)
        return body

    def read(self, document: Mapping[str, object]) -> Reading:
        reading: Reading = self._returned("read", Reading, self._after, document)
        for field, type_ in (("text", str), ("thinking", str), ("usage", Usage)):
            if not isinstance(value := getattr(reading, field), type_):
                raise self._after(f"read(): TypeError: {field} has to be a {type_.__name__}, got {quote(value)}")
        return reading

    def usage(self, document: Mapping[str, object]) -> Usage:
        usage: Usage = self._returned("usage", Usage, self._after, document)
        return usage

    async def authenticate(
        self, url: str, headers: dict[str, str], body: bytes, key: Key
    ) -> tuple[dict[str, str], Key]:
        """The headers to send, and the key that hides what is secret among them."""
        secret = [value for name, value in headers.items() if _CREDENTIAL.search(name)]
        if self._authenticates:
            returned = await self._authenticated(url, dict(headers), body)
            secret += [value for name, value in returned.items() if headers.get(name) != value]
            replaced = {name.casefold() for name in returned}
            kept = {name: value for name, value in headers.items() if name.casefold() not in replaced}
            headers = {**kept, **returned}
        self.lately.extend(secret)
        return headers, key.and_header_values(secret)

    async def _authenticated(self, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        try:
            returned = await call(self._protocol.authenticate, url, headers, body)
        except UserCodeError as error:
            raise self._before(f"authenticate(): {error}") from None
        except ProviderError as error:
            raise settled_error(error, Key.of_surroundings(), sent=False) from None
        if not isinstance(returned, Mapping):
            raise self._before(_unlike("authenticate", Mapping, returned))
        return self._sound("authenticate", returned)

    def _sound(self, method: str, headers: Mapping[object, object]) -> dict[str, str]:
        """The headers, if HTTP can carry them. No value is shown: it may be a key."""
        for name, value in headers.items():
            if not (isinstance(name, str) and _NAME.fullmatch(name)):
                raise self._before(f"{method}(): ValueError: {quote(name)} is no header's name")
            if name.casefold() in _OF_THE_TRANSPORT:
                raise self._before(f"{method}(): ValueError: {quote(name)} is set by the plugin: leave it out")
            if not (isinstance(value, str) and _VALUE.fullmatch(value)):
                raise self._before(f"{method}(): ValueError: the value of {quote(name)} is no text on one line")
        return {str(name): str(value) for name, value in headers.items()}

    def _returned(self, method: str, wanted: type, fault: Callable[[str], ProviderError], *arguments: object) -> Any:
        try:
            returned = call_at_once(getattr(self._protocol, method), *arguments)
        except UserCodeError as error:
            if isinstance(said := error.__cause__, _SAID):
                raise said from None
            raise fault(f"{method}(): {error}") from None
        except ProviderError as error:
            raise settled_error(error, Key.of_surroundings(), sent=fault == self._after) from None
        if not isinstance(returned, wanted):
            raise fault(_unlike(method, wanted, returned))
        return returned

    def _before(self, text: str) -> ProviderError:
        """Nothing was sent yet, so that nothing is billed."""
        return ProviderError("provider", f"{self._provider}: {text}", sent=False)

    def _after(self, text: str) -> ProviderError:
        """The server had answered: what that took is billed, whether or not it can be read."""
        return ProviderError("provider", f"{self._provider}: {text}", status=200)


class _OwnFold:
    """Has the user's protocol add up the events of a stream."""

    def __init__(self, own: GuardedProtocol) -> None:
        self.has_begun = self.is_whole = self.is_over = False
        self._own = own
        self._document: dict[str, object] = {}

    def take(self, data: bytes) -> None:
        if data == _DONE:
            self.is_whole = self.is_over = True
            return
        meaning = self._own.add_event(read_event(_OBJECT, data), self._document)
        if meaning == "end":
            self.is_whole = self.is_over = True
        elif meaning == "token":
            self.has_begun = True

    def document(self) -> Mapping[str, object]:
        return self._document


def reads_streams(protocol: ApiProtocol) -> bool:
    """Whether models of the protocol may have `stream = true`."""
    return type(protocol).read_event is not ApiProtocol.read_event


def user_methods(protocol: ApiProtocol) -> list[object]:
    """The methods that the user wrote."""
    ours = ("builtins", "pytest_benchmodels")
    classes = [base for base in type(protocol).__mro__ if base.__module__.partition(".")[0] not in ours]
    return [method for base in classes for method in vars(base).values() if inspect.isfunction(method)]


def _unlike(method: str, wanted: type, returned: object) -> str:
    return f"{method}(): TypeError: it has to return a {wanted.__name__}, got {type(returned).__name__}"
