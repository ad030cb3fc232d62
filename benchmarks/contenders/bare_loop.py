"""The least that does the work, a loop over httpx: `python bare_loop.py BASE_URL SCENARIOS MODELS WINDOW`."""

from __future__ import annotations

import asyncio
import sys

import httpx


async def main(base_url: str, scenarios: int, models: int, window: int) -> None:
    """Ask every model every question, `window` at once for each model, and check each answer."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    slots = [asyncio.Semaphore(window) for _ in range(models)]
    async with httpx.AsyncClient(timeout=180, limits=limits) as client:

        async def run(scenario: int, model: int) -> bool:
            async with slots[model]:
                prompt = f"Question {scenario}: what is six times seven?"
                body = {"model": f"m{model}", "messages": [{"role": "user", "content": prompt}]}
                response = await client.post(f"{base_url}/chat/completions", json=body)
                text: str = response.raise_for_status().json()["choices"][0]["message"]["content"]
                return "forty-two" in text

        right = await asyncio.gather(
            *(run(scenario, model) for scenario in range(scenarios) for model in range(models))
        )
    print(f"{sum(right)} passed")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:5])))
