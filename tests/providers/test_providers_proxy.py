"""Which proxy the environment names, and connections by way of one."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import trustme

from pytest_benchmodels import ProviderError
from pytest_benchmodels.providers.dialing import ProxyError, proxy_for
from pytest_benchmodels.providers.endpoint import _trust_authorities
from pytest_benchmodels.providers.http import HttpPool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.providers.conftest import CannedServer, HttpText

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
PASSWORD = "proxy-password-1"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("variable", "value", "origin"),
    [
        ("HTTPS_PROXY", "http://proxy.test:3128", "http://proxy.test:3128"),
        ("https_proxy", "proxy.test:3128", "http://proxy.test:3128"),
        ("ALL_PROXY", "https://proxy.test", "https://proxy.test:443"),
        ("HTTPS_PROXY", "http://[2001:db8::1]:3128/", "http://[2001:db8::1]:3128"),
        ("HTTPS_PROXY", f"http://me:{PASSWORD}@proxy.test", "http://proxy.test:80"),
    ],
)
def test_the_environment_names_a_proxy(environment: pytest.MonkeyPatch, variable: str, value: str, origin: str) -> None:
    environment.setenv(variable, value)
    proxy = proxy_for("https", "models.test", 443)

    assert proxy is not None
    assert proxy.origin == origin
    assert PASSWORD not in repr(proxy)
    assert bool(proxy.headers) is ("@" in value)


def test_another_scheme_has_no_proxy(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("http_proxy", "http://proxy.test")

    assert proxy_for("https", "models.test", 443) is None


@pytest.mark.parametrize(
    ("exceptions", "host", "excepted"),
    [
        ("*", "models.test", True),
        ("models.test", "models.test", True),
        ("models.test", "eu.models.test", True),
        ("models.test", "mymodels.test", False),
        ("models.test:8080", "models.test", True),
        ("models.test:9090", "models.test", False),
        ("other.test, 10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8:8080", "10.1.2.3", True),
        ("10.0.0.0/8:9090", "10.1.2.3", False),
        ("192.168.1.7", "192.168.1.7", True),
        ("2001:db8::7", "2001:db8::7", True),
        ("2001:DB8:0::7", "2001:db8::7", True),
        ("[2001:db8::7]", "2001:db8::7", True),
        ("[2001:db8::7]:8080", "2001:db8::7", True),
        ("[2001:db8::7]:9090", "2001:db8::7", False),
        ("2001:db8::/32", "2001:db8::7", True),
        ("2001:db8::/32", "2001:db9::7", False),
        ("10.0.0.0/99, 10.0.0.0/8", "10.1.2.3", True),
        ("", "127.0.0.1", True),
        ("", "localhost", True),
        ("", "::1", True),
        ("", "models.test", False),
    ],
)
def test_no_proxy_takes_names_addresses_and_networks(
    environment: pytest.MonkeyPatch,
    exceptions: str,
    host: str,
    excepted: bool,  # noqa: FBT001 - a table
) -> None:
    environment.setenv("HTTP_PROXY", "http://proxy.test")
    environment.setenv("NO_PROXY", exceptions)

    assert (proxy_for("http", host, 8080) is None) is excepted


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("http://proxy.test:99999", "its port is no number from 1 to 65535"),
        ("http://proxy.test:0", "write it as http://host:port"),
        (f"http://me:{PASSWORD}/x", "its port is no number from 1 to 65535"),
        ("http://[::1", "or its host is none"),
        ("socks5://proxy.test:1080", "it has to begin with http:// or https://, not socks5://"),
        ("http://", "write it as http://host:port"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_a_connection_error_without_its_password(
    environment: pytest.MonkeyPatch, value: str, why: str
) -> None:
    environment.setenv("HTTPS_PROXY", value)

    with pytest.raises(ProxyError, match=why):
        proxy_for("https", "models.test", 443)
    with pytest.raises(ProviderError) as caught:
        asyncio.run(HttpPool().post("https://models.test/v1", {}, b""))

    assert (caught.value.kind, caught.value.retryable) == ("connection", False)
    assert PASSWORD not in caught.value.message


def test_a_proxy_that_is_not_there_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", f"http://me:{PASSWORD}@127.0.0.1:1")

    with pytest.raises(ProviderError) as caught:
        asyncio.run(HttpPool().post("https://models.test/v1", {}, b""))

    assert (caught.value.kind, caught.value.retryable) == ("connection", True)
    assert caught.value.message == (
        "cannot connect to https://models.test through the proxy http://127.0.0.1:1: connection refused; "
        "is the proxy running, are HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY right?"
    )


@pytest.mark.parametrize(
    ("status", "phrase", "retryable"),
    [(407, "Proxy Authentication Required", False), (403, "Forbidden", False), (503, "Service Unavailable", True)],
)
def test_a_proxy_that_refuses_is_told_by_its_status(
    environment: pytest.MonkeyPatch,
    status: int,
    phrase: str,
    retryable: bool,  # noqa: FBT001 - a table
) -> None:
    refusal = b"HTTP/1.1 %d %s\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n" % (status, PASSWORD.encode())

    async def scenario() -> ProviderError:
        async with tunnelling(refusal) as (port, heads):
            environment.setenv("HTTPS_PROXY", f"http://me:{PASSWORD}@127.0.0.1:{port}")
            with pytest.raises(ProviderError) as caught:
                await HttpPool().post("https://models.test/v1", {}, b"")
            assert heads[0].startswith(b"CONNECT models.test:443 HTTP/1.1\r\nHost: models.test:443\r\n")
            return caught.value

    error = asyncio.run(scenario())

    assert (error.kind, error.retryable) == ("connection", retryable)
    assert f": the proxy said {status} ({phrase}); " in error.message
    assert PASSWORD not in error.message


@asynccontextmanager
async def tunnelling(
    says: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n", to: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A proxy that says `says` to CONNECT, and then hands every byte to the port `to`, and back."""
    heads: list[bytes] = []

    async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while data := await reader.read(10_000):
                    writer.write(data)
        finally:
            writer.transport.abort()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(says)
        if not to:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(hand_on(reader, far_writer), hand_on(far_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1], heads


@pytest.mark.parametrize("proxy_scheme", ["http", "https"])
def test_https_goes_through_a_tunnel_that_sees_no_key(
    environment: pytest.MonkeyPatch, canned: CannedServer, http_text: HttpText, tmp_path: Path, proxy_scheme: str
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    environment.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    _trust_authorities.cache_clear()
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2)]
    authority.issue_cert("models.test").configure_cert(contexts[0])
    authority.issue_cert("127.0.0.1").configure_cert(contexts[1])

    async def scenario() -> None:
        async with (
            canned(http_text(200, b"one"), http_text(200, b"two"), tls=contexts[0]) as server,
            tunnelling(to=server.port, tls=contexts[1] if proxy_scheme == "https" else None) as (port, heads),
        ):
            environment.setenv("HTTPS_PROXY", f"{proxy_scheme}://me:{PASSWORD}@127.0.0.1:{port}")
            pool = HttpPool()
            first = await pool.post("https://models.test/v1", {"Authorization": "Bearer sk-1"}, b"")
            second = await pool.post("https://models.test/v1", {}, b"")
            assert (first.body, second.body, server.connections, len(heads)) == (b"one", b"two", 1, 1)
            assert first.connect_s > 0.0
            assert second.connect_s == 0.0
            sent = base64.b64encode(f"me:{PASSWORD}".encode())
            assert b"Proxy-Authorization: Basic " + sent + b"\r\n" in heads[0]
            assert b"sk-1" not in heads[0]
            assert b"Bearer sk-1" in server.requests[0]
            assert b"Proxy-Authorization" not in server.requests[0]
            await pool.aclose()

    asyncio.run(scenario())
    _trust_authorities.cache_clear()


def test_plain_http_is_sent_to_the_proxy_with_its_password(
    environment: pytest.MonkeyPatch, canned: CannedServer, http_text: HttpText
) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, b"by proxy")) as server:
            environment.setenv("http_proxy", f"http://me:{PASSWORD}@127.0.0.1:{server.port}")
            pool = HttpPool()
            assert (await pool.post("http://models.test:81/v1?a=b", {}, b"")).body == b"by proxy"
            head = server.requests[0]
            assert head.startswith(b"POST http://models.test:81/v1?a=b HTTP/1.1\r\nHost: models.test:81\r\n")
            assert b"\r\nProxy-Authorization: Basic " in head
            await pool.aclose()

    asyncio.run(scenario())
