"""One address and the connections to it: the one module that knows httpx.

httpx's own pool looks at each of its connections, with a system call, whenever a request begins or ends: with 60 in
flight that is most of what a request costs. Here each connection is a transport of its own, and idle ones wait on a
stack.
"""

from __future__ import annotations

import ssl
from functools import cache
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

import httpx

from ..core.errors import ProviderError
from .reply import HttpReply, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Endpoint"]

# The run's own time limit ends a slow answer; a server that cannot be reached is worth another attempt before that.
_TIMEOUTS = {"timeout": {"connect": 20.0, "read": None, "write": None, "pool": None}}
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
        self.idle: list[httpx.AsyncHTTPTransport] = []

    def take(self) -> httpx.AsyncHTTPTransport:
        """An idle connection, else one that connects with its first request."""
        if self.idle:
            return self.idle.pop()
        trust = _trust_nobody() if self._url.scheme == "http" else _trust_authorities()
        try:
            return httpx.AsyncHTTPTransport(verify=trust, limits=_ONE_CONNECTION, proxy=self._proxy)
        except (ImportError, ValueError) as error:
            raise ProviderError("connection", f"the proxy of the environment cannot be used: {error}") from None

    async def exchange(
        self, connection: httpx.AsyncHTTPTransport, headers: Mapping[str, str], body: bytes, limit_bytes: int
    ) -> HttpReply:
        """Send one request and read its reply; raises ProviderError."""
        sent = [*self._fixed, *headers.items(), ("Content-Length", str(len(body)))]
        stream = httpx.ByteStream(body)
        request = httpx.Request("POST", self._url, headers=sent, stream=stream, extensions=_TIMEOUTS)
        response = await self._head(connection, request)
        try:
            content = await self._content(response, limit_bytes)
        except (httpx.TransportError, OSError) as error:
            broke_off = f"the answer of {self._origin} broke off: {_reason(error)}"
            raise ProviderError("malformed", broke_off, status=response.status_code, retryable=True) from None
        return HttpReply(response.status_code, response.headers, content)

    async def _head(self, connection: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        try:
            return await connection.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            message = f"cannot connect to {self._origin}: {_reason(error)}; is the server running, is base_url right?"
        except (httpx.TransportError, OSError) as error:
            message = f"the connection to {self._origin} ended before an answer: {_reason(error)}"
        raise ProviderError("connection", message, retryable=True)

    async def _content(self, response: httpx.Response, limit_bytes: int) -> bytes:
        parts: list[bytes] = []
        left = limit_bytes
        async for part in response.stream:  # type: ignore[union-attr] # an asynchronous transport's stream is one
            parts.append(part)
            left -= len(part)
            if left < 0:
                message = f"the answer of {self._origin} is larger than {limit_bytes} bytes; lower max_tokens"
                raise ProviderError("too-large", message, status=response.status_code)
        await response.aclose()
        return b"".join(parts)


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


def _proxy(url: httpx.URL) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name; none ever for this machine itself."""
    if url.host in {"localhost", "::1"} or url.host.startswith("127."):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc.decode()):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _reason(error: BaseException) -> str:
    """The innermost cause in words: httpx says "All connection attempts failed" where it was a refusal."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError):
            return "no reply in time"
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, ssl.SSLError):
            # asyncio puts the address into the words of a refusal; the message has it already.
            words = "connection refused" if isinstance(cause, ConnectionRefusedError) else cause.strerror
            return words[:1].lower() + words[1:]
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
