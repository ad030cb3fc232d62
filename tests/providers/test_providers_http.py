from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels import ProviderError
from pytest_benchmodels.providers.connection import origin_of
from pytest_benchmodels.providers.endpoint import _trust_authorities
from pytest_benchmodels.providers.http import HttpPool

if TYPE_CHECKING:
    from tests.providers.conftest import CannedServer, HttpText

HANG_UP = b""
KEEP_QUIET = b"..."


def test_requests_one_after_the_other_share_a_connection(canned: CannedServer, http_text: HttpText) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, b"one", "X-Kind: a"), http_text(500, b"two")) as server:
            pool = HttpPool()
            first = await pool.post(server.url, {"A": "b"}, b"hello")
            second = await pool.post(server.url, {}, b"again")
            assert (first.status, first.body, first.headers["x-kind"]) == (200, b"one", "a")
            assert (second.status, second.body) == (500, b"two")
            assert server.connections == 1
            assert server.requests[0].startswith(b"POST /v1 HTTP/1.1\r\n")
            assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in server.requests[0]
            assert b"A: b\r\n" in server.requests[0]
            assert b"Accept-Encoding: identity\r\nUser-Agent: pytest-benchmodels\r\n" in server.requests[0]
            await pool.aclose()
            await server.left.wait()

    asyncio.run(scenario())


def test_a_refused_connection_says_what_to_look_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(ProviderError) as caught:
        asyncio.run(HttpPool().post(f"http://127.0.0.1:{port}/v1", {}, b""))

    assert (caught.value.kind, caught.value.retryable) == ("connection", True)
    assert caught.value.message == (
        f"cannot connect to http://127.0.0.1:{port}: connection refused; is the server running, is base_url right?"
    )


def test_an_unknown_host_is_a_connection_error() -> None:
    with pytest.raises(ProviderError, match=r"cannot connect to http://nowhere\.invalid: ") as caught:
        asyncio.run(HttpPool().post("http://nowhere.invalid/v1", {}, b""))

    assert (caught.value.kind, caught.value.retryable) == ("connection", True)


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://host/v1", "/v1", "", "http://"])
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ProviderError, match="base_url has to begin with http:// or https://") as caught:
        asyncio.run(HttpPool().post(url, {}, b""))

    assert not caught.value.retryable


def test_a_base_url_that_cannot_be_parsed_is_refused() -> None:
    with pytest.raises(ProviderError, match="base_url is no address"):
        asyncio.run(HttpPool().post("http://host:port/", {}, b""))


def test_a_reply_is_read_up_to_its_limit(canned: CannedServer, http_text: HttpText) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, b"x" * 200_001), http_text(200, b"x" * 200_000)) as server:
            pool = HttpPool()
            with pytest.raises(ProviderError, match="is larger than 200000 bytes") as caught:
                await pool.post(server.url, {}, b"", limit_bytes=200_000)
            assert (caught.value.kind, caught.value.retryable) == ("too-large", False)
            reply = await pool.post(server.url, {}, b"", limit_bytes=200_000)
            assert len(reply.body) == 200_000
            assert server.connections == 2
            await pool.aclose()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("wire", "kind", "message"),
    [
        (HANG_UP, "connection", "ended before an answer: Server disconnected"),
        (b"SSH-2.0-OpenSSH_9.2\r\nConnection: close\r\n\r\n", "connection", "ended before an answer: "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf", "malformed", "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n", "malformed", "broke off"),
    ],
)
def test_a_broken_reply_is_worth_another_attempt(canned: CannedServer, wire: bytes, kind: str, message: str) -> None:
    async def scenario() -> None:
        async with canned(wire) as server:
            with pytest.raises(ProviderError, match=message) as caught:
                await HttpPool().post(server.url, {}, b"")
            assert (caught.value.kind, caught.value.retryable) == (kind, True)

    asyncio.run(scenario())


def test_a_kept_connection_that_the_server_gave_up_is_worth_another_attempt(
    canned: CannedServer, http_text: HttpText
) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, b"one"), HANG_UP, http_text(200, b"two")) as server:
            pool = HttpPool()
            await pool.post(server.url, {}, b"")
            with pytest.raises(ProviderError) as caught:
                await pool.post(server.url, {}, b"")
            assert server.connections == 1
            assert (caught.value.kind, caught.value.retryable) == ("connection", True)
            assert (await pool.post(server.url, {}, b"")).body == b"two"
            await pool.aclose()

    asyncio.run(scenario())


