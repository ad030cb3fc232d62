"""One address and the connections to it: the one module that knows httpx.

httpx's own pool looks at each of its connections, with a system call, whenever a request begins or ends: with 60 in
flight that is most of what a request costs. Here each connection is a transport of its own, and idle ones wait on a
stack.
"""

from __future__ import annotations

import errno
import os
import ssl
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

import httpx

from ..core.errors import ProviderError
from .cause import in_words, innermost, lacks_files, may_pass, remedy
from .encoding import EncodingError, decode
from .reply import HttpReply, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Connection", "Endpoint"]

Connection = httpx.AsyncHTTPTransport
"""One connection, or none yet: it comes about with its first request."""

# The run's own time limit ends a slow answer; a server that cannot be reached is worth another attempt before that.
_TIMEOUTS = {"timeout": {"connect": 20.0, "read": None, "write": None, "pool": None}}
_EXPLANATION_BYTES = 100_000
_ONE_CONNECTION = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class Endpoint:
    """`idle` holds the connections that wait: the one used last is taken first, so that the others may expire."""

    def __init__(self, url: str) -> None:
        """Raise ProviderError `connection` where `url` is none that HTTP could use."""
        self._url = _parsed(url)
        self._origin = origin_of(url)
        self._proxy = _proxy(self._url)
        self._fixed = [
            ("Host", self._url.netloc.decode()),
            ("Accept-Encoding", "identity"),  # what is measured against the limit is what takes memory
            ("User-Agent", "pytest-benchmodels"),
        ]
        self.idle: list[Connection] = []

    def connect(self) -> Connection:
        """One more connection; raises ProviderError `connection`."""
        trust = _trust_nobody() if self._url.scheme == "http" else _trusted()
        try:
            return httpx.AsyncHTTPTransport(verify=trust, limits=_ONE_CONNECTION, proxy=self._proxy)
        except (ImportError, ValueError) as error:
            raise ProviderError("connection", f"the proxy of the environment cannot be used: {error}") from None

    def without_files(self) -> ProviderError:
        """The error where there are too many connections already: what the system would say, before it has to."""
        return self._unconnected(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))

    async def exchange(
        self, connection: Connection, headers: Mapping[str, str], body: bytes, limit_bytes: int
    ) -> HttpReply:
        """Send one request and read its reply; raises ProviderError."""
        sent = [*self._fixed, *headers.items(), ("Content-Length", str(len(body)))]
        stream = httpx.ByteStream(body)
        request = httpx.Request("POST", self._url, headers=sent, stream=stream, extensions=_TIMEOUTS)
        response = await self._head(connection, request)
        read = self._answer if response.is_success else _explanation
        content = await read(response, limit_bytes)
        await response.aclose()
        return HttpReply(response.status_code, response.headers, content)

    async def _head(self, connection: Connection, request: httpx.Request) -> httpx.Response:
        try:
            return await connection.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise self._unconnected(innermost(error)) from None
        except (httpx.TransportError, OSError) as error:
            message = f"the connection to {self._origin} ended before an answer: {in_words(innermost(error))}"
            raise ProviderError("connection", message, retryable=True) from None

    def _unconnected(self, cause: BaseException) -> ProviderError:
        message = f"cannot connect to {self._origin}: {in_words(cause)}; {remedy(cause)}"
        return ProviderError("connection", message, retryable=may_pass(cause), sent=False)

    async def _answer(self, response: httpx.Response, limit_bytes: int) -> bytes:
        """The whole body, which has to be within the limit."""
        # A server that announces too much is not listened to. h11 has made sure that this is a number.
        if int(response.headers.get("content-length", 0)) > limit_bytes:
            raise self._too_large(response, limit_bytes)
        content = bytearray()
        try:
            await _read(response, content, limit_bytes)
        except (httpx.TransportError, OSError) as error:
            broke_off = f"the answer of {self._origin} broke off: {in_words(innermost(error))}"
            raise ProviderError("malformed", broke_off, status=response.status_code, retryable=True) from None
        try:
            decoded = decode(bytes(content), response.headers.get("content-encoding", ""), limit_bytes)
        except EncodingError as error:
            unreadable = f"malformed answer from {self._origin}: {error}"
            raise ProviderError("malformed", unreadable, status=response.status_code, retryable=True) from None
        if len(decoded) > limit_bytes:
            raise self._too_large(response, limit_bytes)
        return decoded

    def _too_large(self, response: httpx.Response, limit_bytes: int) -> ProviderError:
        message = f"the answer of {self._origin} is larger than {limit_bytes} bytes; lower max_tokens"
        return ProviderError("too-large", message, status=response.status_code)


async def _explanation(response: httpx.Response, limit_bytes: int) -> bytes:
    """What can be had of a failure's body: its status counts, however the words end."""
    content = bytearray()
    limit_bytes = min(limit_bytes, _EXPLANATION_BYTES)
    with suppress(httpx.TransportError, OSError):
        await _read(response, content, limit_bytes)
    with suppress(EncodingError):
        return decode(bytes(content), response.headers.get("content-encoding", ""), limit_bytes)
    return b""


async def _read(response: httpx.Response, content: bytearray, limit_bytes: int) -> None:
    """Append the body to `content`, up to the part that goes beyond the limit."""
    async for part in response.stream:  # type: ignore[union-attr] # an asynchronous transport's stream is one
        # Into one buffer, not a list of parts: a server may send ten million parts of one byte.
        content += part
        if len(content) > limit_bytes:
            return


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ProviderError("connection", f"base_url is no address: {error}. Write http://host:port/v1") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        wanted = "has to begin with http:// or https:// and a host"
        raise ProviderError("connection", f"base_url {wanted}, not {origin_of(url)!r}")
    return parsed


@cache
def _trust_nobody() -> ssl.SSLContext:
    """For http://, where it is never used, and fails closed should it be: loading certificates takes 20-100 ms."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _trust_authorities() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _trusted() -> ssl.SSLContext:
    try:
        return _trust_authorities()
    except OSError as error:
        named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or "the default ones"
        raise ProviderError(
            "connection",
            f"the certificates of authorities ({named}) cannot be read: {in_words(error)}; look at SSL_CERT_FILE",
            retryable=lacks_files(error),
        ) from None


def _proxy(url: httpx.URL) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name; none ever for this machine itself."""
    if url.host in {"localhost", "::1"} or url.host.startswith("127."):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc.decode()):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
