"""Error bodies of real APIs, each with its source (recorded_errors.jsonl): what each comes to.

The words are as they were recorded; names of organizations are shortened. Where a source shows the message alone, its
envelope is that of the API's documentation.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_benchmodels import Message, Model, ProviderError, Request
from pytest_benchmodels.providers import create
from pytest_benchmodels.providers.http import HttpPool

if TYPE_CHECKING:
    from tests.providers.conftest import CannedServer, HttpText

RECORDED: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__).with_name("recorded_errors.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("recorded", RECORDED, ids=[recorded["about"] for recorded in RECORDED])
def test_a_recorded_error_is_of_its_kind(recorded: dict[str, Any], canned: CannedServer, http_text: HttpText) -> None:
    async def exchange() -> ProviderError:
        async with canned(http_text(recorded["status"], json.dumps(recorded["body"]).encode())) as server:
            pool = HttpPool()
            model = Model("m", recorded["provider"], "the-model", server.url)
            try:
                with pytest.raises(ProviderError) as caught:
                    await create(model, pool).complete(Request(model, (Message("user", "Hi"),)))
            finally:
                await pool.aclose()
            return caught.value

    error = asyncio.run(exchange())

    assert (error.kind, error.retryable) == (recorded["kind"], recorded["retried"])
    told = recorded.get("remedy", "")
    assert told in error.remedy, error.remedy
    assert bool(told) == bool(error.remedy), f"the kind's own remedy fits: {error.remedy}"


def test_each_has_a_source() -> None:
    assert all(recorded["source"].startswith("https://") for recorded in RECORDED)
    assert len({recorded["about"] for recorded in RECORDED}) == len(RECORDED)
