"""Runs that end within a conversation: what was answered is kept, and neither asked nor paid again."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

import pytest

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.store import Store
from tests.plugin.plugin_parts import Project
from tests.plugin.plugin_process import live_session
from tests.plugin.plugin_results import JSON, results

# A model that calls a tool twice and then answers. At its third question it does what `third` says, unless there is a
# file `go`. It notes each question that it is asked.
CONFTEST = """
import asyncio, pathlib
from pytest_benchmodels import ProviderError, Response, ToolCall, Usage

async def ask(request):
    said = [message for message in request.messages if message.role == "assistant"]
    name = request.messages[0].content.split()[0]
    with open("asked.txt", "a") as file:
        file.write(f"{name} {len(said)}\\n")
    if len(said) == 2 and not pathlib.Path("go").exists():
        THIRD
    usage = Usage(10, 5)
    if request.tools and len(said) < 3:
        return Response("", usage=usage, tool_calls=(ToolCall(f"c{len(said)}", "look", {"at": len(said)}),))
    return Response(f"answer {len(said)}", usage=usage)

def pytest_bench_models():
    return {"steps": ask}
"""
HANGS, FAILS = "await asyncio.Event().wait()", 'raise ProviderError("bad-request", "no", status=400)'
PRICE = "[model.steps]\nprice = {input = 100000, output = 0}\n"
TOOLS = {"tools": [{"name": "look", "results": ["one", "two", "three"]}]}
WANTED = {"loop": [0, 1, 2, 3], "turns": [0, 1, 2]}


@pytest.fixture
def steps(project: Project) -> Project:
    """A scenario with a loop of tools, and one with turns; both stand still at their third question."""
    project.write("conftest.py", CONFTEST.replace("THIRD", HANGS))
    project.write("bench.toml", PRICE)
    checks = {"checks": [{"contains": "answer 3"}]}
    loop: dict[str, object] = {"id": "loop", "prompt": "loop", "models": ["steps"], **TOOLS, **checks}
    turns = [{"prompt": f"turns {number}", "checks": [{"contains": f"answer {number}"}]} for number in range(3)]
    project.suite(loop, {"id": "turns", "models": ["steps"], "turns": turns}, models=())
    return project


def asked(project: Project) -> Mapping[str, list[int]]:
    """Which question, counted from 0, each scenario's model was asked, in order."""
    noted: dict[str, list[int]] = {}
    for line in (project.path / "asked.txt").read_text(encoding="utf-8").splitlines():
        name, number = line.split()
        noted.setdefault(name, []).append(int(number))
    return noted


def begun(project: Project) -> Counter[int]:
    """How many conversations the store has that go on, by how many answers they have."""
    path = project.path / ".benchmodels/store.sqlite"
    if not path.exists():
        return Counter()
    with suppress(StoreError), Store.open_to_read(path) as store:  # it may be in the making
        return Counter(len(each.answers) for name, each in store.responses.each() if name.startswith("begun:"))
    return Counter()


def stop_within(project: Project, number: signal.Signals, *arguments: str) -> None:
    """Run until both conversations have two answers and wait for their third, and end the session then."""

    def is_due() -> bool:
        return begun(project) == {2: 2} and all(numbers[-1] == 2 for numbers in asked(project).values())

    with live_session(project.path, *arguments) as session:
        session.wait_until(is_due)
        session.send(number)
        session.end()


