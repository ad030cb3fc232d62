"""The same as `bare_loop.py` over aiohttp: `python aiohttp_loop.py BASE_URL SCENARIOS MODELS WINDOW [FILE]`.

FILE gets `[[model, prompt, seconds], ...]`, each from before the request to after the last byte.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from time import perf_counter

import aiohttp

Latency = tuple[str, str, float]


async def main(base_url: str, scenarios: int, models: int, window: int) -> list[Latency]:
    """Ask every model every question, `window` at once for each model, and check each answer."""
    slots = [asyncio.Semaphore(window) for _ in range(models)]
    latencies: list[Latency] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def run(scenario: int, model: int) -> bool:
            async with slots[model]:
                prompt = f"Question {scenario}: what is six times seven?"
                body = {"model": f"m{model}", "messages": [{"role": "user", "content": prompt}]}
                start = perf_counter()
                async with client.post(f"{base_url}/chat/completions", json=body) as response:
                    content = await response.read()
                latencies.append((f"m{model}", prompt, perf_counter() - start))
                text: str = json.loads(content)["choices"][0]["message"]["content"]
                return "forty-two" in text

        right = await asyncio.gather(
            *(run(scenario, model) for scenario in range(scenarios) for model in range(models))
        )
    print(f"{sum(right)} passed")
    return latencies


if __name__ == "__main__":
    found = asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:5])))
    if sys.argv[5:]:
        Path(sys.argv[5]).write_text(json.dumps(found))
