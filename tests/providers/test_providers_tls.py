"""https, with an authority of the tests' own."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from pytest_benchmodels import Message, Model, ProviderError, Request
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.endpoint import _trust_authorities
from pytest_benchmodels.providers.http import HttpPool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.providers.conftest import Canned, CannedServer, HttpText

ENV = "BENCH_TLS_KEY"
SECRET = "sk-tls-secret-1"
ANSWER = b'{"choices": [{"message": {"content": "over TLS"}}]}'


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def trusting(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """SSL_CERT_FILE names the authority; certificates are read once in a process, here once in a test."""
    pem = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(pem))
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    monkeypatch.setenv(ENV, SECRET)
    _trust_authorities.cache_clear()
    yield pem
    _trust_authorities.cache_clear()


def server_side(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def complete(server: Canned, scheme: str = "https") -> str:
    pool = HttpPool()
    model = Model("openai/x", "openai", "x", f"{scheme}://127.0.0.1:{server.port}/v1", ENV)
    try:
        return (await create(model, pool).complete(Request(model, (Message("user", "Hi"),)))).text
    finally:
        await pool.aclose()


def test_a_trusted_server_gets_the_key_and_answers(
    canned: CannedServer, http_text: HttpText, authority: trustme.CA
) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, ANSWER), tls=server_side(authority)) as server:
            assert await complete(server) == "over TLS"
            assert f"Authorization: Bearer {SECRET}".encode() in server.requests[0]

    asyncio.run(scenario())


def test_certificates_are_read_once(canned: CannedServer, http_text: HttpText, authority: trustme.CA) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, ANSWER), http_text(200, ANSWER), tls=server_side(authority)) as server:
            await complete(server)
            await complete(server)

    asyncio.run(scenario())

    assert _trust_authorities.cache_info().misses == 1


@pytest.mark.parametrize(
    ("stranger", "name", "why"),
    [(True, "127.0.0.1", "unable to get local issuer certificate"), (False, "other.test", "IP address mismatch")],
)
def test_a_server_that_is_not_trusted_never_sees_the_key(
    canned: CannedServer,
    authority: trustme.CA,
    stranger: bool,  # noqa: FBT001 - a table
    name: str,
    why: str,
) -> None:
    async def scenario() -> ProviderError:
        async with canned(tls=server_side(trustme.CA() if stranger else authority, name)) as server:
            with pytest.raises(ProviderError) as caught:
                await complete(server)
            assert server.requests == []
            return caught.value

    error = asyncio.run(scenario())

    assert (error.kind, error.retryable) == ("connection", False)
    assert f": its certificate is not trusted ({why}" in error.message
    assert error.message.endswith("; name the authority that signed it in SSL_CERT_FILE")


def test_https_to_a_server_without_tls_is_not_tried_again() -> None:
    seen: list[bytes] = []

    async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(10_000))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def scenario() -> ProviderError:
        async with await asyncio.start_server(speak_plainly, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            model = Model("openai/x", "openai", "x", f"https://127.0.0.1:{port}/v1", ENV)
            with pytest.raises(ProviderError) as caught:
                await create(model, HttpPool()).complete(Request(model, (Message("user", "Hi"),)))
            return caught.value

    error = asyncio.run(scenario())

    assert (error.kind, error.retryable) == ("connection", False)
    assert error.message.endswith("does the server speak TLS, or has base_url to begin with http://?")
    assert SECRET.encode() not in b"".join(seen)


def test_a_server_that_leaves_during_the_handshake_may_be_tried_again() -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10_000)
        writer.close()

    async def scenario() -> ProviderError:
        async with await asyncio.start_server(leave, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(ProviderError, match=rf"cannot connect to https://127\.0\.0\.1:{port}: ") as caught:
                await HttpPool().post(f"https://127.0.0.1:{port}/v1", {}, b"")
            return caught.value

    assert asyncio.run(scenario()).retryable


def test_plain_http_to_a_server_with_tls_is_a_connection_error(canned: CannedServer, authority: trustme.CA) -> None:
    async def scenario() -> ProviderError:
        async with canned(tls=server_side(authority)) as server:
            with pytest.raises(ProviderError) as caught:
                await complete(server, "http")
            return caught.value

    assert asyncio.run(scenario()).kind == "connection"


@pytest.mark.parametrize(("content", "why"), [(None, "no such file or directory"), ("no certificate", "TLS failed (")])
def test_certificates_that_cannot_be_read_are_told_by_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, why: str
) -> None:
    pem = tmp_path / "mine.pem"
    if content is not None:
        pem.write_text(content, encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))

    with pytest.raises(ProviderError) as caught:
        asyncio.run(HttpPool().post("https://127.0.0.1:1/v1", {}, b""))

    assert (caught.value.kind, caught.value.retryable) == ("connection", False)
    assert f"the certificates of authorities ({pem}) cannot be read: {why}" in caught.value.message
    assert caught.value.message.endswith("; look at SSL_CERT_FILE")
