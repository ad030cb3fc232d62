"""What a permit costs: `python -m benchmarks.limiter COUNT [FILE]` takes permits and prints the seconds of CPU.

Limits are so high that nobody waits; processes that are given the same file share them in it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from pytest_benchmodels.core.call import Request
from pytest_benchmodels.core.message import Message, Usage
from pytest_benchmodels.core.model import Limit, Model
from pytest_benchmodels.engine.limiter import Limiter, MemoryLimiter, RateLimits, SqliteLimiter, Unlimited

__all__ = ["cost_ms", "main"]

_ROOT = Path(__file__).parents[1]
_NO_LIMIT = 1e12


def cost_ms(file: Path | None, processes: int, permits: int) -> float:
    """Milliseconds of CPU for each of `permits` that each of `processes` takes at the same time as the others."""
    command = [sys.executable, "-m", "benchmarks.limiter", str(permits), *([str(file)] if file else [])]
    running = [subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    spent_s = sum(float(process.communicate()[0]) for process in running)
    return spent_s / (processes * permits) * 1000


async def main(count: int, limiter: Limiter) -> float:
    """Take permits one after the other, each settled by what its answer took; return the seconds of CPU."""
    limits = (Limit("rpm of m", "rpm", _NO_LIMIT), Limit("tpm of m", "tpm", _NO_LIMIT))
    model = Model("m", "sim", "steady", "http://127.0.0.1/v1", limits=limits)
    request = Request(model, (Message("user", "What is six times seven?"),))
    permits = RateLimits(limiter, Unlimited())
    async with permits.hold(request):  # opens the file
        start = time.process_time()
    for _ in range(count):
        async with permits.hold(request) as permit:
            pass
        await permits.settle(permit, request, Usage(6, 2))
    return time.process_time() - start


if __name__ == "__main__":
    shared = SqliteLimiter(sys.argv[2]) if sys.argv[2:] else MemoryLimiter()
    print(asyncio.run(main(int(sys.argv[1]), shared)))
