"""`sim/agent` plays the script of its scenario's metadata."""

from __future__ import annotations

from typing import Any

import pytest

from tests.docs.docs_reading import PAGES, blocks
from tests.plugin.plugin_parts import Project, scenario
from tests.plugin.plugin_results import JSON, results

ALLOW = "--bench-allow-commands"
LOOK_UP = {
    "name": "look_up",
    "parameters": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
    "results": ["one", "two", "three"],
}


def playing(name: str, script: object, **keys: object) -> dict[str, object]:
    return {**scenario(name, metadata={"sim_agent": script}), "tools": [LOOK_UP], **keys}


def calls(run: dict[str, Any]) -> list[list[tuple[str, object]]]:
    """What each answer called."""
    answers = run["answers"] or [run["response"]]
    return [[(call["name"], call["arguments"]) for call in answer["tool_calls"]] for answer in answers]


def test_steps_are_played_one_after_another(project: Project, workers: tuple[str, ...]) -> None:
    script = [
        {"look_up": {"word": "a"}},
        [{"look_up": "b"}, {"look_up": {"word": "c", "more": 1}}],
        "Done.",
        "This is for a turn that there is not.",
    ]
    project.suite(playing("a", script, checks=[{"equals": "Done."}]), models=["sim/agent"])

    assert project.bench(JSON, *workers).ret == 0

    (run,) = results(project).values()
    assert calls(run) == [
        [("look_up", {"word": "a"})],
        [("look_up", {"word": "b"}), ("look_up", {"word": "c", "more": 1})],
        [],
    ]
    assert run["usage"]["input_tokens"] > 0
    assert run["usage"]["output_tokens"] > 0


def test_a_text_ends_a_turn(project: Project, workers: tuple[str, ...]) -> None:
    script = [{"look_up": "a"}, "First.", "Second.", {"look_up": "b"}, {"look_up": "c"}, "Third."]
    turns = [
        {"prompt": "1", "checks": [{"equals": "First."}]},
        {"prompt": "2", "checks": [{"equals": "Second."}]},
        {"prompt": "3", "checks": [{"equals": "Third."}]},
    ]
    talk = playing("a", script, turns=turns, checks=[])
    del talk["prompt"]
    project.suite(talk, models=["sim/agent"])

    assert project.bench(JSON, *workers).ret == 0

    (run,) = results(project).values()
    assert [len(made) for made in calls(run)] == [1, 0, 0, 1, 1, 0]


def test_without_a_last_text_the_checks_are_answered(project: Project) -> None:
    project.suite(playing("a", [{"look_up": "a"}], checks=[{"equals": "four"}]), models=["sim/agent"])

    assert project.bench(JSON).ret == 0

    (run,) = results(project).values()
    assert run["response"]["text"] == "four"


def test_without_a_script_it_does_what_the_checks_ask_for(project: Project, workers: tuple[str, ...]) -> None:
    checks: list[dict[str, Any]] = [
        {"tool_called": "write_file", "arguments": {"path": "a.txt", "content": "x"}},
        {"tool_called": "write_file", "arguments": {"path": "b.txt"}},
        {"tool_called": "run_command", "arguments": {"command": {"contains": "ls"}}},
        {"contains": "done"},
    ]
    project.suite({**scenario("a"), "files": {}, "checks": checks}, models=["sim/agent"])

    assert project.bench(JSON, ALLOW, *workers).ret == 0

    (run,) = results(project).values()
    assert [change["path"] for change in run["response"]["changes"]] == ["a.txt", "b.txt"]


def test_a_tool_that_is_not_there_is_an_answer_that_says_so(project: Project, workers: tuple[str, ...]) -> None:
    said = "The script calls 'fly' in step 2, and there is no such tool; there are: look_up."
    script = [{"look_up": "a"}, [{"look_up": "b"}, {"fly": {}}], "Done."]
    project.suite(playing("a", script, checks=[{"equals": said}]), models=["sim/agent"])

    assert project.bench(JSON, *workers).ret == 0

    (run,) = results(project).values()
    assert [len(made) for made in calls(run)] == [1, 0]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (5, "is a list of steps, got 5: a step is a text, or a list of calls such as"),
        ([5], "holds 5, which is no call: a step is a text, or a list of calls such as"),
        ([[{"look_up": "a", "fly": "b"}]], "holds {'look_up': 'a', 'fly': 'b'}, which is no call: "),
    ],
)
def test_what_is_no_script_is_an_error_that_says_why(project: Project, script: object, said: str) -> None:
    project.suite(playing("a", script), models=["sim/agent"])

    assert project.bench(JSON).parseoutcomes() == {"errors": 1}

    (run,) = results(project).values()
    assert run["error"]["message"].startswith(f"metadata.sim_agent, the script of sim/agent, {said}")
    assert run["attempts"] <= 1


def test_other_models_do_not_play_it(project: Project) -> None:
    project.suite(playing("a", ["Not this."], checks=[{"equals": "4"}]), models=["sim/steady"])

    assert project.bench().ret == 0


def test_the_same_script_is_the_same_run(project: Project) -> None:
    script = [{"look_up": "a"}, "Done."]
    project.suite(playing("a", script, checks=[{"equals": "Done."}], repeat=2), models=["sim/agent"])

    assert project.bench(JSON).ret == 0

    one, two = results(project).values()
    assert calls(one) == calls(two)
    assert one["usage"] == two["usage"]


def test_the_documents_example_passes(project: Project, workers: tuple[str, ...]) -> None:
    (example,) = [block.text for block in blocks(PAGES["simulated"]) if block.language == "yaml"]
    project.write("s.yaml", example)

    assert project.bench(JSON, ALLOW, *workers).ret == 0

    (run,) = results(project).values()
    assert [change["path"] for change in run["response"]["changes"]] == ["hello.txt"]
    assert run["answers"][1]["tool_results"][1]["content"] == "exit status 0\nHello"


FUNCTION = """
def model(request):
    return f"{request.script}, {[tool.name for tool in request.tools]}"

def pytest_bench_models():
    return {"my/model": model}
"""


def test_a_function_in_a_models_place_sees_no_script(project: Project) -> None:
    project.write("conftest.py", FUNCTION)
    project.suite(playing("a", ["Secret."], checks=[{"equals": "None, ['look_up']"}]), models=["my/model"])

    assert project.bench().ret == 0


def test_without_a_script_it_writes_the_files_that_the_checks_ask_for(
    project: Project, workers: tuple[str, ...]
) -> None:
    checks: list[dict[str, Any]] = [
        {"file": "docs/log.md", "contains": ["one", "two"], "section_header": "Log"},
        {"file": "version", "matches": r"^\d+\.\d+$"},
        {"file": "whole.txt", "equals": "a\nb"},
        {"file": "there"},
        {"file": "gone", "absent": True},
        {"file": "never", "not": True},
        {"tool_called": "run_command"},
    ]
    project.suite({**scenario("a"), "files": {}, "checks": checks}, models=["sim/agent"])

    assert project.bench(JSON, ALLOW, *workers).ret == 0

    (run,) = results(project).values()
    changed = [change["path"] for change in run["response"]["changes"]]
    assert changed == ["docs/log.md", "there", "version", "whole.txt"]


def test_an_answer_to_another_script_is_not_taken_from_the_store(project: Project, workers: tuple[str, ...]) -> None:
    for said in ("One.", "Two.", "Two."):
        project.suite(playing("a", [said], checks=[{"equals": said}]), models=["sim/agent"])
        assert project.bench(JSON, "--bench-cache", *workers).ret == 0

    (run,) = results(project).values()
    assert run["cached"]
