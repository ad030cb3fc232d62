"""Scenarios that end in a known way, and a project to run them in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

__all__ = [
    "WAITS_FOR_A_FILE",
    "Project",
    "broken",
    "by_both",
    "hanging",
    "json_report",
    "judging_conftest",
    "junit_cases",
    "properties",
    "right",
    "scenario",
    "wrong",
]

Scenario = dict[str, object]

# A check that is over when the session's folder has the file that it names.
WAITS_FOR_A_FILE = """
import pathlib, time
from pytest_benchmodels import Grade, Grader

class Waits(Grader, frozen=True):
    waits_for: str

    def grade(self, response):
        while not pathlib.Path(self.waits_for).exists():
            time.sleep(0.005)  # in a thread of its own, ended by the run's limit
        return Grade.of(True)

def pytest_bench_graders():
    return [Waits]
"""
_JUDGING = """
from pytest_benchmodels import Grade, Grader

class Judged(Grader, frozen=True):
    judged: str
    by: str = "judge"

    def asked_models(self):
        return (self.by,)

    async def grade(self, context):
        answer = await context.ask(self.by, f"{self.judged} QUESTION")
        return Grade.of(True, f"the judge said {answer.text!r}")

    def example(self):
        return "EXAMPLE"

def pytest_bench_graders():
    return [Judged]
"""
_WAITS = """
import pytest
from pytest_benchmodels.engine.backoff import Backoff

def pytest_configure(config):
    patch = pytest.MonkeyPatch()
    patch.setattr(Backoff, "_nominal_s", lambda _, n, cap_s: {seconds})
    config.add_cleanup(patch.undo)
"""


def scenario(name: str, /, sim: dict[str, object] | None = None, **keys: object) -> Scenario:
    """A sum whose result is 4. `sim` turns the simulated model's knobs for this scenario."""
    params = {} if sim is None else {"params": {"sim": sim}}
    return {"id": name, "prompt": "What is 2 + 2?", "checks": [{"equals": "4"}], **params, **keys}


def right(name: str, /, **keys: object) -> Scenario:
    """Passes."""
    return scenario(name, **keys)  # type: ignore[arg-type] # a scenario's keys are none of `sim`


def wrong(name: str, /, **keys: object) -> Scenario:
    """Fails: the model says another number."""
    return scenario(name, {"accuracy": 0}, **keys)


def broken(name: str, /, **keys: object) -> Scenario:
    """Ends as an error: the model's API refuses the request."""
    return scenario(name, {"status": 400}, **keys)


def hanging(name: str, /, timeout: float | None = 0.3, **keys: object) -> Scenario:
    """Ends at its time limit, in seconds: the model never answers."""
    limit = {} if timeout is None else {"timeout": timeout}
    return scenario(name, {"hang_rate": 1}, **limit, **keys)


def judging_conftest(example: str, question: str = "{context.scenario.id} {context.text}") -> str:
    """A check that asks a model, `judge` unless its `by` says another, and passes whatever that says."""
    return _JUDGING.replace("EXAMPLE", example).replace("QUESTION", question)


class Project:
    """A folder of its own, and pytest run in it as a user would."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.path = pytester.path

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def suite(self, *scenarios: Scenario, name: str = "suite.yaml", models: Iterable[str] = ("sim/steady",)) -> Path:
        """Write one scenario file. Each JSON text is a YAML text too."""
        defaults = {"models": list(models)} if models else {}
        return self.write(name, json.dumps({"defaults": defaults, "scenarios": scenarios}))

    def watch(self, url: str, alias: str = "watched", **keys: object) -> None:
        """Let bench.toml name a model that answers at `url`, where its server counts what arrives."""
        entry = {"provider": "sim", "name": "steady", "base_url": url, **keys}
        lines = [f"{name} = {json.dumps(value)}" for name, value in entry.items()]
        path = self.path / "bench.toml"
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        self.write("bench.toml", "\n".join((before, f"[model.{alias}]", *lines)))

    def waits(self, seconds: str) -> None:
        """Let the n-th wait between attempts be drawn from so many seconds, an expression of `n`."""
        self.write("conftest.py", _WAITS.format(seconds=seconds))

    def bench(self, *arguments: str) -> pytest.RunResult:
        """Run `pytest --bench` in this process; warnings are errors."""
        return self._pytester.runpytest_inprocess("--bench", "-Werror", *arguments)

    def bench_process(self, *arguments: str) -> pytest.RunResult:
        """The same in a process of its own, which may be ended."""
        return self._pytester.runpytest_subprocess("--bench", "-Werror", *arguments)


def by_both(names: str, *cases: Any) -> pytest.MarkDecorator:
    """Parametrize `workers` and these names: each case in one process, the last one with two workers too.

    What differs with workers is the way that results take, not the case.
    """
    rows = [((), case) for case in cases] + [(("-n2",), cases[-1])]
    several = "," in names
    return pytest.mark.parametrize(
        f"workers,{names}",
        [
            pytest.param(workers, *(case if several else (case,)), id=f"{'n2' if workers else 'serial'}-{case!s:.40}")
            for workers, case in rows
        ],
    )


def junit_cases(path: Path) -> dict[str, ET.Element]:
    """The test cases of a JUnit file by name; a name that stands twice is an error."""
    cases = list(ET.parse(path).getroot().iter("testcase"))  # noqa: S314 - a file that the test has just made
    found = {case.attrib["name"]: case for case in cases}
    assert len(found) == len(cases), [case.attrib["name"] for case in cases]
    return found


def properties(case: ET.Element) -> dict[str, str]:
    """A test case's properties; a name that stands twice is an error."""
    pairs = [(entry.attrib["name"], entry.attrib["value"]) for entry in case.iter("property")]
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


def json_report(path: Path) -> dict[str, Any]:
    """Any JSON file; NaN and infinity in it are an error, as they are for other readers."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    return document
