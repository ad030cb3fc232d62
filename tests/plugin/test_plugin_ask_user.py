"""`oracle` of a scenario: what a model is told that asks its user, by written answers or by a model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from pytest_benchmodels.core.oracle import USE_YOUR_JUDGMENT
from tests.plugin.plugin_parts import Project, by_both, json_report, scenario
from tests.plugin.plugin_results import JSON, results, seen_by

AGENT = ("sim/agent",)
COLOUR, NAME = "Which colour do you want?", "What is it called?"


def asking(name: str, *steps: object, **keys: object) -> dict[str, object]:
    """A scenario whose model asks this."""
    return {**scenario(name, metadata={"sim_agent": list(steps)}), "checks": [], **keys}


def user(project: Project, **knobs: object) -> dict[str, str]:
    """An oracle that is a model, which says what the knobs of a simulated one let it say."""
    told = ", ".join(f"{name} = {json.dumps(value)}" for name, value in knobs.items())
    project.write("bench.toml", f'[model.ada]\nprovider = "sim"\nname = "steady"\nparams = {{sim = {{{told}}}}}\n')
    return {"model": "ada", "brief": "You like blue."}


def told(run: dict[str, Any]) -> list[str]:
    """What the model was told, over all of its answers."""
    return [result["content"] for answer in run["answers"] for result in answer["tool_results"]]


def test_written_answers_are_found_by_the_question(
    project: Project, workers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    project.write("answers.json", '{"colour": "blue", "What is it called, and why?": "Ada"}')
    steps = ([{"ask_user": COLOUR}, {"ask_user": {"question": NAME}}], [{"ask_user": "May I?"}], "Thanks.")
    checks = [{"tool_called": "ask_user", "times": 3}, {"equals": "Thanks."}]
    project.suite(asking("a", *steps, oracle="answers.json", checks=checks), models=AGENT)

    assert project.bench(JSON, *workers).ret == 0

    (run,) = results(project).values()
    # "What is it called?" has 18 characters: what it begins with is all of it, and no key has that.
    assert told(run) == ["blue", USE_YOUR_JUDGMENT, USE_YOUR_JUDGMENT]
    assert run["questions"] == 3
    assert {call["purpose"] for call in run["calls"]} == {"answer"}
    capsys.readouterr()
    assert main(["show", "latest", "a", "--store", str(project.path / ".benchmodels" / "store.sqlite")]) == 0
    shown = capsys.readouterr().out
    assert ", 3 questions to the user" in shown
    assert f'[call ask_user({{"question": "{COLOUR}"}})]' in shown


def test_a_model_plays_the_user(project: Project, workers: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    oracle = user(project, text="Blue, please.")
    steps = ([{"ask_user": COLOUR}], [{"ask_user": NAME}], "Thanks.")
    project.suite(asking("a", *steps, oracle=oracle, checks=[{"steps_at_most": 3}]), models=AGENT)

    result = project.bench(JSON, "--bench-html=out.html", *workers)

    assert result.ret == 0
    (run,) = results(project).values()
    assert told(run) == ["Blue, please."] * 2
    assert [(call["purpose"], call["model"]) for call in run["calls"]] == [
        ("answer", "sim/agent"),
        ("user", "ada"),
        ("answer", "sim/agent"),
        ("user", "ada"),
        ("answer", "sim/agent"),
    ]
    assert run["attempts"] == 3
    # What the user took is no part of what the model took, and it is told.
    users = [call for call in run["calls"] if call["purpose"] == "user"]
    assert all(call["output_tokens"] == 3 and call["cost_usd"] == 0 for call in users)
    assert run["usage"]["output_tokens"] == sum(
        call["output_tokens"] for call in run["calls"] if call["purpose"] == "answer"
    )
    capsys.readouterr()
    assert main(["show", "latest", "a", "--store", str(project.path / ".benchmodels" / "store.sqlite")]) == 0
    shown = capsys.readouterr().out
    assert shown.count("user: ada") == 2
    assert "You like blue." in shown
    # Others had its lane meanwhile: that is no time in which it was in flight.
    assert 0 < run["waits"]["the user"] < run["duration_s"]
    # The second time it knows what it was asked, and said, before.
    second = shown.rpartition("user: ada")[2]
    assert [line for line in second.splitlines() if line.startswith("> ")][-3:] == [
        f"> user: {COLOUR}",
        "> assistant: Blue, please.",
        f"> user: {NAME}",
    ]
    assert "You like blue." in (project.path / "out.html").read_text(encoding="utf-8")


def test_questions_asked_together_are_answered_together(project: Project, workers: tuple[str, ...]) -> None:
    oracle = user(project, text="Yes.")
    steps = ([{"ask_user": COLOUR}, {"ask_user": NAME}], "Thanks.")
    project.suite(*(asking(f"s{number}", *steps, oracle=oracle) for number in range(5)), models=AGENT)

    # With one lane for each model, a run that kept its own while it waits for the user's would hold up the others.
    assert project.bench(JSON, "--bench-concurrency=1", *workers).ret == 0

    runs = results(project)
    assert {name: told(run) for name, run in runs.items()} == {name: ["Yes.", "Yes."] for name in runs}


def test_a_user_that_does_not_answer_is_an_error_of_the_run(project: Project, workers: tuple[str, ...]) -> None:
    oracle = user(project, status=400)
    project.suite(asking("a", [{"ask_user": COLOUR}], "Thanks.", oracle=oracle), asking("b", "Hi."), models=AGENT)

    result = project.bench(JSON, *workers)

    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    run = next(run for run in results(project).values() if run["scenario"] == "a")
    assert run["error"]["kind"] == "tool"
    assert run["error"]["message"].startswith("ada, which plays the user, did not answer: ")


def test_a_user_that_never_answers_is_no_timeout_of_the_models(project: Project, workers: tuple[str, ...]) -> None:
    oracle = user(project, hang_rate=1)
    project.suite(asking("a", [{"ask_user": COLOUR}], "Thanks.", oracle=oracle, timeout=0.5), models=AGENT)

    assert project.bench(JSON, *workers).parseoutcomes() == {"errors": 1}

    (run,) = results(project).values()
    assert run["error"]["kind"] == "tool"
    said = "the limit of 0.5 s was over before ada, which plays the user, had answered: attempt 1 was not answered"
    assert run["error"]["message"] == said


@by_both("reuse", "--bench-cache", "--bench-regrade")
def test_what_is_stored_asks_no_user(project: Project, workers: tuple[str, ...], reuse: str, sim: SimServer) -> None:
    project.watch(sim.url, alias="ada")
    oracle = {"model": "ada", "brief": "You like blue."}
    project.suite(asking("a", [{"ask_user": COLOUR}], "Thanks.", oracle=oracle), models=AGENT)
    assert project.bench(JSON, *workers).ret == 0
    (live,) = results(project).values()

    assert project.bench(JSON, reuse, *workers).ret == 0

    (run,) = results(project).values()
    assert (run["cached"], told(run)) == (True, told(live))
    assert seen_by(sim)["steady"]["requests"] == 1


def test_a_user_that_no_key_is_there_for_is_told_before_the_first_call(
    project: Project, workers: tuple[str, ...]
) -> None:
    oracle = {"model": "openai/gpt-4o-mini", "brief": "You like blue."}
    project.suite(asking("a", [{"ask_user": COLOUR}], "Thanks.", oracle=oracle), models=AGENT)

    result = project.bench(*workers)

    assert result.ret == 4
    assert "OPENAI_API_KEY" in result.stderr.str() + result.stdout.str()


def test_a_plan_names_the_user(project: Project) -> None:
    oracle = user(project, text="Yes.")
    project.suite(asking("a", [{"ask_user": COLOUR}], "Thanks.", oracle=oracle), models=AGENT)

    shown = project.bench("--bench-plan").stdout.str()

    assert "ada" in shown


def test_what_is_asked_and_answered_does_not_break_the_report(project: Project) -> None:
    hostile = "</script><script>alert(1)</script>\x1b[31m"
    project.suite(asking("a", [{"ask_user": hostile}], "Thanks.", oracle={"script": hostile}), models=AGENT)

    assert project.bench(JSON, "--bench-html=out.html").ret == 0

    assert told(json_report(project.path / "b.json")["results"][0]) == [hostile]
    page = (project.path / "out.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert "\x1b" not in page


KEYED_USER = """
[model.words]
provider = "command"
command = ["cat"]

