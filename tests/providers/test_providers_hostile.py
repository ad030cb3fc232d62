"""Servers that stall, lie, redirect and flood, as one HTTP pool meets them."""

from __future__ import annotations

import asyncio
import gzip
import os
import resource
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels import Message, Model, ProviderError, Request
from pytest_benchmodels.providers import create, endpoint
from pytest_benchmodels.providers.http import MAX_REPLY_BYTES, HttpPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.providers.conftest import CannedServer, HttpText

ENV = "BENCH_HOSTILE_KEY"
SECRET = "sk-hostile-secret-1"
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse what Linux drops")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def complete(url: str) -> None:
    """Ask as a model with a key does."""
    pool = HttpPool()
    model = Model("openai/x", "openai", "x", url, ENV)
    try:
        await create(model, pool).complete(Request(model, (Message("user", "Hi"),)))
    finally:
        await pool.aclose()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV, SECRET)


async def refused(url: str, limit_bytes: int = MAX_REPLY_BYTES) -> ProviderError:
    pool = HttpPool()
    with pytest.raises(ProviderError) as caught:
        await pool.post(url, {}, b"", limit_bytes=limit_bytes)
    await pool.aclose()
    return caught.value


def test_a_length_beyond_the_limit_is_refused_without_reading(canned: CannedServer) -> None:
    async def scenario() -> ProviderError:
        # Nothing follows the head: who wanted to read would wait for ever.
        async with canned(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n") as server:
            error = await refused(server.url)
            await server.left.wait()
            return error

    error = asyncio.run(scenario())

    assert (error.kind, error.status, error.retryable) == ("too-large", 200, False)
    assert error.message.endswith("is larger than 10000000 bytes; lower max_tokens")


def test_an_endless_body_of_single_bytes_ends_at_the_limit(canned: CannedServer) -> None:
    async def scenario() -> ProviderError:
        async with canned(CHUNKED + b"1\r\nx\r\n" * 3000) as server:
            return await refused(server.url, limit_bytes=2000)

    assert asyncio.run(scenario()).kind == "too-large"


def test_a_bomb_is_no_answer(canned: CannedServer, http_text: HttpText) -> None:
    bomb = http_text(200, gzip.compress(b"x" * 1_000_000), "Content-Encoding: gzip")

    async def scenario() -> ProviderError:
        async with canned(bomb) as server:
            return await refused(server.url, limit_bytes=100_000)

    assert asyncio.run(scenario()).kind == "too-large"


def test_an_unknown_encoding_is_malformed(canned: CannedServer, http_text: HttpText) -> None:
    async def scenario() -> ProviderError:
        async with canned(http_text(200, b"?", "Content-Encoding: br")) as server:
            return await refused(server.url)

    error = asyncio.run(scenario())

    assert (error.kind, error.retryable) == ("malformed", True)
    assert "malformed answer from http://127.0.0.1:" in error.message
    assert "its Content-Encoding was not asked for, and is neither gzip nor deflate" in error.message


@pytest.mark.parametrize(
    "wire",
    [
        b"Content-Length: 9000\r\nConnection: close\r\n\r\nslow down",
        b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\nabcd",
        b"Content-Length: 300000\r\n\r\n" + b"x" * 300_000,
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
    ],
)
def test_of_a_failure_the_status_counts_however_its_body_ends(canned: CannedServer, wire: bytes) -> None:
    async def scenario() -> None:
        async with canned(b"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\n" + wire, b"HTTP/1.1 401 No\r\n" + wire) as server:
            for expected in (("rate-limit", True, 3.0), ("auth", False, None)):
                with pytest.raises(ProviderError) as caught:
                    await complete(server.url)
                assert (caught.value.kind, caught.value.retryable, caught.value.retry_after_s) == expected
                assert len(caught.value.message) < 500

    asyncio.run(scenario())


def test_a_failure_that_was_not_read_to_its_end_leaves_no_rest_behind(
    canned: CannedServer, http_text: HttpText
) -> None:
    async def scenario() -> None:
        async with canned(http_text(500, b"x" * 500_000), http_text(200, b"fresh")) as server:
            pool = HttpPool()
            failed = await pool.post(server.url, {}, b"")
            assert (failed.status, len(failed.body)) == (500, 100_001)
            assert (await pool.post(server.url, {}, b"")).body == b"fresh"
            assert server.connections == 2
            await pool.aclose()

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_sends_no_key_anywhere(canned: CannedServer, status: int) -> None:
    async def scenario() -> ProviderError:
        async with canned() as thief:
            away = f"HTTP/1.1 {status} Away\r\nLocation: {thief.url}\r\nContent-Length: 0\r\n\r\n"
            async with canned(away.encode()) as server:
                with pytest.raises(ProviderError) as caught:
                    await complete(server.url)
                assert SECRET.encode() in server.requests[0]
            assert (thief.connections, thief.requests) == (0, [])
            return caught.value

    error = asyncio.run(scenario())

    assert (error.kind, error.status, error.retryable) == ("redirect", status, False)


@pytest.mark.parametrize(
    "wire",
    [
        f"HTTP/1.1 {SECRET}\r\n\r\n",
        f"Authorization: Bearer {SECRET}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n",
        f"HTTP/1.1 200 OK\r\nContent-Length: {SECRET}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nContent-Encoding: {SECRET}\r\nContent-Length: 0\r\n\r\n",
        f"HTTP/1.1 401 {SECRET}\r\nWWW-Authenticate: Bearer {SECRET}\r\nContent-Length: 0\r\n\r\n",
        f"HTTP/1.1 302 OK\r\nLocation: http://{SECRET}/\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_server_that_sends_the_key_back_has_it_shown_nowhere(
    canned: CannedServer, caplog: pytest.LogCaptureFixture, wire: str
) -> None:
    caplog.set_level(0)

    async def scenario() -> str:
        async with canned(wire.encode() + b"Connection: close\r\n\r\n") as server:
            with pytest.raises(ProviderError) as caught:
                await complete(server.url)
            return caught.value.message

    assert SECRET not in asyncio.run(scenario())
    assert SECRET not in caplog.text


def test_a_cookie_is_not_kept(canned: CannedServer, http_text: HttpText) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, b"", "Set-Cookie: a=b; Path=/"), http_text(200)) as server:
            pool = HttpPool()
            await pool.post(server.url, {}, b"")
            await pool.post(server.url, {}, b"")
            assert b"cookie" not in server.requests[1].lower()
            await pool.aclose()

    asyncio.run(scenario())


