"""Tokens that only some of a run's answers report: the known part of them, told alike in every way."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, Scenario, json_report

MODEL = """
from pathlib import Path

from pytest_benchmodels import Response, Usage


def thinks_first(request):
    '''Tells of thinking and of its cache in the first turn only, as Gemini does, which leaves out what is 0.'''
    if "4 + 4" in request.messages[0].content and Path(__file__).with_name("down").exists():
        raise RuntimeError("not now")
    if len(request.messages) == 1:
        return Response("4", usage=Usage(10, 5, cached_input_tokens=8, reasoning_tokens=3))
    return Response("4", usage=Usage(20, 2))


def pytest_bench_models():
    return {"my/thinker": thinks_first}
"""


@pytest.fixture
def thinker(project: Project) -> Project:
    project.write("conftest.py", MODEL)
    for name, asked in (("a", "2 + 2?"), ("b", "4 + 4?")):
        turns = [{"prompt": asked}, {"prompt": "Sure?"}]
        made: Scenario = {"id": name, "turns": turns, "checks": [{"equals": "4"}]}
        project.suite(made, name=f"{name}.yaml", models=["my/thinker"])
    return project


def usages(document: dict[str, Any]) -> dict[str, tuple[object, ...]]:
    """Of each result: all tokens, the known ones, those of its calls, and of its answers."""
    return {
        result["scenario"]: (
            result["usage"],
            result["known_usage"],
            [(call["cached_input_tokens"], call["reasoning_tokens"]) for call in result["calls"]],
            [answer["usage"] for answer in result["answers"]],
        )
        for result in document["results"]
    }


def test_the_known_part_is_told_and_the_whole_is_unknown(thinker: Project, workers: tuple[str, ...]) -> None:
    thinker.bench("--bench-json=b.json", *workers)

    for whole, known, calls, _ in usages(json_report(thinker.path / "b.json")).values():
        assert isinstance(whole, dict)
        assert isinstance(known, dict)
        assert (whole["input_tokens"], whole["cached_input_tokens"], whole["reasoning_tokens"]) == (30, None, None)
        assert (known["output_tokens"], known["cached_input_tokens"], known["reasoning_tokens"]) == (7, 8, 3)
        assert calls == [(8, 3), (None, None)]


def test_it_is_the_same_in_every_way(thinker: Project, workers: tuple[str, ...]) -> None:
    thinker.bench("--bench-json=live.json", *workers)
    live = usages(json_report(thinker.path / "live.json"))
    assert len(live) == 2

    ways = {"cached": "--bench-cache", "regraded": "--bench-regrade"}
    for name, option in ways.items():
        thinker.bench(option, f"--bench-json={name}.json", *workers)
    thinker.write("down", "")
    thinker.bench("--bench-store=b.db", *workers)
    (thinker.path / "down").unlink()
    thinker.bench("--bench-store=b.db", "--bench-resume", "--bench-json=resumed.json", *workers)
    store = str(thinker.path / ".benchmodels" / "store.sqlite")
    assert main(["report", "-3", "--store", store, "--json", str(thinker.path / "rebuilt.json")]) == 0

    for name in (*ways, "resumed", "rebuilt"):
        assert usages(json_report(thinker.path / f"{name}.json")) == live, name
