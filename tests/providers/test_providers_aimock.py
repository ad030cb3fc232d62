"""All three protocols against a server that nobody here wrote: @copilotkit/aimock, from npm.

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
    from collections.abc import Callable, Iterator

KEY_ENV = "BENCH_AIMOCK_KEY"
KEY = "sk-aimock-secret-1"
CALLED = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
FIXTURES = {
    "fixtures": [
        {"match": {"userMessage": "hello"}, "response": {"content": "Hi there! ☺"}},
        {"match": {"userMessage": "weather", "hasToolResult": False}, "response": {"toolCalls": [CALLED]}},
        {"match": {"userMessage": "weather", "hasToolResult": True}, "response": {"content": "It is sunny."}},
    ]
}
PROTOCOLS = ["openai", "anthropic", "google"]


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
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
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


def converse(protocol: str, address: str, *talk: Message, stream: bool = False) -> Response:
    base_url = f"{address}/v1" if protocol == "openai" else address
    model = Model(f"{protocol}/m", protocol, "model-x", base_url, KEY_ENV, stream=stream)

    async def exchange() -> Response:
        pool = HttpPool()
        try:
            return await create(model, pool).complete(Request(model, talk, {"temperature": 0, "max_tokens": 50}))
        finally:
            await pool.aclose()

    return asyncio.run(exchange())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_of_each_protocol(aimock: Callable[..., str], protocol: str, *, stream: bool) -> None:
    response = ask(protocol, aimock(), stream=stream)

    assert response.text == "Hi there! ☺"
    assert response.finish_reason in {"stop", "end_turn", "STOP"}
    assert response.usage.output_tokens is not None
    assert (response.ttft_s is not None) == stream


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_tool_that_is_called_gets_its_result_back(aimock: Callable[..., str], protocol: str, *, stream: bool) -> None:
    asked = Message("user", (TextPart("How is the weather?"), ImagePart("image/png", "iVBORw0KGgo=")))
    called = converse(protocol, aimock(), asked, stream=stream)
    results = tuple(ToolResult(call.id, "sunny") for call in called.tool_calls)
    answered = converse(protocol, aimock(), asked, called.message, Message("tool", results), stream=stream)

    assert [(call.name, call.arguments) for call in called.tool_calls] == [("get_weather", {"city": "Paris"})]
    assert (answered.text, answered.tool_calls) == ("It is sunny.", ())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_prompt_without_a_fixture_is_an_error_in_the_servers_words(aimock: Callable[..., str], protocol: str) -> None:
    with pytest.raises(ProviderError, match="No fixture matched") as caught:
        ask(protocol, aimock(), "something else")

    assert (caught.value.kind, caught.value.status, caught.value.retryable) == ("not-found", 404, False)
    assert KEY not in caught.value.message


@pytest.mark.parametrize("protocol", PROTOCOLS)
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