@pytest.mark.parametrize("value", ["a\r\nX-Evil: b", "a\nb", "a\0b"])
def test_a_header_that_would_be_two_is_not_sent(canned: CannedServer, value: str) -> None:
    async def scenario() -> ProviderError:
        async with canned() as server:
            with pytest.raises(ProviderError) as caught:
                await HttpPool().post(server.url, {"X-Mine": value}, b"")
            assert server.connections == 0
            return caught.value

    error = asyncio.run(scenario())

    assert (error.kind, error.retryable) == ("bad-request", False)
    assert error.message == "the header 'X-Mine' holds a line break or a null"


def test_an_endless_body_of_single_bytes_ends_with_its_run_and_lets_others_be_answered(
    canned: CannedServer, http_text: HttpText
) -> None:
    async def drizzle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        try:
            with suppress(ConnectionError):
                while True:
                    writer.write(b"1\r\nx\r\n" * 10_000)
                    await writer.drain()
        finally:
            writer.transport.abort()

    async def scenario() -> None:
        source = await asyncio.start_server(drizzle, "127.0.0.1", 0)
        async with canned(http_text(200, b"quick")) as server:
            pool = HttpPool()
            url = f"http://127.0.0.1:{source.sockets[0].getsockname()[1]}/v1"
            endless = [asyncio.create_task(pool.post(url, {}, b"")) for _ in range(5)]
            assert (await pool.post(server.url, {}, b"")).body == b"quick"
            for task in endless:
                task.cancel()
            ends = await asyncio.gather(*endless, return_exceptions=True)
            assert {type(end) for end in ends} == {asyncio.CancelledError}
            await pool.aclose()
        source.close()

    asyncio.run(scenario())


