"""docs/retries.md: each row of its table is provoked, and has to come out as it says."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels import ImagePart, Message, Model, ProviderError, Request, SimServer
from pytest_benchmodels.providers import create, endpoint
from pytest_benchmodels.providers.api import Origin, error_in_answer, http_failure
from pytest_benchmodels.providers.connection import HttpReply
from pytest_benchmodels.providers.http import MAX_REPLY_BYTES, HttpPool
from pytest_benchmodels.providers.key import Key
from pytest_benchmodels.providers.quota import LONGEST_PAUSE_S, retry_after_s

if TYPE_CHECKING:
    from tests.providers.conftest import CannedServer, HttpText

TEXT = (Path(__file__).parents[2] / "docs/retries.md").read_text(encoding="utf-8")
ENV = "BENCH_RETRIES_KEY"
TOO_LONG = "This model's maximum context length is 9 tokens"
TOO_LARGE = "Request too large for x on TPM: Limit 9, Requested 10"
QUOTA = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "8s"}


def table(first: str) -> list[list[str]]:
    """The cells of the table whose first column has that title, without backticks."""
    found = re.search(rf"^\| {first} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert found is not None
    return [[cell.replace("`", "") for cell in line.strip("| \n").split(" | ")] for line in found[1].splitlines()]


ROWS = {row[0]: row[1:] for row in table("what happened")}


async def failure(model: Model, **params: object) -> ProviderError:
    pool = HttpPool()
    try:
        with pytest.raises(ProviderError) as caught:
            await create(model, pool).complete(Request(model, (Message("user", "Hi"),), params))
    finally:
        await pool.aclose()
    return caught.value


class Provoker:
    """Brings about what a row's first cell says: each method returns the failures that came of it."""

    def __init__(self, sim: SimServer, canned: CannedServer, http_text: HttpText) -> None:
        self._sim = Model("sim/steady", "sim", "steady", sim.url)
        self._model = Model("openai/x", "openai", "x", "")
        self._canned = canned
        self.http_text = http_text

    async def knobs(self, *several: dict[str, object]) -> list[ProviderError]:
        return [await failure(self._sim, sim={"latency": 0, **knobs}) for knobs in several]

    async def address(self, *urls: str) -> list[ProviderError]:
        return [await failure(replace(self._model, base_url=url)) for url in urls]

    async def statuses(self, *statuses: int) -> list[ProviderError]:
        return [error for status in statuses for error in await self.knobs({"status": status})]

    async def bodies(self, *bodies: bytes) -> list[ProviderError]:
        return await self.wire(*(self.http_text(200, body) for body in bodies))

    async def wire(self, *wires: bytes) -> list[ProviderError]:
        async with self._canned(*wires) as server:
            return [await failure(replace(self._model, base_url=server.url)) for _ in wires]

    async def streams(self, *bodies: bytes) -> list[ProviderError]:
        replies = (self.http_text(200, body, "Content-Type: text/event-stream") for body in bodies)
        async with self._canned(*replies) as server:
            return [await failure(replace(self._model, base_url=server.url, stream=True)) for _ in bodies]

    async def stalled_stream(self) -> list[ProviderError]:
        streaming = replace(self._sim, stream=True, stall_timeout_s=0.05)
        return [await failure(streaming, sim={"latency": 0, "text": "a text", "stall_rate": 1})]

    async def refused(self) -> list[ProviderError]:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        return await self.address(f"http://127.0.0.1:{port}/v1", "http://nowhere.invalid/v1")

    async def distrusted(self) -> list[ProviderError]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        async with self._canned(tls=context) as server:
            untrusted = await self.address(server.url)
        return [*untrusted, *await self.address(self._sim.base_url.replace("http:", "https:"))]

    async def refused_by_proxy(self, status: int) -> list[ProviderError]:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.http_text(status))
            writer.close()

        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            with pytest.MonkeyPatch.context() as environment:
                environment.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
                return await self.address("https://models.test/v1")

    async def keyless(self) -> list[ProviderError]:
        return [await failure(replace(self._model, base_url="http://127.0.0.1:1", api_key_env=ENV))]

    async def unwritable(self) -> list[ProviderError]:
        return [await failure(self._sim, odd=object())]

    async def unsupported(self) -> list[ProviderError]:
        drawn = Message("assistant", (ImagePart(url="https://host/a.png"),))
        pool = HttpPool()
        with pytest.raises(ProviderError) as caught:
            await create(self._sim, pool).complete(Request(self._sim, (drawn,)))
        await pool.aclose()
        return [caught.value]


