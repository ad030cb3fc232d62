"""All protocols against a server that nobody here wrote: @copilotkit/aimock, from npm.

It is looked for below `node_modules` of the checkout, or where BENCHMODELS_AIMOCK says. With that variable set, its
absence is a failure instead of a skip.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels import ImagePart, Message, Model, ProviderError, Request, Response, TextPart, ToolResult
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.http import HttpPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KEY_ENV = "BENCH_AIMOCK_KEY"
KEY = "sk-aimock-secret-1"
CALLED = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
ALSO_CALLED = {"name": "get_time", "arguments": "{}"}
# Each API has its own names of the two counts: the server gives each the ones that are its.
COUNTED = {
    "prompt_tokens": 11,
    "completion_tokens": 3,
    "input_tokens": 11,
    "output_tokens": 3,
    "promptTokenCount": 11,
    "candidatesTokenCount": 3,
}
OVERLOADED = {"error": {"message": "the model is overloaded", "type": "overloaded_error"}, "status": 503}
FIXTURES = {
    "fixtures": [
        {"match": {"userMessage": "hello"}, "response": {"content": "Hi there! ☺"}},
        {"match": {"userMessage": "weather", "hasToolResult": False}, "response": {"toolCalls": [CALLED]}},
        {"match": {"userMessage": "weather", "hasToolResult": True}, "response": {"content": "It is sunny."}},
        {"match": {"userMessage": "both", "hasToolResult": False}, "response": {"toolCalls": [CALLED, ALSO_CALLED]}},
        {"match": {"userMessage": "both", "hasToolResult": True}, "response": {"content": "Noon, and sunny."}},
        {"match": {"userMessage": "system", "systemMessage": "Be kind."}, "response": {"content": "kind"}},
        {"match": {"userMessage": "again", "turnIndex": 1}, "response": {"content": "second"}},
        {"match": {"userMessage": "picture"}, "response": {"content": "a cat"}},
        {"match": {"userMessage": "think"}, "response": {"content": "4", "reasoning": "2 and 2"}},
        {"match": {"userMessage": "count"}, "response": {"content": "4", "usage": COUNTED}},
        {"match": {"userMessage": "schema", "responseFormat": "json_schema"}, "response": {"content": '{"n": 4}'}},
        {"match": {"userMessage": "fail"}, "response": OVERLOADED},
        {
            "match": {"userMessage": "who"},
            "response": {
                "content": "4",
                "model": "model-x-2026-01-31",
                "systemFingerprint": "fp_1",
                "provider": "Groq",
            },
        },
    ]
}
PROTOCOLS = ["openai", "openai-responses", "azure", "anthropic", "google"]
# Azure's API streams as OpenAI's does: that is the same code, asked for at another address.
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
EACH = pytest.mark.parametrize("protocol", PROTOCOLS)


def program() -> Path:
    wanted = os.environ.get("BENCHMODELS_AIMOCK")
    found = Path(wanted or Path(__file__).parents[2] / "node_modules/.bin/llmock")
    if found.exists() and shutil.which("node"):
        return found
    reason = (
        f"no node, or no aimock at {found}: npm install @copilotkit/aimock, or set BENCHMODELS_AIMOCK to its llmock"
    )
    if wanted:
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running(program: Path, folder: Path, *options: str) -> Iterator[str]:
    """Start it on a free port; yields its address."""
    fixtures = folder / "fixtures.json"
    fixtures.write_text(json.dumps(FIXTURES), encoding="utf-8")
    argv = ["node", str(program), "-p", "0", "-h", "127.0.0.1", "-f", str(fixtures), *options]
    strict = {**os.environ, "AIMOCK_STRICT_TURN_INDEX": "1"}
    with subprocess.Popen(argv, env=strict, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            yield next(line for line in lines if "listening on" in line).rpartition(" ")[2].strip()
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """`aimock("--chaos-ratelimit", "1")` is the address of one with these options; one each for the module."""
    found = program()
    addresses: dict[tuple[str, ...], str] = {}
    with ExitStack() as stack:

        def serve(*options: str) -> str:
            if options not in addresses:
                folder = tmp_path_factory.mktemp("aimock")
                addresses[options] = stack.enter_context(running(found, folder, *options))
            return addresses[options]

        yield serve


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)


def ask(protocol: str, address: str, prompt: str = "hello", *, stream: bool = False) -> Response:
    return converse(protocol, address, Message("system", "Be kind."), Message("user", prompt), stream=stream)


PATHS = {"openai": "/v1", "openai-responses": "/v1", "openrouter": "/api/v1"}


def converse(
    protocol: str, address: str, *talk: Message, stream: bool = False, params: Mapping[str, object] | None = None
) -> Response:
    base_url = f"{address}{PATHS.get(protocol, '')}"
    query = (("api-version", "2024-10-21"),) if protocol == "azure" else ()
    model = Model(f"{protocol}/m", protocol, "model-x", base_url, KEY_ENV, stream=stream, query=query)
    sent = {"temperature": 0, "max_tokens": 50, **(params or {})}

    async def exchange() -> Response:
        pool = HttpPool()
        try:
            return await create(model, pool).complete(Request(model, talk, sent))
        finally:
            await pool.aclose()

    return asyncio.run(exchange())


@STREAMED
@EACH
def test_an_answer_of_each_protocol(aimock: Callable[..., str], protocol: str, *, stream: bool) -> None:
    response = ask(protocol, aimock(), stream=stream)

    assert response.text == "Hi there! ☺"
    assert response.finish_reason in {"stop", "end_turn", "STOP"}
    assert response.usage.output_tokens is not None
    assert (response.ttft_s is not None) == stream


@STREAMED
@EACH
def test_a_tool_that_is_called_gets_its_result_back(aimock: Callable[..., str], protocol: str, *, stream: bool) -> None:
    asked = Message("user", (TextPart("How is the weather?"), ImagePart("image/png", "iVBORw0KGgo=")))
    called = converse(protocol, aimock(), asked, stream=stream)
    results = tuple(ToolResult(call.id, "sunny") for call in called.tool_calls)
    answered = converse(protocol, aimock(), asked, called.message, Message("tool", results), stream=stream)

    assert [(call.name, call.arguments) for call in called.tool_calls] == [("get_weather", {"city": "Paris"})]
    assert (answered.text, answered.tool_calls) == ("It is sunny.", ())


@EACH
def test_a_prompt_without_a_fixture_is_an_error_in_the_servers_words(aimock: Callable[..., str], protocol: str) -> None:
    with pytest.raises(ProviderError, match="No fixture matched") as caught:
        ask(protocol, aimock(), "something else")

    assert (caught.value.kind, caught.value.status, caught.value.retryable) == ("not-found", 404, False)
    assert KEY not in caught.value.message


@EACH
@pytest.mark.parametrize(
    ("chaos", "expected"),
    [
        ("ratelimit", ("rate-limit", 429, 1.0)),
        ("disconnect", ("connection", None, None)),
        ("malformed", ("malformed", 200, None)),
    ],
)
def test_a_fault_of_each_protocol_is_worth_another_attempt(
    aimock: Callable[..., str], protocol: str, chaos: str, expected: tuple[str, int | None, float | None]
) -> None:
    with pytest.raises(ProviderError) as caught:
        ask(protocol, aimock(f"--chaos-{chaos}", "1"))

    assert (caught.value.kind, caught.value.status, caught.value.retry_after_s) == expected
    assert caught.value.retryable


@STREAMED
@EACH
def test_tools_that_are_called_together_get_their_results_together(
    aimock: Callable[..., str], protocol: str, *, stream: bool
) -> None:
    asked = Message("user", "Tell me both.")
    called = converse(protocol, aimock(), asked, stream=stream)
    results = tuple(ToolResult(call.id, call.name) for call in called.tool_calls)
    answered = converse(protocol, aimock(), asked, called.message, Message("tool", results), stream=stream)

    assert [(call.name, call.arguments) for call in called.tool_calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_time", {}),
    ]
    assert len({call.id for call in called.tool_calls}) == 2
    assert answered.text == "Noon, and sunny."


@EACH
def test_the_system_message_arrives_as_such(aimock: Callable[..., str], protocol: str) -> None:
    assert ask(protocol, aimock(), "system").text == "kind"
    with pytest.raises(ProviderError, match="No fixture matched"):
        converse(protocol, aimock(), Message("user", "system"))


@EACH
def test_a_second_turn_holds_the_first(aimock: Callable[..., str], protocol: str) -> None:
    first = (Message("user", "hello"), Message("assistant", "Hi there! ☺"))

    assert converse(protocol, aimock(), *first, Message("user", "again")).text == "second"
    with pytest.raises(ProviderError, match="No fixture matched"):
        converse(protocol, aimock(), Message("user", "again"))


@EACH
def test_a_picture_beside_a_text_is_taken(aimock: Callable[..., str], protocol: str) -> None:
    """The server looks at the text alone."""
    asked = Message("user", (TextPart("picture"), ImagePart("image/png", "iVBORw0KGgo=")))

    assert converse(protocol, aimock(), asked).text == "a cat"


@STREAMED
@EACH
def test_thinking_is_told_from_the_answer(aimock: Callable[..., str], protocol: str, *, stream: bool) -> None:
    response = ask(protocol, aimock(), "think", stream=stream)

    assert (response.text, response.thinking) == ("4", "2 and 2")


@STREAMED
@EACH
def test_the_tokens_are_those_that_the_server_counts(
    aimock: Callable[..., str], protocol: str, *, stream: bool
) -> None:
    usage = ask(protocol, aimock(), "count", stream=stream).usage

    assert (usage.input_tokens, usage.output_tokens) == (11, 3)


@pytest.mark.parametrize("protocol", ["openai", "azure"])
def test_a_schema_is_asked_for(aimock: Callable[..., str], protocol: str) -> None:
    """Of the others the server does not look at the form that is asked for."""
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True}}
    asked = Message("user", "schema")

    assert converse(protocol, aimock(), asked, params={"response_format": form}).text == '{"n": 4}'
    with pytest.raises(ProviderError, match="No fixture matched"):
        converse(protocol, aimock(), asked)


@STREAMED
@EACH
def test_an_overloaded_model_is_worth_another_attempt(
    aimock: Callable[..., str], protocol: str, *, stream: bool
) -> None:
    with pytest.raises(ProviderError, match="the model is overloaded") as caught:
        ask(protocol, aimock(), "fail", stream=stream)

    assert (caught.value.kind, caught.value.status, caught.value.retryable) == ("overloaded", 503, True)


@STREAMED
@pytest.mark.parametrize(
    ("protocol", "upstream", "fingerprint"),
    [("openai", "", "fp_1"), ("azure", "", "fp_1"), ("openrouter", "Groq", "fp_1"), ("anthropic", "", "")],
)
def test_who_answered_is_kept(
    aimock: Callable[..., str], protocol: str, upstream: str, fingerprint: str, *, stream: bool
) -> None:
    response = ask(protocol, aimock(), "who", stream=stream)

    assert (response.served_model, response.upstream) == ("model-x-2026-01-31", upstream)
    assert response.system_fingerprint == fingerprint