[model.ada]
provider = "openai"
name = "small"
api_key_env = "KEY_THAT_IS_NOT_SET"
base_url = "http://127.0.0.1:1/v1"
"""


def test_a_user_whom_nobody_can_ask_needs_no_key(
    project: Project, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEY_THAT_IS_NOT_SET", raising=False)
    project.write("bench.toml", KEYED_USER)
    oracle = {"model": "ada", "brief": "You like blue."}
    project.suite({**scenario("a"), "checks": [{"regex": "."}], "oracle": oracle})
    allowed = ("--bench-allow-commands", *workers)

    assert project.bench("--bench-models=words", *allowed).ret == 0
    refused = project.bench("--bench-models=words,sim/agent", *allowed)

    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*KEY_THAT_IS_NOT_SET*"])


def test_a_plan_tells_of_the_user_where_models_can_ask_one(project: Project) -> None:
    project.write("bench.toml", KEYED_USER)
    project.suite({**scenario("a"), "checks": [], "oracle": {"model": "ada", "brief": "You like blue."}})

    planned = project.bench("--bench-plan", "--bench-models=sim/agent,sim/steady,words", "--bench-allow-commands")

    planned.stdout.fnmatch_lines(["ada plays the user: at 2 runs, at a cost that is not known before"])
    planned.stdout.no_fnmatch_line("checks ask *")