def bills(project: Project) -> dict[str, tuple[float | None, int | None, list[bool]]]:
    """Cost, tokens of the prompts, and which calls were there already, by scenario."""
    return {
        run["scenario"]: (run["cost_usd"], run["usage"]["input_tokens"], [call["cached"] for call in run["calls"]])
        for run in results(project).values()
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_answers_survive_the_end_of_a_session(steps: Project, workers: tuple[str, ...], number: signal.Signals) -> None:
    stop_within(steps, number, *workers)
    steps.write("go", "")

    result = steps.bench("--bench-resume", JSON, *workers)

    result.assert_outcomes(passed=2)
    assert asked(steps) == {"loop": [0, 1, 2, 2, 3], "turns": [0, 1, 2, 2]}, "the third one was not answered"
    assert bills(steps) == {
        "loop": (4.0, 40, [True, True, False, False]),
        "turns": (3.0, 30, [True, True, False]),
    }
    assert begun(steps) == {}, "what has come to its end is kept as a whole"


LOST = """    if len(said) == 1 and not pathlib.Path(f"lost-{name}").exists():
        pathlib.Path(f"lost-{name}").touch()
        raise ProviderError("connection", "lost", retryable=True, retry_after_s=0.001)
    usage ="""


def test_what_nobody_knows_to_be_free_is_unknown_in_the_next_session(steps: Project, workers: tuple[str, ...]) -> None:
    steps.write("conftest.py", CONFTEST.replace("THIRD", HANGS).replace("    usage =", LOST))
    stop_within(steps, signal.SIGINT, *workers)
    steps.write("go", "")

    steps.bench("--bench-resume", JSON, *workers).assert_outcomes(passed=2)

    assert asked(steps) == {"loop": [0, 1, 1, 2, 2, 3], "turns": [0, 1, 1, 2, 2]}
    assert [(cost, tokens) for cost, tokens, _ in bills(steps).values()] == [(None, None)] * 2


def test_a_new_session_with_the_cache_goes_on_too(steps: Project, workers: tuple[str, ...]) -> None:
    stop_within(steps, signal.SIGINT, *workers)
    steps.write("go", "")

    steps.bench("--bench-cache", *workers).assert_outcomes(passed=2)

    assert asked(steps) == {"loop": [0, 1, 2, 2, 3], "turns": [0, 1, 2, 2]}


def test_a_new_session_without_it_asks_all(steps: Project) -> None:
    stop_within(steps, signal.SIGINT)
    steps.write("go", "")

    steps.bench().assert_outcomes(passed=2)

    assert asked(steps) == {"loop": [0, 1, 2, 0, 1, 2, 3], "turns": [0, 1, 2, 0, 1, 2]}


def test_a_question_that_fails_is_asked_again_alone(steps: Project, workers: tuple[str, ...]) -> None:
    steps.write("conftest.py", CONFTEST.replace("THIRD", FAILS))
    steps.bench(JSON, *workers).assert_outcomes(errors=2)
    first = bills(steps)
    steps.write("go", "")

    steps.bench("--bench-resume", JSON, *workers).assert_outcomes(passed=2)

    assert asked(steps) == {"loop": [0, 1, 2, 2, 3], "turns": [0, 1, 2, 2]}
    assert {name: (cost, tokens) for name, (cost, tokens, _) in first.items()} == {
        "loop": (2.0, 20),
        "turns": (2.0, 20),
    }
    assert {name: (cost, tokens) for name, (cost, tokens, _) in bills(steps).items()} == {
        "loop": (4.0, 40),
        "turns": (3.0, 30),
    }


def test_what_timed_out_goes_on_with_the_cache(steps: Project, workers: tuple[str, ...]) -> None:
    steps.bench("--bench-timeout=1", *workers).assert_outcomes(failed=2)
    steps.write("go", "")

    steps.bench("--bench-cache", JSON, *workers).assert_outcomes(passed=2)

    assert asked(steps) == {"loop": [0, 1, 2, 2, 3], "turns": [0, 1, 2, 2]}


def test_a_changed_question_is_asked_from_its_beginning(steps: Project) -> None:
    stop_within(steps, signal.SIGINT)
    steps.write("go", "")
    text = (steps.path / "suite.yaml").read_text(encoding="utf-8")
    steps.write("suite.yaml", text.replace('"three"', '"four"').replace("turns 2", "turns two"))

    steps.bench("--bench-resume").assert_outcomes(passed=2)

    assert asked(steps) == {"loop": [0, 1, 2, 0, 1, 2, 3], "turns": [0, 1, 2, 0, 1, 2]}


def test_a_stored_answer_costs_the_budget_nothing(steps: Project) -> None:
    stop_within(steps, signal.SIGINT)
    steps.write("go", "")

    steps.bench("--bench-resume", "--bench-budget=3.5", "--bench-concurrency=1").assert_outcomes(passed=2)
