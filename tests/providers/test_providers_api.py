from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels import Message, Model, ProviderError, Request, Response, Usage
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.api import _parsed
from pytest_benchmodels.providers.http import HttpPool
from pytest_benchmodels.providers.key import Key, KeyReader, is_unhidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.providers.conftest import CannedServer, HttpText

ENV = "BENCH_TEST_KEY"
SECRET = "sk-very-secret-1234"


def answer(content: object, **more: object) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}], **more}).encode()


async def complete(url: str, env: str | None = None, **params: object) -> Response:
    pool = HttpPool()
    model = Model("openai/x", "openai", "x", url, env)
    try:
        return await create(model, pool).complete(Request(model, (Message("user", "Hi ☺"),), params))
    finally:
        await pool.aclose()


def failure(url: str, env: str | None = None, **params: object) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        asyncio.run(complete(url, env, **params))
    return caught.value


def test_one_request_and_its_answer(canned: CannedServer, http_text: HttpText, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV, f"{SECRET}\n")

    async def scenario() -> None:
        usage = {"prompt_tokens": 2, "completion_tokens": 1}
        async with canned(http_text(200, answer("4", usage=usage))) as server:
            response = await complete(server.url, ENV, temperature=0)
            assert (response.text, response.finish_reason, response.usage) == ("4", "stop", Usage(2, 1))
            assert response.latency_s > 0
            head, _, body = server.requests[0].partition(b"\r\n\r\n")
            assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
            assert f"Authorization: Bearer {SECRET}\r\n".encode() in head
            assert b"Content-Type: application/json\r\n" in head
            assert json.loads(body) == {
                "temperature": 0,
                "model": "x",
                "messages": [{"role": "user", "content": "Hi ☺"}],
                "stream": False,
            }

    asyncio.run(scenario())


def test_a_model_without_a_key_sends_none(canned: CannedServer, http_text: HttpText) -> None:
    async def scenario() -> bytes:
        async with canned(http_text(200, answer("4"))) as server:
            await complete(server.url)
            return server.requests[0]

    assert b"authorization" not in asyncio.run(scenario()).lower()


def test_a_key_that_an_answer_repeats_is_hidden(
    canned: CannedServer, http_text: HttpText, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENV, SECRET)

    async def scenario() -> Response:
        async with canned(http_text(200, answer(f"Your key is {SECRET}."))) as server:
            return await complete(server.url, ENV)

    assert asyncio.run(scenario()).text == "Your key is ***."


@pytest.mark.parametrize(
    ("text", "shown"), [("\ud83d\ude00 fine", "😀 fine"), ("half \ud800", "half \ufffd"), ("\x1b[31m", "\x1b[31m")]
)
def test_an_answer_holds_no_lone_surrogate(canned: CannedServer, http_text: HttpText, text: str, shown: str) -> None:
    async def scenario() -> Response:
        async with canned(http_text(200, answer(text))) as server:
            return await complete(server.url)

    assert asyncio.run(scenario()).text == shown


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "it is empty"),
        (b"  \n", "it is empty"),
        (b"{malformed json: <<<chaos>>>", "it is no JSON (Expecting property name"),
        (b"\xff\xfe\xff", "it is no JSON"),
        (b"[" * 100_000, "it is no JSON"),
        (b'{"choices": ' + b"9" * 5000 + b"}", "it is no JSON"),
        (b"[]", "it is no JSON object"),
        (b'"4"', "it is no JSON object"),
        (b"{}", "it has no choices[0].message"),
    ],
)
def test_an_answer_that_cannot_be_read_may_be_asked_for_again(
    canned: CannedServer, http_text: HttpText, body: bytes, message: str
) -> None:
    async def scenario() -> ProviderError:
        async with canned(http_text(200, body)) as server:
            with pytest.raises(ProviderError) as caught:
                await complete(server.url)
            return caught.value

    error = asyncio.run(scenario())

    assert (error.kind, error.retryable) == ("malformed", True)
    assert message in error.message


def test_an_error_with_status_200_is_no_answer(canned: CannedServer, http_text: HttpText) -> None:
    async def scenario() -> ProviderError:
        async with canned(http_text(200, b'{"error": {"message": "upstream is busy", "code": 429}}')) as server:
            with pytest.raises(ProviderError) as caught:
                await complete(server.url)
            return caught.value

    error = asyncio.run(scenario())

    assert (error.kind, error.status, error.retryable) == ("rate-limit", 429, True)


