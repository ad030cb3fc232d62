"""The same work, done by each contender: the plugin, a bare loop, a hand-written test file."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from .latency_server import Seen
from .measure import Cost, MeasureError, measure
from .server import Server

__all__ = ["WINDOW", "Contest", "Done", "Work", "pytest_command"]

WINDOW = 20
"""Runs of one model in flight at once."""

_CONTENDERS = Path(__file__).parent / "contenders"


@dataclass(frozen=True, slots=True)
class Work:
    scenarios: int
    models: int

    @property
    def runs(self) -> int:
        return self.scenarios * self.models


@dataclass(frozen=True, slots=True)
class Done:
    """What a contender's command cost, and what the server saw of it."""

    cost: Cost
    seen: Seen

    @property
    def start_up_s(self) -> float:
        """Seconds from the command's start to its first request."""
        return self.seen.first_at - self.cost.started_at


def pytest_command(*options: str) -> list[str]:
    """pytest, as quiet as it gets."""
    return [sys.executable, "-m", "pytest", "-q", *options]


class Contest:
    """A project with one scenario file and a server's address, for all who do its work.

    Each method runs one contender to its end and raises `MeasureError` unless it did all of the work.
    """

    def __init__(self, folder: Path, server: Server, work: Work) -> None:
        self.work = work
        self._server = server
        self.folder = folder / f"{work.scenarios}x{work.models}"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "pytest.ini").write_text("[pytest]\n")
        (self.folder / "bench.toml").write_text(_config(server.url, work.models))
        (self.folder / "suite.jsonl").write_text(_scenarios(work.scenarios))

    def plugin(self, *options: str) -> Done:
        """`pytest --bench`, with further options."""
        return self._done(self.session(*options))

    def session(self, *options: str) -> Cost:
        """The same, of a session that is not to do the work: it may send fewer requests, or none."""
        return measure(self.plugin_command(*options), self.folder)

    def plugin_command(self, *options: str) -> list[str]:
        return pytest_command("--bench", "suite.jsonl", f"--bench-concurrency={WINDOW}", *options)

    def bare_loop(self) -> Done:
        """A loop over httpx, with the same number of requests in flight."""
        arguments = (self._server.url, *map(str, (self.work.scenarios, self.work.models, WINDOW)))
        return self._done(measure([sys.executable, str(_CONTENDERS / "bare_loop.py"), *arguments], self.folder))

    def aiohttp_loop(self, latencies: str) -> Done:
        """The same over aiohttp; the file gets what each request took, see there."""
        arguments = (self._server.url, *map(str, (self.work.scenarios, self.work.models, WINDOW)), latencies)
        return self._done(measure([sys.executable, str(_CONTENDERS / "aiohttp_loop.py"), *arguments], self.folder))

    def handwritten(self, *options: str) -> Done:
        """A parametrized test file, without the plugin."""
        variables = {
            "BENCH_URL": self._server.url,
            "BENCH_SCENARIOS": str(self.work.scenarios),
            "BENCH_MODELS": str(self.work.models),
        }
        tests = str(_CONTENDERS / "test_handwritten.py")
        command = pytest_command("-p", "no:benchmodels", "-p", "no:cacheprovider", f"--rootdir={_CONTENDERS}", tests)
        return self._done(measure([*command, *options], self.folder, variables))

    def _done(self, cost: Cost) -> Done:
        seen = self._server.seen()
        if seen.requests != self.work.runs or f"{self.work.runs} passed" not in cost.output:
            raise MeasureError(f"{seen.requests} requests for {self.work.runs} runs:\n{cost.output[-2000:]}")
        return Done(cost, seen)


def _config(base_url: str, models: int) -> str:
    names = [f"m{number}" for number in range(models)]
    tables = (f'[model.{name}]\nprovider = "openai"\nbase_url = "{base_url}"\nname = "{name}"\n' for name in names)
    return f"models = {json.dumps(names)}\n\n" + "\n".join(tables)


def _scenarios(count: int) -> str:
    records = (
        {
            "id": f"s{number}",
            "prompt": f"Question {number}: what is six times seven?",
            "checks": [{"contains": "forty-two"}],
        }
        for number in range(count)
    )
    return "".join(f"{json.dumps(record)}\n" for record in records)
