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
    """So many scenarios, each asked of so many models. One of `wrong_every` has a check that fails; of 0 none has."""

    scenarios: int
    models: int
    wrong_every: int = 0

    @property
    def runs(self) -> int:
        return self.scenarios * self.models

    @property
    def passed(self) -> int:
        return self.runs - self.failed

    @property
    def failed(self) -> int:
        return -(-self.scenarios // self.wrong_every) * self.models if self.wrong_every else 0


@dataclass(frozen=True, slots=True)
class Done:
    """What a contender's command cost, and what the server saw of it."""

    cost: Cost
    seen: Seen

    @property
    def start_up_s(self) -> float:
        """Seconds from the command's start to its first request."""
        return self.seen.first_at - self.cost.started_at

    @property
    def after_s(self) -> float:
        """Seconds from the last answer to the command's end."""
        return self.cost.ended_at - self.seen.last_at


def pytest_command(*options: str) -> list[str]:
    """pytest, as quiet as it gets."""
    return [sys.executable, "-m", "pytest", "-q", *options]


class Contest:
    """A project with one scenario file and a server's address, for all who do its work.

    Each method runs one contender to its end and raises `MeasureError` unless it did all of the work.
    """

    def __init__(self, folder: Path, server: Server, work: Work, window: int = WINDOW, *, stream: bool = False) -> None:
        self.work = work
        self.window = window
        self._server = server
        self.folder = folder / f"{work.scenarios}x{work.models}{'-streamed' if stream else ''}"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "pytest.ini").write_text("[pytest]\n")
        (self.folder / "bench.toml").write_text(_config(server.url, work.models, "stream = true\n" if stream else ""))
        (self.folder / "suite.jsonl").write_text(_scenarios(work))

    def plugin(self, *options: str) -> Done:
        """`pytest --bench`, with further options."""
        return self._done(self.session(*options))

    def session(self, *options: str) -> Cost:
        """The same, of a session that is not to do the work: it may send fewer requests, or none."""
        return measure(self.plugin_command(*options), self.folder)

    def watched(self, *options: str) -> Done:
        """`pytest --bench`, whose checks may fail, with the memory of all its processes watched."""
        status = 1 if self.work.failed else 0
        return self._done(measure(self.plugin_command(*options), self.folder, status=status, watched=True))

    def plugin_command(self, *options: str) -> list[str]:
        return pytest_command("--bench", "suite.jsonl", f"--bench-concurrency={self.window}", *options)

    def bare_loop(self) -> Done:
        """A loop over httpx, with the same number of requests in flight."""
        arguments = (self._server.url, *map(str, (self.work.scenarios, self.work.models, self.window)))
        return self._done(measure([sys.executable, str(_CONTENDERS / "bare_loop.py"), *arguments], self.folder))

    def aiohttp_loop(self, *latencies: str) -> Done:
        """The same over aiohttp; a file, where one is given, gets what each request took, see there."""
        arguments = (self._server.url, *map(str, (self.work.scenarios, self.work.models, self.window)), *latencies)
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
        if seen.requests != self.work.runs or f"{self.work.passed} passed" not in cost.output:
            raise MeasureError(f"{seen.requests} requests for {self.work.runs} runs:\n{cost.output[-2000:]}")
        return Done(cost, seen)


def _config(base_url: str, models: int, more: str) -> str:
    names = [f"m{number}" for number in range(models)]
    same = f'provider = "openai"\nbase_url = "{base_url}"\n{more}'
    tables = (f'[model.{name}]\n{same}name = "{name}"\n' for name in names)
    return f"models = {json.dumps(names)}\n\n" + "\n".join(tables)


def _scenarios(work: Work) -> str:
    records = (
        {
            "id": f"s{number}",
            "prompt": f"Question {number}: what is six times seven?",
            "checks": [{"contains": _wanted(number, work.wrong_every)}],
        }
        for number in range(work.scenarios)
    )
    return "".join(f"{json.dumps(record)}\n" for record in records)


def _wanted(number: int, wrong_every: int) -> str:
    """What no answer holds, of one scenario in so many."""
    return "forty-three" if wrong_every and number % wrong_every == 0 else "forty-two"
