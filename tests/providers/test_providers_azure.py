"""Azure OpenAI's addresses and keys, asked over a server that keeps what it got."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels import Message, Model, Request
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.http import HttpPool
from pytest_benchmodels.providers.openai import Azure

if TYPE_CHECKING:
    from tests.providers.conftest import CannedServer, HttpText

VERSION = (("api-version", "2024-10-21"),)
DEPLOYMENT = "http://host/openai/deployments/my%20mini/chat/completions"


@pytest.mark.parametrize(
    ("base", "query", "url"),
    [
        ("http://host", (), "http://host/openai/v1/chat/completions"),
        ("http://host/", (), "http://host/openai/v1/chat/completions"),
        ("http://host/openai", (), "http://host/openai/v1/chat/completions"),
        ("http://host/openai/v1", (), "http://host/openai/v1/chat/completions"),
        ("http://host", VERSION, DEPLOYMENT),
        ("http://host/openai", VERSION, DEPLOYMENT),
        ("http://host/openai/deployments/other", VERSION, "http://host/openai/deployments/other/chat/completions"),
    ],
)
def test_the_address(base: str, query: tuple[tuple[str, str], ...], url: str) -> None:
    assert Azure().url(Model("m", "azure", "my mini", base, query=query)) == url


@pytest.mark.parametrize(
    ("variable", "header"),
    [("AZURE_OPENAI_API_KEY", b"api-key: secret-1"), ("AZURE_OPENAI_AD_TOKEN", b"Authorization: Bearer secret-1")],
)
def test_the_key_goes_out_in_its_own_way(
    variable: str, header: bytes, canned: CannedServer, http_text: HttpText, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "secret-1")
    answer = json.dumps({"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}).encode()

    async def exchange() -> bytes:
        async with canned(http_text(200, answer)) as server:
            pool = HttpPool()
            host = server.url.removesuffix("/v1")
            model = Model("m", "azure", "mini", host, api_key_env=variable, query=VERSION)
            try:
                assert (await create(model, pool).complete(Request(model, (Message("user", "Hi"),)))).text == "4"
            finally:
                await pool.aclose()
            return bytes(server.requests[0])

    sent = asyncio.run(exchange())

    assert sent.startswith(b"POST /openai/deployments/mini/chat/completions?api-version=2024-10-21 HTTP/1.1")
    assert header in sent.splitlines()
