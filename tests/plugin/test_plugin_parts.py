"""Tools that an answer calls, and messages with parts, through a whole session: told, kept, carried by workers."""

from __future__ import annotations

import json

import pytest

CALLS = """
from pytest_benchmodels import GradingContext, Response, ToolCall

CALL = ToolCall("call_1", "get_weather", {"city": "Paris", "hostile": "\\x1b[2J</script><b>::error"})


def ask(request):
    return Response("", "tool_calls", tool_calls=(CALL, ToolCall("call_2", "run", '{"cut": ')))


def called(context: GradingContext, name: str) -> bool:
    said = context.transcript.messages[-1].parts
    return [part.name for part in said] == [call.name for call in context.response.tool_calls] == [name, "run"]


def pytest_bench_models():
    return {"my/agent": ask}


def pytest_bench_graders():
    return [called]
"""
SCENARIO = """
id: weather
models: [my/agent]
prompt: Is it sunny in Paris?
checks:
  - called: get_weather
  - contains: sunny
"""
SHOWN = '[call get_weather({"city": "Paris"'


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "workers"])
def test_calls_of_tools_are_told_everywhere(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makeconftest(CALLS)
    pytester.makefile(".yaml", scenario=SCENARIO)
    outputs = ("--bench-json", "out.json", "--bench-html", "out.html")
    result = pytester.runpytest_subprocess("--bench", "scenario.yaml", *workers, *outputs)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['*answer (finish_reason tool_calls)*[[]call get_weather({"city": "Paris"*'])
    assert "\x1b[2J" not in result.stdout.str()
    (told,) = json.loads(pytester.path.joinpath("out.json").read_text())["results"]
    first, second = told["response"]["tool_calls"]
    assert [check["passed"] for check in told["checks"]] == [True, False]
    assert (first["id"], first["name"], first["arguments"]["city"]) == ("call_1", "get_weather", "Paris")
    assert (second["name"], second["arguments"]) == ("run", '{"cut": ')
    page = pytester.path.joinpath("out.html").read_text()
    assert "get_weather" in page
    assert "</script><b>" not in page


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "workers"])
def test_calls_of_tools_are_kept_and_judged_again(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makeconftest(CALLS)
    pytester.makefile(".yaml", scenario=SCENARIO.replace("  - contains: sunny\n", ""))
    pytester.runpytest_subprocess("--bench", "scenario.yaml", *workers).assert_outcomes(passed=1)
    again = pytester.runpytest_subprocess(
        "--bench", "scenario.yaml", "--bench-regrade", "--bench-json", "out.json", *workers
    )

    again.assert_outcomes(passed=1)
    (told,) = json.loads(pytester.path.joinpath("out.json").read_text())["results"]
    assert told["cached"]
    assert told["response"]["tool_calls"][0]["arguments"]["city"] == "Paris"
    shown = pytester.run("benchmodels", "show", "latest", "scenario.yaml::weather[my/agent]")
    shown.stdout.fnmatch_lines(["> user: Is it sunny in Paris?", "< assistant (tool_calls*[[]call get_weather(*"])
    assert "\x1b" not in shown.stdout.str()


HOSTILE = """
import math

from pytest_benchmodels import Response, ToolCall

KEY = "sk-abcdef0123456789"
VALUES = {
    "nan": {"a": math.nan},
    "huge": {"a": 10**40},
    "deep": {"a": eval("[" * 80 + "]" * 80)},
    "surrogate": {"\\ud800": "\\udfff"},
    "key": {"a": KEY, KEY: 1},
    "number key": {1: 2},
    "set": {"a": {1}},
    "text": "x",
    "no name": None,
}


def ask(request):
    value = VALUES[request.messages[-1].text]
    call = ToolCall("1", "f", value) if value is not None else ToolCall("1", None, {})
    return Response("", tool_calls=(call,))


def pytest_bench_models():
    return {"my/agent": ask}
"""
NAMES = ["nan", "huge", "deep", "surrogate", "key", "number key", "set", "text", "no name"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "workers"])
def test_calls_of_any_shape_end_as_results_or_errors_of_their_runs(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AGENT_API_KEY", "sk-abcdef0123456789")
    pytester.makeconftest(HOSTILE)
    entries = "\n".join(f"  - {{id: {name}, prompt: {name}, models: [my/agent]}}" for name in NAMES)
    pytester.makefile(".yaml", scenarios=f"scenarios:\n{entries}\n")
    result = pytester.runpytest_subprocess("--bench", "scenarios.yaml", "--bench-json", "out.json", *workers)

    result.assert_outcomes(passed=7, errors=2)
    text = pytester.path.joinpath("out.json").read_text()
    told = {entry["scenario"]: entry for entry in json.loads(text)["results"]}
    assert "sk-abcdef0123456789" not in text + result.stdout.str()
    assert told["surrogate"]["response"]["tool_calls"][0]["arguments"] == {"?": "?"}
    assert told["key"]["response"]["tool_calls"][0]["arguments"] == {"a": "***", "***": 1}
    assert {name: type(told[name]["response"]["tool_calls"][0]["arguments"]) for name in ("nan", "huge", "deep")} == {
        "nan": str,
        "huge": str,
        "deep": str,
    }
    for name in ("number key", "no name"):
        assert (told[name]["status"], told[name]["error"]["kind"]) == ("error", "provider")


PICTURE = """
from dataclasses import replace

from pytest_benchmodels import ImagePart, Message, TextPart
from pytest_benchmodels.core.scenario import Turn


def ask(request):
    text, image = request.messages[-1].content
    return f"{text.text} {image.media_type} {len(image.data)}"


def pytest_bench_models():
    return {"my/agent": ask}


def pytest_collection_modifyitems(items):
    for item in items:
        said = Message("user", (TextPart("What is this?"), ImagePart("image/png", "A" * 4000)))
        item.scenario = replace(item.scenario, turns=(Turn((said,)),))
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "workers"])
def test_a_picture_that_was_asked_about_is_kept_and_told(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makeconftest(PICTURE)
    pytester.makefile(
        ".yaml", scenario=SCENARIO.partition("checks:")[0] + "checks:\n  - equals: What is this? image/png 4000\n"
    )
    pytester.runpytest_subprocess("--bench", "scenario.yaml", *workers).assert_outcomes(passed=1)
    reused = pytester.runpytest_subprocess("--bench", "scenario.yaml", "--bench-regrade", *workers)
    shown = pytester.run("benchmodels", "show", "latest", "scenario.yaml::weather[my/agent]")
    plan = pytester.runpytest_subprocess("--bench", "scenario.yaml", "--bench-plan")

    reused.assert_outcomes(passed=1)
    shown.stdout.fnmatch_lines(["> user: What is this?", "*[[]image image/png, 3 kB, sha256:????????????????]"])
    assert "AAAA" not in shown.stdout.str()
    assert plan.ret == 0
