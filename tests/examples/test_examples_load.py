from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.program import RunProgram
from pytest_benchmodels.core.result import CheckResult, passes
from pytest_benchmodels.core.scenario import Check, Scenario
from pytest_benchmodels.engine.grading import judge
from pytest_benchmodels.formats import LoadOptions, load
from pytest_benchmodels.graders import BUILTIN, Extract, example_answer
from tests.graders.grading_contexts import context
from tests.workspaces.runners import best_runner

EXAMPLES = Path(__file__).parents[2] / "examples"
PATTERNS = ("*.yaml", "*.yml", "*.json", "*.jsonl")
DATA = {"test-20.jsonl", "date_understanding-10.json", "object_counting-10.json", "biology_qa.jsonl"}
# Those of ze-benchmarks name no models, and have tests of their own.
ZE = EXAMPLES / "ze"
FILES = sorted(path for pattern in PATTERNS for path in EXAMPLES.rglob(pattern) if ZE not in path.parents)


def load_example(path: Path) -> tuple[Scenario, ...] | None:
    return load(path, path.relative_to(EXAMPLES).as_posix(), LoadOptions(graders=BUILTIN, extraction=Extract))


@pytest.fixture(scope="module")
def scenarios() -> list[Scenario]:
    return [scenario for path in FILES for scenario in load_example(path) or ()]


def checks_of(scenario: Scenario) -> Iterator[Check]:
    for turn in scenario.turns:
        yield from turn.checks
    yield from scenario.checks


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_scenarios_or_data(path: Path) -> None:
    assert (load_example(path) is None) == (path.name in DATA)


def test_there_is_much_to_learn_from(scenarios: list[Scenario]) -> None:
    assert len({scenario.source for scenario in scenarios}) >= 30
    assert {check.kind for scenario in scenarios for check in checks_of(scenario)} == set(BUILTIN)


def test_ids_are_unique_in_each_file() -> None:
    for path in FILES:
        ids = [scenario.id for scenario in load_example(path) or ()]
        assert len(set(ids)) == len(ids)


def test_every_example_runs_without_a_key(scenarios: list[Scenario]) -> None:
    assert {model for scenario in scenarios for model in scenario.models} == {
        "sim/steady",
        "sim/flaky",
        "sim/slow",
        "sim/agent",
    }
    assert all(scenario.models for scenario in scenarios)


@pytest.fixture(scope="module")
def programs() -> Iterator[RunProgram]:
    with best_runner() as runner:
        yield runner


def passes_with_a_right_answer(scenario: Scenario, programs: RunProgram) -> bool:
    """Whether a simulated model that answers rightly passes, turn by turn."""

    async def verdicts() -> bool:
        found: tuple[CheckResult, ...] = ()
        for number, turn in enumerate(scenario.turns, 1):
            final = number == len(scenario.turns)
            checks = turn.checks + scenario.checks if final else turn.checks
            text = example_answer(checks, scenario.target if final else None)
            answer = Response(text, "stop", Usage(1, 1, stated_cost_usd=0))
            found += await judge(checks, context(answer, *checks, running=programs))
        return passes(found, scenario.threshold)

    return asyncio.run(verdicts())


def test_a_right_answer_passes_and_a_known_weakness_does_not(scenarios: list[Scenario], programs: RunProgram) -> None:
    # What a tool or another model gives back, and what is in a workspace, is seen in a session only: others run them.
    alone = [each for each in scenarios if not each.tools and not each.asked_models and each.workspace is None]
    failing = [scenario.id for scenario in alone if not passes_with_a_right_answer(scenario, programs)]
    assert failing == [scenario.id for scenario in scenarios if scenario.xfail]
    assert failing


def test_something_is_skipped_repeated_and_given_time(scenarios: list[Scenario]) -> None:
    assert any(scenario.skip for scenario in scenarios)
    assert any(scenario.repeat for scenario in scenarios)
    assert any(scenario.timeout_s for scenario in scenarios)


def test_the_table_of_contents_names_every_file() -> None:
    table = (EXAMPLES / "README.md").read_text("utf-8")
    for path in FILES:
        if path.name not in DATA:
            assert f"({path.relative_to(EXAMPLES).as_posix()})" in table


def test_real_records_lie_beside_their_licence() -> None:
    folders = {path.parent for path in FILES if path.name in DATA}
    assert {folder.name for folder in folders} == {"gsm8k", "bbh", "biology_qa"}
    for folder in folders:
        assert "Permission is hereby granted" in (folder / "LICENSE").read_text("utf-8")
