"""Who really answered, as the provider tells it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels import Message, Model, Request, Response
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.http import HttpPool

if TYPE_CHECKING:
    from tests.providers.conftest import CannedServer, HttpText

CHOICES = [{"message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}]


@pytest.mark.parametrize(
    ("told", "served"),
    [
        # OpenRouter, "API Reference"; OpenAI, "The chat completion object".
        ({"model": "meta-llama/llama-3.3-70b", "provider": "Cerebras"}, ("meta-llama/llama-3.3-70b", "Cerebras", "")),
        (
            {"model": "gpt-4o-2024-08-06", "system_fingerprint": "fp_44709d6fcb"},
            ("gpt-4o-2024-08-06", "", "fp_44709d6fcb"),
        ),
        ({"provider": {"name": "x"}, "system_fingerprint": None}, ("", "", "")),
    ],
)
def test_it_is_kept_with_the_answer(
    told: dict[str, object], served: tuple[str, str, str], canned: CannedServer, http_text: HttpText
) -> None:
    async def exchange() -> Response:
        async with canned(http_text(200, json.dumps({**told, "choices": CHOICES}).encode())) as server:
            pool = HttpPool()
            model = Model("m", "openrouter", "x", server.url)
            try:
                return await create(model, pool).complete(Request(model, (Message("user", "Hi"),)))
            finally:
                await pool.aclose()

    response = asyncio.run(exchange())

    assert (response.served_model, response.upstream, response.system_fingerprint) == served


@pytest.mark.parametrize(
    ("model", "upstream", "shown"),
    [("llama", "Cerebras", "llama by Cerebras"), ("llama", "", "llama"), ("", "Cerebras", "Cerebras"), ("", "", "")],
)
def test_it_is_shown_in_words(model: str, upstream: str, shown: str) -> None:
    assert Response("4", served_model=model, upstream=upstream).served == shown


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ("gpt-3.5-turbo", "gpt-3.5-turbo-0125"),
        ("gemini-2.0-flash", "models/gemini-2.0-flash-001"),
        ("gemini-2.5-flash-preview", "gemini-2.5-flash-preview-05-20"),
        ("mistral-small-latest", "mistral-small-2506"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"),
        ("claude-haiku-4-5", "claude-haiku-4-5@20251001"),
        ("Llama-3.3-70B", "llama-3.3-70b"),
        ("gpt-4o", ""),
        ("", "anything"),
    ],
)
def test_a_date_behind_the_name_is_the_same_model(asked: str, served: str) -> None:
    assert Response("4", asked_model=asked, served_model=served).answered_by == ""


@pytest.mark.parametrize(
    ("asked", "served", "upstream", "told"),
    [
        ("gpt-4o", "gpt-4o-mini", "", "gpt-4o-mini"),
        ("gpt-4o", "gpt-4o-mini-2024-07-18", "", "gpt-4o-mini-2024-07-18"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06", "", "gpt-4o-2024-08-06"),
        ("gpt-4o-2024-05-13", "gpt-4o", "", "gpt-4o"),
        ("llama-3", "llama-3-405b", "", "llama-3-405b"),
        ("llama", "llama", "Cerebras", "llama by Cerebras"),
        ("llama", "", "Cerebras", "Cerebras"),
    ],
)
def test_any_other_name_is_another_model(asked: str, served: str, upstream: str, told: str) -> None:
    assert Response("4", asked_model=asked, served_model=served, upstream=upstream).answered_by == told
