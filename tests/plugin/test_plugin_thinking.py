"""`thinking: keep`: checks judge what was thought together with the answer, and only they."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, Scenario, scenario
from tests.plugin.plugin_results import JSON, results

KEPT = "<think>\n2 and 2\n</think>\n\n4"
CHECKS: list[dict[str, object]] = [{"equals": KEPT}]


def thinking(name: str, **keys: object) -> Scenario:
    """The model thinks `2 and 2` and says 4."""
    return scenario(name, {"thinking": "2 and 2", "text": "4", "latency": 0}, **keys)


def answer_of(run: dict[str, Any]) -> tuple[str, str]:
    return run["response"]["text"], run["response"]["thinking"]


def test_checks_see_both_where_it_is_kept(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(
        thinking("kept", thinking="keep", checks=CHECKS),
        thinking("stripped", thinking="strip"),
        thinking("usual"),
        scenario("none", {"text": "4", "latency": 0}, thinking="keep"),
    )

    assert project.bench(JSON, *workers).ret == 0

    # What is stored and reported is the same as ever.
    told = {run["scenario"]: answer_of(run) for run in results(project).values()}
    assert told == {**dict.fromkeys(("kept", "stripped", "usual"), ("4", "2 and 2")), "none": ("4", "")}


def test_each_turn_is_judged_so_and_none_is_sent_back(project: Project, workers: tuple[str, ...]) -> None:
    source = """
from pytest_benchmodels import Response

def ask(request):
    said = [message.text for message in request.messages if message.role == "assistant"]
    return Response(str(len(said)), thinking=f"told {said}")

def pytest_bench_models():
    return {"my/thinker": ask}
"""
    project.write("conftest.py", source)
    turns = [
        {"prompt": "one", "checks": [{"equals": "<think>\ntold []\n</think>\n\n0"}]},
        {"prompt": "two", "checks": [{"equals": "<think>\ntold ['0']\n</think>\n\n1"}]},
    ]
    project.suite({"id": "a", "turns": turns, "thinking": "keep"}, models=["my/thinker"])

    assert project.bench(JSON, *workers).ret == 0


def test_a_change_is_judged_afresh_and_not_asked_again(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    project.suite(thinking("a", checks=CHECKS), models=["watched"])
    assert project.bench(JSON).ret == 1
    (before,) = results(project).values()

    project.suite(thinking("a", checks=CHECKS, thinking="keep"), models=["watched"])
    assert project.bench(JSON, "--bench-regrade", *workers).ret == 0

    (after,) = results(project).values()
    assert (after["status"], after["cached"], after["fingerprint"]) == ("passed", True, before["fingerprint"])
    assert after["grade_fingerprint"] != before["grade_fingerprint"]
    assert sim.stats()["steady"]["requests"] == 1


def test_a_resumed_run_is_judged_afresh(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.watch(sim.url)
    broken = scenario("b", {"status": 400})
    project.suite(thinking("a", checks=CHECKS), broken, models=["watched"])
    project.bench(JSON)
    assert sim.stats()["steady"]["requests"] == 2

    project.suite(thinking("a", checks=CHECKS, thinking="keep"), broken, models=["watched"])
    project.bench(JSON, "--bench-resume", *workers)

    run = results(project)["a[watched]"]
    assert (run["status"], run["reuse"]) == ("passed", "its checks changed: the stored answer was judged afresh")
    assert sim.stats()["steady"]["requests"] == 3  # what was an error is asked again


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("yes", "thinking must be one of 'strip', 'keep', got 'yes'"),
        (True, "thinking must be text, got True"),
        (None, "thinking must be text, got None"),
    ],
)
def test_another_word_is_refused_with_its_line(project: Project, value: object, said: str) -> None:
    project.suite(thinking("a", thinking=value))

    assert f"suite.yaml:1: {said}" in project.bench().stdout.str()


def test_it_stands_in_defaults_and_validates(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    path = project.write(
        "suite.yaml",
        "defaults: {models: [sim/steady], thinking: keep}\nscenarios:\n  - {id: a, prompt: Hi, checks: [json]}\n",
    )
    assert main(["validate", str(path)]) == 0

    path.write_text(path.read_text("utf-8").replace("keep", "kept"), "utf-8")
    assert main(["validate", str(path)]) == 1
    assert "suite.yaml:1: thinking" in capsys.readouterr().out
