"""The least that does the work of agents, a loop over processes: `python agents_loop.py SUITE MODELS WINDOW SCRIPT`."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path


async def main(prompts: list[str], models: int, window: int, script: str) -> None:
    """Run every agent on every scenario in a new folder, `window` at once of each agent, and check what it prints."""
    slots = [asyncio.Semaphore(window) for _ in range(models)]

    async def run(prompt: str, model: int) -> bool:
        async with slots[model]:
            with tempfile.TemporaryDirectory() as folder:
                process = await asyncio.create_subprocess_exec(
                    *("sh", "-c", script, "sh", str(model + 1)),
                    cwd=folder,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                )
                printed, _ = await process.communicate(prompt.encode())
            return process.returncode == 0 and b"ok" in printed

    right = await asyncio.gather(*(run(prompt, model) for prompt in prompts for model in range(models)))
    print(f"{sum(right)} passed")


if __name__ == "__main__":
    asked = [json.loads(line)["prompt"] for line in Path(sys.argv[1]).read_text().splitlines()]
    asyncio.run(main(asked, int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
