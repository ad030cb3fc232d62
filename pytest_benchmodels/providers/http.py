"""HTTP for all providers: the one module that knows httpx.

httpx's own pool looks at each of its connections, with a system call, whenever a request begins or ends: with 60 in
flight that is most of what a request costs. Here each connection is a transport of its own, and idle ones wait on a
stack. httpx is imported with the first request: most processes that load this package never send one.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.errors import ProviderError

if TYPE_CHECKING:
    import httpx

__all__ = ["MAX_REPLY_BYTES", "HttpPool", "HttpReply", "origin_of"]

MAX_REPLY_BYTES = 10_000_000

# The run's own time limit ends a slow answer; a server that cannot be reached is worth another attempt before that.
_TIMEOUTS = {"connect": 20.0, "read": None, "write": None, "pool": None}


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A complete reply. `headers` finds its names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpPool:
    """The connections of one process, for one event loop. They are kept alive; there is no limit to their number."""

    def __init__(self) -> None:
        self._endpoints: dict[str, _Endpoint] = {}
        self._tls: ssl.SSLContext | None = None
        self._closed = False

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, limit_bytes: int = MAX_REPLY_BYTES
    ) -> HttpReply:
        """Send `body` and read the reply, whatever its status; redirects are not followed.

        Raises ProviderError: `connection` (retryable), `malformed` (retryable: the reply broke off), `too-large`.
        Cancelling it closes the connection.
        """
        endpoint = self._endpoints.get(url) or self._open(url)
        transport = endpoint.idle.pop() if endpoint.idle else endpoint.connect()
        try:
            reply = await _exchange(transport, endpoint.request(headers, body), limit_bytes)
        except BaseException:
            # Failed or cancelled: what the connection would carry next is anybody's guess.
            await transport.aclose()
            raise
        if self._closed:
            await transport.aclose()
        else:
            endpoint.idle.append(transport)
        return reply

    async def aclose(self) -> None:
        """Close the idle connections now, and each of the others when its reply is in."""
        self._closed = True
        for endpoint in self._endpoints.values():
            while endpoint.idle:
                await endpoint.idle.pop().aclose()

    def _open(self, url: str) -> _Endpoint:
        import httpx  # noqa: PLC0415 - 60 ms, which only a process that sends requests has to pay

        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ProviderError("connection", f"base_url is no address: {error}. Write http://host:port/v1") from None
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise ProviderError(
                "connection", f"base_url has to begin with http:// or https:// and a host, not {origin_of(url)!r}"
            )
        endpoint = self._endpoints[url] = _Endpoint(parsed, self._security(parsed.scheme), _proxy(parsed))
        return endpoint

    def _security(self, scheme: str) -> ssl.SSLContext:
        """For http:// a context that trusts nobody and is never used: loading the certificates takes 20-100 ms."""
        import httpx  # noqa: PLC0415 - see _open

        if scheme == "http":
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls


class _Endpoint:
    """One address, and its idle connections: the most recently used is taken first, so that the others may expire."""

    def __init__(self, url: httpx.URL, security: ssl.SSLContext, proxy: str | None) -> None:
        import httpx  # noqa: PLC0415 - see HttpPool._open

        self.idle: list[httpx.AsyncHTTPTransport] = []
        self._url = url
        self._security = security
        self._proxy = proxy
        self._one = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        self._fixed = [("Host", url.netloc.decode()), ("Accept-Encoding", "identity"), ("User-Agent", "benchmodels")]

    def connect(self) -> httpx.AsyncHTTPTransport:
        import httpx  # noqa: PLC0415 - see HttpPool._open

        try:
            return httpx.AsyncHTTPTransport(verify=self._security, limits=self._one, proxy=self._proxy)
        except (ImportError, ValueError) as error:
            raise ProviderError("connection", f"the proxy of the environment cannot be used: {error}") from None

    def request(self, headers: Mapping[str, str], body: bytes) -> httpx.Request:
        import httpx  # noqa: PLC0415 - see HttpPool._open

        sent = [*self._fixed, *headers.items(), ("Content-Length", str(len(body)))]
        timeouts = {"timeout": _TIMEOUTS}
        return httpx.Request("POST", self._url, headers=sent, stream=httpx.ByteStream(body), extensions=timeouts)


async def _exchange(transport: httpx.AsyncHTTPTransport, request: httpx.Request, limit_bytes: int) -> HttpReply:
    import httpx  # noqa: PLC0415 - see HttpPool._open

    origin = origin_of(str(request.url))
    try:
        response = await transport.handle_async_request(request)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        remedy = "is the server running, is base_url right?"
        raise _connection(f"cannot connect to {origin}: {_reason(error)}; {remedy}") from None
    except (httpx.TransportError, OSError) as error:
        raise _connection(f"the connection to {origin} ended before an answer: {_reason(error)}") from None
    try:
        body = await _read(response, limit_bytes)
    except (httpx.TransportError, OSError) as error:
        broke_off = f"the answer of {origin} broke off: {_reason(error)}"
        raise ProviderError("malformed", broke_off, status=response.status_code, retryable=True) from None
    return HttpReply(response.status_code, response.headers, body)


async def _read(response: httpx.Response, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    left = limit_bytes
    async for part in response.stream:  # type: ignore[union-attr] # an asynchronous transport's stream is one
        parts.append(part)
        left -= len(part)
        if left < 0:
            raise ProviderError(
                "too-large",
                f"the answer is larger than {limit_bytes} bytes; lower max_tokens",
                status=response.status_code,
            )
    await response.aclose()
    return b"".join(parts)


def _connection(message: str) -> ProviderError:
    return ProviderError("connection", message, retryable=True)


def _reason(error: BaseException) -> str:
    """The innermost cause in words: httpx says "All connection attempts failed" where it was a refusal."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, TimeoutError):
            return "no reply in time"
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, ssl.SSLError):
            return cause.strerror[:1].lower() + cause.strerror[1:]
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__


def origin_of(url: str) -> str:
    """`scheme://host:port`: what a message may show of an address, which can hold a password."""
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.partition("/")[0].partition("?")[0].rpartition("@")[2]


def _proxy(url: httpx.URL) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name; none ever for this machine itself."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - httpx has just imported it

    if url.host == "localhost" or url.host.startswith("127.") or url.host == "::1":
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc.decode()):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