PROVOKED: dict[str, Callable[[Provoker], Awaitable[list[ProviderError]]]] = {
    "408, 409, 500, 502, 504 and any other 5xx": lambda it: it.statuses(408, 409, 500, 502, 504, 501, 520, 599),
    "429": lambda it: it.statuses(429),
    "402": lambda it: it.statuses(402),
    "4xx that says that the money or the quota is spent": lambda it: it.knobs(
        {"status": 429, "text": "insufficient_quota"}, {"status": 400, "text": "Your credit balance is too low"}
    ),
    "4xx that says that a filter refused the prompt": lambda it: it.knobs(
        {"status": 400, "text": "Azure OpenAI's content management policy"}
    ),
    "200 without an answer, because a filter refused the prompt": lambda it: it.bodies(
        b'{"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}'
    ),
    "200 with an answer that the server broke off: finish_reason is error": lambda it: it.bodies(
        b'{"choices": [{"message": {"content": "Par"}, "finish_reason": "error"}]}'
    ),
    "498 (Groq)": lambda it: it.statuses(498),
    "503, 529": lambda it: it.statuses(503, 529),
    "401, 403": lambda it: it.statuses(401, 403),
    "400 that says that the key is wrong, 400 or 403 that the provider does not serve the country": lambda it: it.knobs(
        {"status": 400, "text": "API key not valid. Please pass a valid API key."},
        {"status": 400, "text": "User location is not supported for the API use."},
        {"status": 403, "text": "Country, region, or territory not supported"},
    ),
    "no key is set": lambda it: it.keyless(),
    "404, 410": lambda it: it.statuses(404, 410),
    "404 of a router whose providers do not take what the request holds": lambda it: it.knobs(
        {"status": 404, "text": "No endpoints found that support tool use."}
    ),
    "400, 413, 422 or 500 that says that the prompt does not fit into the context": lambda it: it.knobs(
        {"status": 400, "text": TOO_LONG},
        {"status": 413, "text": TOO_LONG},
        {"status": 422, "text": TOO_LONG},
        {"status": 500, "text": TOO_LONG},
    ),
    "413 or 429 for one request of more tokens than a whole minute has": lambda it: it.knobs(
        {"status": 413, "text": TOO_LARGE}, {"status": 429, "text": TOO_LARGE}
    ),
    "400 that says that the model wrote no valid JSON or tool call": lambda it: it.wire(
        it.http_text(400, b'{"error": {"code": "json_validate_failed"}}', "Retry-After: 3"),
        it.http_text(400, b'{"error": {"code": "tool_use_failed"}}'),
    ),
    "400, 403, 422 that say that there is no such model": lambda it: it.knobs(
        {"status": 400, "text": "invalid model ID"}, {"status": 422, "text": "The model `x` does not exist"}
    ),
    "400 and any other 4xx": lambda it: it.statuses(400, 405, 413, 418, 422, 451, 499),
    "params that cannot be written as JSON": lambda it: it.unwritable(),
    "a message holds what the API has no place for": lambda it: it.unsupported(),
    "301, 302, 303, 307, 308 and any other 3xx": lambda it: it.statuses(301, 302, 303, 307, 308, 300, 304, 399),
    "200 with another error in place of an answer": lambda it: it.bodies(b'{"error": "busy"}', b'{"error": {"a": 1}}'),
    "the connection is refused, or the host's name is unknown": lambda it: it.refused(),
    "the connection ends before an answer": lambda it: it.knobs({"reset_rate": 1}),
    "what comes is no HTTP, or has headers of more than 100 kB": lambda it: it.knobs(
        {"garbage": True}, {"header_bytes": 200_000}
    ),
    "the certificate is not trusted, or the server speaks no TLS": lambda it: it.distrusted(),
    "a proxy refuses to connect, with a status below 500": lambda it: it.refused_by_proxy(407),
    "a proxy cannot be reached, or fails with a status of 500 or more": lambda it: it.refused_by_proxy(502),
    "an address or a proxy that cannot be used, certificates that cannot be read": lambda it: it.address("ftp://x/v1"),
    "the answer breaks off": lambda it: it.knobs({"truncate_rate": 1}, {"declared_bytes": 9999}),
    "the answer is empty, no JSON, or of another shape": lambda it: it.bodies(b"", b"{", b"{}", b'{"choices": [4]}'),
    "a [stream](models.md#streaming) ends before its answer does, or has an event that cannot be read": lambda it: (
        it.streams(b"", b"data: {\n\n", b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n')
    ),
    "a stream stands still for longer than stall_timeout": lambda it: it.stalled_stream(),
    "the answer streams although nobody asked for it: it would again": lambda it: it.bodies(
        b'data: {"choices": []}\n\ndata: [DONE]\n\n', b'{"done": false}\n{"done": true}\n'
    ),
    "the answer is compressed in an unknown way, or wrongly": lambda it: it.wire(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    ),
    "the answer is larger than 10 MB, or says that it will be": lambda it: it.knobs(
        {"endless": True}, {"declared_bytes": 10_000_001}
    ),
}
# What takes too long, or too much of the process, or no provider, to be provoked here: each has a test of its own.
ELSEWHERE = {
    "no connection within 20 seconds",
    "no file descriptor is left",
    "a picture or a file of a message has changed since it was collected, or is gone; nothing is sent",
    "200 with an error that has a code in place of an answer",
}


@pytest.fixture
def provoker(sim: SimServer, canned: CannedServer, http_text: HttpText) -> Provoker:
    return Provoker(sim, canned, http_text)


def test_every_row_is_provoked() -> None:
    assert sorted(ROWS) == sorted([*PROVOKED, *ELSEWHERE])


@pytest.mark.parametrize("what", PROVOKED)
def test_what_happened_has_its_kind_and_is_retried_or_not(what: str, provoker: Provoker) -> None:
    kind, retried, wait = ROWS[what]

    async def provoked() -> list[ProviderError]:
        return await PROVOKED[what](provoker)

    errors = asyncio.run(provoked())

    assert errors
    assert {(error.kind, error.retryable) for error in errors} == {(kind, retried == "yes")}
    assert (wait == "-") is (retried == "no")


def row_of(status: int) -> list[str]:
    """The row that speaks of that status, else that of its hundred."""
    exact = [row for what, row in ROWS.items() if re.match(rf"[\d, ]*\b{status}\b( \(Groq\)|[^a-z]*( and|$))", what)]
    return (exact or [row for what, row in ROWS.items() if f"any other {status // 100}xx" in what])[0]


@pytest.mark.parametrize("hundred", [300, 400, 500])
def test_each_status_waits_for_what_its_row_says(hundred: int) -> None:
    origin = Origin("http://host", "x", Key(None, ""))

    for status in range(hundred, hundred + 100):
        kind, retried, wait = row_of(status)
        failed, asked, used_up = (
            http_failure(HttpReply(status, headers, b""), origin) for headers in ({}, {"retry-after": "3"}, QUOTA)
        )
        assert (failed.kind, failed.retryable, failed.retry_after_s) == (kind, retried == "yes", None)
        if failed.retryable:
            assert wait.startswith("Retry-After")
            assert asked.retry_after_s == 3.0
            assert used_up.retry_after_s == (8.0 if "the quota's headers" in wait else None)


@given(st.integers(400, 599))
def test_a_code_in_place_of_an_answer_is_as_good_as_the_status(code: int) -> None:
    origin = Origin("http://host", "x", Key(None, ""))
    inside = error_in_answer({"code": code}, {"retry-after": "3"}, origin)
    outside = http_failure(HttpReply(code, {"retry-after": "3"}, b""), origin)

    assert ROWS["200 with an error that has a code in place of an answer"][:2] == ["as the code's status"] * 2
    assert (inside.kind, inside.retryable, inside.status) == (outside.kind, outside.retryable, outside.status)


def test_another_error_in_place_of_an_answer_may_say_when(provoker: Provoker, http_text: HttpText) -> None:
    async def scenario() -> list[ProviderError]:
        return await provoker.wire(http_text(200, b'{"error": "busy"}', "Retry-After: 3"))

    assert [error.retry_after_s for error in asyncio.run(scenario())] == [3.0]


def test_the_figures_are_those_of_the_code() -> None:
    assert "no connection within 20 seconds" in ROWS
    assert endpoint._CONNECT_S == 20.0
    assert "larger than 10 MB" in TEXT
    assert MAX_REPLY_BYTES == 10_000_000
    assert f"more than {LONGEST_PAUSE_S:.0f} seconds" in TEXT


@pytest.mark.parametrize(("names", "forms"), table("header"))
def test_each_header_is_read_in_each_form(names: str, forms: str) -> None:
    for name in names.split(", "):
        for form in [*re.findall(r"\d[\w.:-]*[a-zA-Z]\b", forms), "7"]:
            assert retry_after_s({name: form}, 429) is not None


@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "9" * 400, "soon", "", "5 minutes", "0x10", "5,5"])
def test_a_wish_that_is_nonsense_is_none(name: str, value: str) -> None:
    assert retry_after_s({name: value}) is None


@pytest.mark.parametrize("value", ["Thu, 31 Dec 2099 23:59:59 GMT", "3153600000"])
def test_a_wish_for_decades_is_told_as_it_is(value: str) -> None:
    """How long a run waits is decided by its limit, not by the server."""
    wish = retry_after_s({"retry-after": value})

    assert wish is not None
    assert wish > 365 * 86_400


@pytest.mark.parametrize("value", ["Sat, 01 Jan 2000 00:00:00 GMT", "0", "-0", "-5", "-0.1"])
def test_a_moment_that_is_past_is_now(value: str) -> None:
    assert retry_after_s({"retry-after": value}) == 0.0
