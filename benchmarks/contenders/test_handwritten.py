"""What a team writes without the plugin: one parametrized test, a client for the session, `-n 20` for speed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest

SCENARIOS, MODELS = int(os.environ["BENCH_SCENARIOS"]), int(os.environ["BENCH_MODELS"])


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(base_url=os.environ["BENCH_URL"], timeout=180) as client:
        yield client


@pytest.mark.parametrize("model", range(MODELS))
@pytest.mark.parametrize("scenario", range(SCENARIOS))
def test_answer(client: httpx.Client, scenario: int, model: int) -> None:
    prompt = f"Question {scenario}: what is six times seven?"
    body = {"model": f"m{model}", "messages": [{"role": "user", "content": prompt}]}
    response = client.post("/chat/completions", json=body)
    text = response.raise_for_status().json()["choices"][0]["message"]["content"]
    assert "forty-two" in text  # noqa: S101 - a test