@contextmanager
def blackhole() -> Iterator[int]:
    """A port that answers no connection: its queue is full, and the system drops what comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        for client in waiting:
            client.settimeout(0)
            client.connect_ex(address)
        try:
            yield address[1]
        finally:
            for client in waiting:
                client.close()


def connecting(port: int) -> int:
    """How many connections to that port have been asked for and not been answered."""
    wanted = f":{port:04X} 02 "
    return Path("/proc/net/tcp").read_text(encoding="ascii").count(wanted)


@ON_LINUX
def test_a_connection_that_does_not_come_about_can_be_cancelled() -> None:
    async def scenario(port: int) -> None:
        pool = HttpPool()
        before = connecting(port)
        late = asyncio.create_task(pool.post(f"http://127.0.0.1:{port}/v1", {}, b""))
        while await asyncio.to_thread(connecting, port) == before:
            assert not late.done()
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        assert connecting(port) == before
        await pool.aclose()

    with blackhole() as port:
        asyncio.run(asyncio.wait_for(scenario(port), 300))


@ON_LINUX
def test_a_connection_that_does_not_come_about_in_time_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_CONNECT_S", 0.01)

    with blackhole() as port:
        error = asyncio.run(refused(f"http://127.0.0.1:{port}/v1"))

    assert (error.kind, error.retryable) == ("connection", True)
    assert f"cannot connect to http://127.0.0.1:{port}: no reply in time; is the server running" in error.message


def test_a_handshake_that_does_not_end_can_be_cancelled(canned: CannedServer) -> None:
    async def scenario() -> None:
        async with canned() as server:
            pool = HttpPool()
            late = asyncio.create_task(pool.post(f"https://127.0.0.1:{server.port}/v1", {}, b""))
            await server.arrived.wait()
            late.cancel()
            with pytest.raises(asyncio.CancelledError):
                await late
            await server.left.wait()
            await pool.aclose()

    asyncio.run(asyncio.wait_for(scenario(), 300))


def test_without_file_descriptors_it_says_what_to_raise(canned: CannedServer, http_text: HttpText) -> None:
    async def scenario() -> None:
        async with canned(http_text(200, b"warm"), http_text(200, b"again")) as server:
            pool = HttpPool()
            await pool.post(server.url, {}, b"")
            with limited_files(lowest_free_descriptor()), pytest.raises(ProviderError) as caught:
                await pool.post(f"{server.url}/other", {}, b"")
            assert (caught.value.kind, caught.value.retryable) == ("connection", True)
            assert caught.value.message == (
                f"cannot connect to http://127.0.0.1:{server.port}: too many open files; "
                "raise the limit (`ulimit -n`) or lower --bench-concurrency"
            )
            assert (await pool.post(server.url, {}, b"")).body == b"again"
            await pool.aclose()

    asyncio.run(scenario())


def lowest_free_descriptor() -> int:
    free = os.dup(0)
    os.close(free)
    return free


@contextmanager
def limited_files(number: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("soft", "hard", "then"), [(256, 1000, 1000), (256, 256, 256), (256, 3000, 2000), (2500, 3000, 2500)]
)
def test_the_limit_of_open_files_is_raised_as_far_as_is_enough(soft: int, hard: int, then: int) -> None:
    """In a process of its own: what is lowered cannot be raised again."""
    code = (
        "import resource as r; from pytest_benchmodels.providers.http import raise_limit; "
        f"r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard})); raise_limit(2000); print(r.getrlimit(r.RLIMIT_NOFILE))"
    )

    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert said.stdout.strip() == f"({then}, {hard})"


def test_a_pool_raises_the_limit_of_open_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    with limited_files(lowest_free_descriptor() + 100):
        HttpPool()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(hard, 65_536), hard)
