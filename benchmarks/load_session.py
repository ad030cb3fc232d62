"""One session of the plugin against a simulated server that limits and fails, and what both sides say of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_benchmodels import SimServer

from .contest import Work, pytest_command
from .measure import MeasureError, measure

__all__ = ["Load", "Session", "run_session"]

Knobs = Mapping[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Load:
    """`knobs` are those of `docs/simulated.md`, `limits` lines of each model's table in bench.toml.

    `judge` are the knobs of the model that judges each answer; None where checks ask nobody.
    """

    work: Work
    knobs: Knobs
    limits: Mapping[str, float] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    judge: Knobs | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """How a session ended. Times are in seconds; `seen` is what the server counted for each model."""

    makespan_s: float
    lower_bound_s: float
    statuses: Mapping[str, int]
    seen: tuple[Mapping[str, Any], ...]

    @property
    def requests(self) -> int:
        return sum(model["requests"] for model in self.seen)

    @property
    def refused(self) -> int:
        """Requests that met a limit of the server."""
        return sum(model["refused"] for model in self.seen)


def run_session(folder: Path, load: Load) -> Session:
    """Run the whole command; raises `MeasureError` unless every run has a result."""
    folder.mkdir(parents=True, exist_ok=True)
    with SimServer() as server:
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "bench.toml").write_text(_config(server.url, load))
        (folder / "suite.jsonl").write_text(_scenarios(load))
        # A gate that always holds: a run that timed out, as some are to, does not fail the command.
        gates = ("--bench-gate=score >= 0", "--bench-gate=graded >= 0")
        options = ("-p", "no:cacheprovider", "--bench-store=none", "--bench-json=out.json", *gates)
        measure(pytest_command("--bench", "suite.jsonl", *options, *load.options), folder)
        seen = tuple(server.stats().values())
    run = json.loads((folder / "out.json").read_text())["run"]
    if sum(run["statuses"].values()) != load.work.runs:
        raise MeasureError(f"{run['statuses']} are not the ends of {load.work.runs} runs")
    return Session(run["makespan_s"], run["lower_bound_s"], run["statuses"], seen)


def _config(url: str, load: Load) -> str:
    names = [f"m{number}" for number in range(load.work.models)]
    tables = []
    for name in names:
        # Equal answers would be judged once.
        own = {"bucket": name} if load.judge is None else {"bucket": name, "text": f"42, says {name}"}
        knobs = ", ".join(f"{knob} = {json.dumps(value)}" for knob, value in {**load.knobs, **own}.items())
        lines = [f'provider = "sim"\nname = "steady"\nbase_url = "{url}"', f"params = {{sim = {{{knobs}}}}}"]
        lines += [f"{limit} = {value}" for limit, value in load.limits.items()]
        tables.append("\n".join((f"[model.{name}]", *lines)))
    if load.judge is not None:
        knobs = ", ".join(f"{knob} = {json.dumps(value)}" for knob, value in load.judge.items())
        lines = [f'provider = "sim"\nname = "judge"\nbase_url = "{url}"', f"params = {{sim = {{{knobs}}}}}"]
        tables.append("\n".join(('[judge]\nmodel = "a-judge"\n\n[model.a-judge]', *lines)))
    return "\n\n".join((f"models = {json.dumps(names)}", *tables))


def _scenarios(load: Load) -> str:
    check = {"equals": "42"} if load.judge is None else {"judge": "Is it the product?", "reference": "42"}
    records = (
        {
            "id": f"s{number}",
            "prompt": f"Question {number}: what is six times seven?",
            "checks": [check],
            "target": "42",
        }
        for number in range(load.work.scenarios)
    )
    return "".join(f"{json.dumps(record)}\n" for record in records)