def test_a_failing_status_is_an_error_and_hides_the_key(
    canned: CannedServer, http_text: HttpText, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENV, SECRET)

    async def scenario() -> ProviderError:
        async with canned(http_text(401, b'{"error": {"message": "wrong: %b"}}' % SECRET.encode())) as server:
            with pytest.raises(ProviderError) as caught:
                await complete(server.url, ENV)
            return caught.value

    error = asyncio.run(scenario())

    assert (error.kind, error.status) == ("auth", 401)
    assert "wrong: ***. Is the key in BENCH_TEST_KEY right?" in error.message


def test_a_key_that_is_not_set_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV, " ")

    error = failure("http://127.0.0.1:1", ENV)

    assert (error.kind, error.retryable) == ("auth", False)
    assert error.message == "no API key: set the environment variable BENCH_TEST_KEY"


@pytest.mark.parametrize("value", ["sk-two\nlines", "sk-é", "sk-\x07"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(ENV, value)

    error = failure("http://127.0.0.1:1", ENV)

    assert error.kind == "auth"
    assert "the environment variable BENCH_TEST_KEY holds characters that no key has" in error.message
    assert "sk-" not in error.message


def test_a_key_is_in_no_repr() -> None:
    assert repr(Key(ENV, SECRET)) == "Key(BENCH_TEST_KEY)"


def test_a_stand_in_for_a_key_stays_a_word() -> None:
    assert Key(ENV, "EMPTY").hide("The list is EMPTY.") == "The list is EMPTY."


@pytest.mark.parametrize(
    ("value", "unhidden"),
    [
        ("s3cr7", True),
        ("a1", True),
        ("s3cr7\n", True),
        ("s3cr7t", False),
        ("EMPTY", False),
        ("none", False),
        ("Dummy", False),
        ("xxxxx", False),
        ("-", False),
        ("", False),
    ],
)
def test_a_short_key_that_is_no_stand_in_is_known_to_stay_visible(
    monkeypatch: pytest.MonkeyPatch,
    value: str,
    unhidden: bool,  # noqa: FBT001 - a table's column
) -> None:
    monkeypatch.setenv(ENV, value)
    assert is_unhidden(ENV) is unhidden
    shown = Key(ENV, value.strip()).hide(f"key {value.strip()}")
    assert (value.strip() in shown) is (len(value.strip()) < 6)


@pytest.mark.parametrize("value", [date(2026, 1, 1), float("nan"), "\ud800"])
def test_params_that_json_cannot_hold_are_told_before_a_request(value: object) -> None:
    error = failure("http://127.0.0.1:1", since=value)

    if value == "\ud800":  # JSON can hold it, as an escape
        assert error.kind == "connection"
    else:
        assert (error.kind, error.retryable) == ("bad-request", False)
        assert error.message.startswith("params cannot be sent as JSON: ")


def test_a_simulated_model_answers_through_the_same_provider(canned: CannedServer, http_text: HttpText) -> None:
    async def scenario() -> object:
        async with canned(http_text(200, answer("4"))) as server:
            pool = HttpPool()
            model = Model("sim/steady", "sim", "steady", server.url)
            await create(model, pool, lambda _checks, target: target).complete(
                Request(model, (Message("user", "Hi"),), target="4")
            )
            await pool.aclose()
            return json.loads(server.requests[0].partition(b"\r\n\r\n")[2])["sim"]

    assert asyncio.run(scenario()) == {"trial": 1, "attempt": 1, "answer": "4"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON, st.sampled_from(["ascii", "utf-8", "utf-16", "utf-8-sig"]))
def test_a_body_is_read_as_json_reads_it(document: object, encoding: str) -> None:
    body = json.dumps(document, ensure_ascii=encoding == "ascii").encode(encoding, "replace")

    assert repr(_parsed(body)) == repr(json.loads(body))


@given(st.binary(max_size=30) | st.text(alphabet='{}[],:"\\u0dE-+.1eNaInfity tru', max_size=30).map(str.encode))
def test_what_is_no_json_is_none_for_both(body: bytes) -> None:
    def read(parse: Callable[[bytes], object]) -> str:
        try:
            return repr(parse(body))
        except ValueError as error:
            return f"{type(error).__name__}: {error}"

    assert read(_parsed) == read(json.loads)


def test_a_key_is_read_anew_where_its_variable_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = KeyReader("MY_KEY", [("X-Team", "MY_TEAM")])
    monkeypatch.setenv("MY_TEAM", "blue-team")
    monkeypatch.setenv("MY_KEY", "first-key")
    first = keys.read()
    assert keys.read() is first

    monkeypatch.setenv("MY_KEY", "second-key")
    assert keys.read().header("Authorization") == {"Authorization": "second-key"}
    monkeypatch.setenv("MY_TEAM", "red-team")
    assert keys.read().own_headers == {"X-Team": "red-team"}
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(ProviderError, match="set the environment variable MY_KEY"):
        keys.read()