@pytest.mark.parametrize("begun", [KEEP_QUIET, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_cancelling_closes_the_connection_and_leaves_the_pool_usable(
    canned: CannedServer, http_text: HttpText, begun: bytes
) -> None:
    async def scenario() -> None:
        async with canned(begun, http_text(200, b"next")) as server:
            pool = HttpPool()
            late = asyncio.create_task(pool.post(server.url, {}, b""))
            await server.asked.wait()
            late.cancel()
            with pytest.raises(asyncio.CancelledError):
                await late
            await server.left.wait()
            assert (await pool.post(server.url, {}, b"")).body == b"next"
            await pool.aclose()

    asyncio.run(scenario())


def test_requests_at_once_have_connections_of_their_own(canned: CannedServer, http_text: HttpText) -> None:
    async def scenario() -> None:
        async with canned(*[http_text(200, b"ok")] * 60) as server:
            pool = HttpPool()
            replies = await asyncio.gather(*(pool.post(server.url, {}, b"") for _ in range(30)))
            assert [reply.body for reply in replies] == [b"ok"] * 30
            await asyncio.gather(*(pool.post(server.url, {}, b"") for _ in range(30)))
            assert server.connections == 30
            await pool.aclose()

    asyncio.run(scenario())


def test_a_connection_in_use_at_the_end_is_closed_when_its_reply_is_in(
    canned: CannedServer, http_text: HttpText
) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, b"late")) as server:
            pool = HttpPool()
            late = asyncio.create_task(pool.post(server.url, {}, b""))
            await server.asked.wait()
            await pool.aclose()
            assert (await late).body == b"late"
            await server.left.wait()

    asyncio.run(scenario())


def test_a_proxy_of_the_environment_is_used(
    canned: CannedServer, http_text: HttpText, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, b"by proxy")) as server:
            monkeypatch.setenv("http_proxy", f"127.0.0.1:{server.port}")
            pool = HttpPool()
            assert (await pool.post("http://models.invalid/v1", {}, b"")).body == b"by proxy"
            assert server.requests[0].startswith(b"POST http://models.invalid/v1 HTTP/1.1\r\n")
            await pool.aclose()

    asyncio.run(scenario())


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "models.invalid")

    with pytest.raises(ProviderError, match=r"cannot connect to http://models\.invalid: (?!connection refused)"):
        asyncio.run(HttpPool().post("http://models.invalid/v1", {}, b""))


def test_this_machine_is_never_reached_through_a_proxy(
    canned: CannedServer, http_text: HttpText, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)

    async def scenario() -> bytes:
        async with canned(http_text(200, b"direct")) as server:
            pool = HttpPool()
            reply = await pool.post(server.url, {}, b"")
            await pool.aclose()
            return reply.body

    assert asyncio.run(scenario()) == b"direct"


def test_a_proxy_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "gopher://127.0.0.1:1")

    with pytest.raises(ProviderError, match="the proxy of the environment cannot be used: ") as caught:
        asyncio.run(HttpPool().post("http://models.invalid/v1", {}, b""))

    assert not caught.value.retryable


def test_no_certificates_are_loaded_for_plain_http(canned: CannedServer, http_text: HttpText) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, b"")) as server:
            pool = HttpPool()
            await pool.post(server.url, {}, b"")
            await pool.aclose()

    _trust_authorities.cache_clear()
    asyncio.run(scenario())

    assert _trust_authorities.cache_info().currsize == 0


def test_an_address_is_shown_without_its_password() -> None:
    assert origin_of("https://me:secret@host:8443/v1?key=secret") == "https://host:8443"


def test_nothing_is_searched_for_in_vain_with_each_request(
    canned: CannedServer, http_text: HttpText, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import within a function costs 40 us each time where it fails: httpcore had four for each request."""
    searched: list[str] = []

    class Witness:
        def find_spec(self, fullname: str, *_where: object) -> None:
            searched.append(fullname)

    async def scenario() -> None:
        async with canned(http_text(200), http_text(200)) as server:
            pool = HttpPool()
            await pool.post(server.url, {}, b"")
            monkeypatch.setattr(sys, "meta_path", [Witness(), *sys.meta_path])
            await pool.post(server.url, {}, b"")
            monkeypatch.undo()
            await pool.aclose()

    asyncio.run(scenario())

    assert searched == []


@pytest.mark.parametrize("module", ["providers", "providers.catalog", "providers.sim"])
def test_importing_the_room_imports_no_http_client(module: str) -> None:
    code = (
        f"import sys, pytest_benchmodels.{module}; "
        "print({'httpx', 'httptools', 'asyncio', 'h11', 'msgspec'} & sys.modules.keys() or 'light')"
    )

    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert said.stdout.strip() == "light"
