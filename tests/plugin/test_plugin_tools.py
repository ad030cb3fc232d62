"""`tools` of a scenario: the loop of calls and results, in one process and with workers, live and from the store."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, by_both, json_report, scenario
from tests.plugin.plugin_results import JSON, results, seen_by
from tests.plugin.scripted_server import document, events, scripted

WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "results": [
        {"arguments": {"city": "Paris"}, "result": {"sky": "rain"}},
        {"arguments": {"city": "Rome"}, "error": "no such city"},
    ],
}
COUNTER: dict[str, Any] = {"name": "next", "results": ["one", "two"]}
BAD_PATTERN = {"x": {"regex": "("}}
FUNCTION = {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}


def calling(name: str, *calls: object, tools: list[dict[str, Any]], **keys: object) -> dict[str, Any]:
    """A scenario whose model makes these calls, one answer after another, and then tells the last result."""
    return {**scenario(name, {"tool_calls": list(calls), "latency": 0}, **keys), "tools": tools}


def call(name: str, **arguments: object) -> dict[str, object]:
    return {"name": name, "arguments": arguments}


def told(run: dict[str, Any]) -> list[list[tuple[str, bool]]]:
    """What the model was told after each of its answers."""
    answers = run["answers"] or [run["response"]]
    return [[(result["content"], result["is_error"]) for result in answer["tool_results"]] for answer in answers]


def test_calls_get_their_results_until_an_answer_calls_none(project: Project, workers: tuple[str, ...]) -> None:
    checks: list[dict[str, Any]] = [
        {"tool_called": "get_weather", "arguments": {"city": {"contains": "Par"}}},
        {"tools_called": ["get_weather", "next", "next", "next"], "order": "exact"},
        {"tool_not_called": "add"},
        {"steps_at_most": 4},
        {"equals": "two"},
    ]
    calls = (call("get_weather", city="Paris"), [call("next"), call("next")], call("next"))
    project.suite(calling("a", *calls, tools=[WEATHER, COUNTER, {"name": "add", "results": 0}], checks=checks))

    result = project.bench(JSON, *workers)

    assert result.ret == 0
    (run,) = results(project).values()
    rain = ('{"sky": "rain"}', False)
    assert told(run) == [[rain], [("one", False), ("two", False)], [("two", False)], []]
    assert (run["attempts"], len(run["calls"]), run["response"]["text"]) == (4, 4, "two")
    assert {each["purpose"] for each in run["calls"]} == {"answer"}
    # What all of them took is in the run's account.
    assert run["usage"]["input_tokens"] == sum(each["input_tokens"] for each in run["calls"])


def test_wrong_calls_are_told_to_the_model(project: Project) -> None:
    calls = (
        [call("nope"), call("get_weather", town="Paris"), {"name": "get_weather", "arguments": "x{"}],
        [call("get_weather", city="Rome"), call("get_weather", city="Oslo")],
    )
    project.suite(calling("a", *calls, tools=[WEATHER], checks=[{"contains": "no result"}]))

    assert project.bench(JSON).ret == 0

    (run,) = results(project).values()
    first, second, _ = told(run)
    assert first == [
        ("there is no tool 'nope'; there are get_weather", True),
        ("the arguments do not fit the tool's parameters: at $: 'city' is a required property", True),
        ("the arguments are no JSON object: 'x{'", True),
    ]
    assert second == [("no such city", True), ("there is no result for these arguments", True)]


def test_wrong_calls_are_counted_and_satisfy_no_check(
    project: Project, workers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    calls = ([call("nope"), call("get_weather", town="Paris")], call("get_weather", city="Rome"))
    checks: list[dict[str, Any]] = [
        {"tool_called": "get_weather", "arguments": {"town": "Paris"}, "not": True},
        {"tool_called": "get_weather", "times": 1},
        {"tools_called": ["get_weather"], "order": "in_order"},
        {"tool_not_called": "get_weather", "not": True},
    ]
    project.suite(calling("a", *calls, tools=[WEATHER], checks=checks))

    result = project.bench(JSON, "-v", "--bench-html=out.html", "--bench-markdown=out.md", *workers)

    assert result.ret == 0
    line = "sim/steady: 2 of 3 tool calls rejected (no such tool, or arguments that do not fit)"
    result.stdout.fnmatch_lines([line])
    assert line in (project.path / "out.html").read_text("utf-8")
    assert line in (project.path / "out.md").read_text("utf-8")
    document = json_report(project.path / "b.json")
    for counted in (document["models"][0], document["results"][0]):
        assert (counted["tool_calls"], counted["rejected_calls"]) == (3, 2)
    (run,) = document["results"]
    told_back = [told_back["is_rejected"] for answer in run["answers"] for told_back in answer["tool_results"]]
    assert told_back == [True, True, False]
    assert '(rejected: "the arguments do not fit' in run["checks"][0]["explanation"]
    assert main(["show", "latest", "a", "--store", str(project.path / ".benchmodels" / "store.sqlite")]) == 0
    shown = capsys.readouterr().out
    assert "2 of 3 tool calls rejected" in shown
    assert ", 3 requests, " in shown
    assert "[rejection of " in shown


def test_streams_call_tools_as_well(project: Project) -> None:
    project.write("bench.toml", '[model."sim/steady"]\nstream = true\n')
    calls = [[call("get_weather", city="Paris"), call("next")], call("next")]
    project.suite(calling("a", *calls, tools=[WEATHER, COUNTER], checks=[{"equals": "two"}]))

    assert project.bench(JSON).ret == 0

    (run,) = results(project).values()
    assert told(run) == [[('{"sky": "rain"}', False), ("one", False)], [("two", False)], []]
    assert all(answer["ttft_s"] is not None for answer in run["answers"])


def test_a_turn_has_no_more_steps_than_it_may(project: Project) -> None:
    calls = [call("next")] * 5
    checks = [{"tool_called": "next", "times": 2}, {"steps_at_most": 2}]
    project.suite(calling("a", *calls, tools=[COUNTER], checks=checks, max_steps=2))

    assert project.bench(JSON).ret == 0

    (run,) = results(project).values()
    assert told(run) == [[("one", False)], []]
    assert run["response"]["tool_calls"][0]["name"] == "next"
    assert run["out_of_steps"]


OUT_OF_STEPS = "out of steps: calls that the model still wanted were not made; see max_steps"


def test_a_run_that_is_out_of_steps_says_so(
    project: Project, workers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    project.suite(
        calling("out", *[call("next")] * 5, tools=[COUNTER], checks=[{"contains": "two"}], max_steps=2),
        calling("in", call("next"), tools=[COUNTER], checks=[{"contains": "two"}], max_steps=2),
    )

    shown = project.bench(JSON, "--bench-html=out.html", *workers).stdout.str()

    runs = {run["scenario"]: run for run in results(project).values()}
    assert {name: run["out_of_steps"] for name, run in runs.items()} == {"out": True, "in": False}
    assert "1 of 1 check failed: contains 'two'; out of steps (sim/steady, " in shown
    assert shown.count(f"  {OUT_OF_STEPS}") == 1
    transcripts = {}
    for name in runs:
        capsys.readouterr()
        assert main(["show", "b.json", f"::{name}["]) == 0
        transcripts[name] = capsys.readouterr().out
    assert {name: OUT_OF_STEPS in transcript for name, transcript in transcripts.items()} == {"out": True, "in": False}
    assert (project.path / "out.html").read_text(encoding="utf-8").count('"out_of_steps"') == 1


def test_turns_have_steps_of_their_own(project: Project, workers: tuple[str, ...]) -> None:
    turns = [{"prompt": "One?", "checks": [{"equals": "one"}]}, {"prompt": "And then?"}]
    talk = {**calling("a", call("next"), tools=[COUNTER], checks=[{"equals": "two"}]), "turns": turns}
    del talk["prompt"]
    project.suite(talk)

    assert project.bench(JSON, *workers).ret == 0

    (run,) = results(project).values()
    assert told(run) == [[("one", False)], [], [("two", False)], []]
    assert [check["name"] for check in run["checks"]] == ["turn 1: equals", "equals"]


@by_both("reuse", "--bench-cache", "--bench-regrade")
def test_what_is_stored_is_judged_and_no_tool_is_called(
    project: Project, workers: tuple[str, ...], reuse: str, sim: SimServer
) -> None:
    project.write("bench.toml", f'[model.m]\nprovider = "sim"\nname = "steady"\nbase_url = "{sim.url}"\n')
    project.write("conftest.py", COUNTING)
    function = {**FUNCTION, "name": "count"}
    project.suite(calling("a", call("count"), tools=[function], checks=[{"equals": "1"}]), models=["m"])
    project.bench(JSON, *workers)
    (live,) = results(project).values()

    again = project.bench(JSON, reuse, *workers)

    assert again.ret == 0
    (run,) = results(project).values()
    assert (run["cached"], run["answers"]) == (True, live["answers"])
    assert seen_by(sim)["steady"]["requests"] == 2
    assert (project.path / "called.txt").read_text(encoding="utf-8") == "x"


COUNTING = """
from pathlib import Path

def count():
    path = Path(__file__).with_name("called.txt")
    with path.open("a", encoding="utf-8") as file:
        file.write("x")
    return 1

def pytest_bench_tools():
    return {"count": count}
"""

FUNCTIONS = """
def add(a):
    if a == 13:
        raise LookupError("no luck")
    return {"sum": a + 1}

async def later():
    return "later"

def pytest_bench_tools():
    return {"add": add, "later": later}
"""


def test_functions_are_tools_and_their_crash_is_that_runs_error(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", FUNCTIONS)
    later = {"name": "later"}
    project.suite(
        calling("right", [call("add", a=1), call("later")], tools=[FUNCTION, later], checks=[{"contains": "later"}]),
        calling("crash", call("add", a=13), tools=[FUNCTION]),
        scenario("other"),
    )

    result = project.bench(JSON, *workers)

    assert result.parseoutcomes() == {"passed": 2, "errors": 1}
    runs = {run["scenario"]: run for run in results(project).values()}
    assert told(runs["right"])[0] == [('{"sum": 2}', False), ("later", False)]
    assert "LookupError: no luck" in runs["crash"]["error"]["message"]
    assert runs["crash"]["error"]["kind"] == "tool"
    assert "tool 'add' crashed" in runs["crash"]["error"]["message"]
    assert "conftest.py:4" in runs["crash"]["error"]["message"]


MEETING = """
import asyncio
import threading

barrier = threading.Barrier(2)
arrived = []

def meet(who):
    barrier.wait(60)
    return who

async def first():
    arrived.append("first")
    while len(arrived) < 2:
        await asyncio.sleep(0)
    return arrived[1]

async def second():
    arrived.append("second")
    return "it came second"

def pytest_bench_tools():
    return {"meet": meet, "first": first, "second": second}
"""


def test_functions_that_one_answer_calls_run_at_once(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", MEETING)
    meet = {"name": "meet", "parameters": {"type": "object", "properties": {"who": {"type": "string"}}}}
    tools: list[dict[str, Any]] = [meet, {"name": "first"}, {"name": "second"}, COUNTER]
    calls = [call("meet", who="a"), call("next"), call("meet", who="b"), call("next")]
    project.suite(calling("a", calls, [call("first"), call("second")], tools=tools))

    assert project.bench(JSON, *workers).ret == 0

    (run,) = results(project).values()
    assert told(run)[0] == [("a", False), ("one", False), ("b", False), ("two", False)]
    assert told(run)[1] == [("second", False), ("it came second", False)]


HELD = """
import asyncio
from pathlib import Path

async def hold():
    try:
        await asyncio.Event().wait()
    finally:
        Path(__file__).with_name("let_go.txt").write_text("yes", encoding="utf-8")

async def crash():
    raise LookupError("no luck")

def pytest_bench_tools():
    return {"hold": hold, "crash": crash}
"""


def test_a_crash_ends_the_calls_beside_it(project: Project) -> None:
    project.write("conftest.py", HELD)
    project.suite(calling("a", [call("hold"), call("crash")], tools=[{"name": "hold"}, {"name": "crash"}]))

    assert project.bench(JSON).parseoutcomes() == {"errors": 1}

    (run,) = results(project).values()
    assert run["error"]["message"].startswith("tool 'crash' crashed: LookupError: no luck")
    assert (project.path / "let_go.txt").read_text(encoding="utf-8") == "yes"


LEAKS = """
import json
import os

def leak():
    key = os.environ["SOME_API_KEY"]
    return {"key": [key], key: 1, "text": json.dumps({"key": key}), "cut": "x" * 99_880 + key}

def crash():
    raise ValueError(os.environ["SOME_API_KEY"])

def key_error():
    raise KeyError(os.environ["SOME_API_KEY"])

def pytest_bench_tools():
    return {"leak": leak, "crash": crash, "key_error": key_error}
"""


@pytest.mark.parametrize("key", ["sk-tool-4f9a7c21d8", 'sk-"tool"-4f9a7c21d8', "sk-tool\\4f9a7c21d8\\"])
def test_keys_that_a_tool_gives_back_are_hidden_everywhere(
    project: Project, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("SOME_API_KEY", key)
    project.write("conftest.py", LEAKS)
    names = ("leak", "crash", "key_error")
    project.suite(*(calling(name, call(name), tools=[{"name": name}], checks=[{"contains": "***"}]) for name in names))

    result = project.bench(JSON, "--bench-html=out.html", "--junitxml=out.xml")

    assert result.parseoutcomes() == {"passed": 1, "errors": 2}
    store = (project.path / ".benchmodels" / "store.sqlite").read_bytes()
    texts = [(project.path / name).read_text(encoding="utf-8") for name in ("b.json", "out.html", "out.xml")]
    # Its last part: what stands before may be written in one way or another.
    assert "4f9a7c" not in "".join((*texts, result.stdout.str(), store.decode("latin-1")))


def test_arguments_that_a_function_does_not_take_are_told_to_the_model(project: Project) -> None:
    project.write("conftest.py", FUNCTIONS)
    project.suite(calling("a", call("add", a=1, b=2), call("add"), call("add", a=4), tools=[FUNCTION]))

    project.bench(JSON)

    (run,) = results(project).values()
    first, second, third, _ = told(run)
    assert first == [("the arguments do not fit the tool: got an unexpected keyword argument 'b'", True)]
    assert second == [("the arguments do not fit the tool: missing a required argument: 'a'", True)]
    assert third == [('{"sum": 5}', False)]


def test_a_forced_call_is_forced_once_a_turn(project: Project) -> None:
    project.write("conftest.py", CHOICES)
    project.suite(
        {**scenario("a", models=["my/model"], checks=[{"equals": "required auto"}]), "tools": [COUNTER]}
        | {"tool_choice": "required"}
    )

    assert project.bench().ret == 0


BOOKING: dict[str, Any] = {
    "name": "book",
    "parameters": {
        "type": "object",
        "properties": {
            "guests": {"type": "integer", "minimum": 2},
            "table": {"enum": ["inside", "outside"]},
            "at": {"type": "object", "properties": {"hour": {"type": "number", "maximum": -1}}, "required": ["hour"]},
            "name": {"type": "string", "minLength": 5},
            "dishes": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "note": {"type": "string"},
        },
        "required": ["guests", "table", "at", "name", "dishes"],
    },
    "results": "booked",
}


def called(run: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The calls of a run, in their order."""
    return [(each["name"], each["arguments"]) for answer in run["answers"] for each in answer["tool_calls"]]


def test_simulated_models_give_what_a_tool_asks_for(project: Project, workers: tuple[str, ...]) -> None:
    arguments = {"guests": {"number": 4}, "table": "outside", "dishes": [{"number": 7}, {"number": 8}]}
    checks = [{"tool_called": "book", "arguments": arguments}, {"equals": "booked"}]
    bare = [{"tools_called": ["book"]}]
    project.suite(
        {**scenario("told", checks=checks), "tools": [BOOKING]}, {**scenario("bare", checks=bare), "tools": [BOOKING]}
    )

    assert project.bench(JSON, *workers).parseoutcomes() == {"passed": 2}

    runs = {run["scenario"]: run for run in results(project).values()}
    filled = {"at": {"hour": -1}, "name": "okxxx"}
    assert called(runs["told"]) == [("book", {"guests": 4, "table": "outside", "dishes": [7, 8], **filled})]
    assert called(runs["bare"]) == [("book", {"guests": 2, "table": "inside", "dishes": [0], **filled})]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", ["next", "look"]),
        ("look", ["look", "next"]),
        ("book", ["book", "next", "look"]),
        ("none", []),
        (None, ["next", "look"]),
    ],
)
def test_simulated_models_call_first_what_is_forced(project: Project, choice: str | None, names: list[str]) -> None:
    checks = [{"tool_called": "next"}, {"tool_called": "look"}]
    tools = [COUNTER, {"name": "look", "results": "seen"}, BOOKING]
    forced = {"tool_choice": choice} if choice else {}
    project.suite({**scenario("a", checks=checks), "tools": tools, **forced})

    project.bench(JSON)

    (run,) = results(project).values()
    assert [name for name, _ in called(run)] == names


def test_simulated_models_call_what_is_required_though_no_check_asks(
    project: Project, workers: tuple[str, ...]
) -> None:
    talk: dict[str, Any] = {"id": "a", "turns": ["Hi", "And now?"], "tools": [BOOKING], "tool_choice": "required"}
    project.suite(talk)

    project.bench(JSON, *workers)

    (run,) = results(project).values()
    assert [name for name, _ in called(run)] == ["book", "book"]
    assert run["rejected_calls"] == 0


CHOICES = """
from pytest_benchmodels import Response, ToolCall

seen = []

def ask(request):
    seen.append(request.tool_choice)
    if len(seen) == 1:
        return Response("", tool_calls=(ToolCall("1", "next", {}),))
    return " ".join(seen)

def pytest_bench_models():
    return {"my/model": ask}
"""


@pytest.mark.parametrize(
    ("tool", "keys", "said"),
    [
        ({"name": "a b", "results": 1}, {}, "name"),
        ({"name": "a"}, {}, "tool 'a' has no results: write what it gives back as `results:`"),
        ({"name": "a", "results": []}, {}, "tool 'a' has an empty list of results"),
        ({"name": "a", "results": 1, "parameters": {"type": "objekt"}}, {}, "parameters of tool 'a'"),
        ({"name": "a", "results": {"arguments": 4, "result": 1}}, {}, "tool 'a': `arguments` are a mapping"),
        ({"name": "a", "results": [{"arguments": {"x": 1}}]}, {}, "beside `arguments` stands one of `result` and"),
        ({"name": "a", "results": 1, "result": 2}, {}, "did you mean 'results'?"),
        (
            {"name": "a", "results": 1},
            {"tool_choice": "b"},
            "tool_choice 'b' of scenario 'a': it is one of auto, none, required, a",
        ),
        ({"name": "a", "results": 1}, {"max_steps": 0}, "max_steps"),
        (
            {"name": "look_up", "results": 1},
            {"checks": [{"any_of": [{"tool_called": "lookup"}]}]},
            "scenario 'a' has no tool 'lookup'; it has 'look_up'; did you mean 'look_up'?",
        ),
        (
            {"name": "a", "results": 1},
            {"checks": [{"tool_called": "a", "arguments": {"x": {"regex": "("}}}]},
            "argument 'x'",
        ),
        (
            {"name": "a", "results": 1},
            {"checks": [{"tool_called": "a", "arguments": {"x": {"contain": "Paris"}}}]},
            "argument 'x': 'contain' is no check, did you mean 'contains'?",
        ),
    ],
)
def test_what_makes_no_sense_is_told_with_its_line(
    project: Project, tool: dict[str, Any], keys: dict[str, object], said: str
) -> None:
    project.suite({**scenario("a"), "tools": [tool], **keys})

    result = project.bench("--collect-only")

    assert result.ret != 0
    assert said in result.stdout.str()
    assert "suite." in result.stdout.str()


def test_a_check_may_name_a_tool_of_the_models(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.path)
    path = project.suite({**scenario("a", checks=[{"tool_called": "search"}]), "tools": [COUNTER]})
    assert "has no tool 'search'" in project.bench("--collect-only").stdout.str()
    assert main(["validate", str(path)]) == 1
    assert "has no tool 'search'" in capsys.readouterr().out

    project.write("bench.toml", '[model.m]\nprovider = "sim"\nparams = {tools = [{type = "search"}]}\n')

    assert project.bench("--collect-only").ret == 0
    assert main(["validate", str(path)]) == 0


UNREACHABLE = """
def add(a, /):
    return a

def pytest_bench_tools():
    return {"add": add}
"""


def test_a_function_that_no_call_can_reach_is_told_at_collection(
    project: Project,
    workers: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(project.path)
    project.write("conftest.py", UNREACHABLE)
    path = project.suite({**scenario("a"), "tools": [FUNCTION]})
    said = "suite.yaml:1: tool 'add': no call can reach its function (conftest.py:2): it takes 'a' by position only"

    assert said in project.bench(*workers).stdout.str()
    assert main(["validate", "--with-conftest", str(path)]) == 1
    assert said in capsys.readouterr().out


def test_two_tools_of_one_name_and_a_choice_without_tools(project: Project) -> None:
    project.suite({**scenario("a"), "tools": [COUNTER, COUNTER]}, {**scenario("b"), "tool_choice": "required"})

    shown = project.bench("--collect-only").stdout.str()

    assert "tool 'next' is there twice: give each its own name" in shown
    assert "tool_choice 'required' of scenario 'b': there are no tools to choose from: write `tools:`" in shown


def test_tools_of_the_defaults_are_templates(project: Project) -> None:
    tool = {"name": "look", "results": "{{ thing }} is {{ colour }}"}
    calls = {"params": {"sim": {"tool_calls": [call("look")], "latency": 0}}}
    scenarios = [
        {**scenario(colour, checks=[{"equals": f"it is {colour}"}]), **calls, "vars": {"thing": "it", "colour": colour}}
        for colour in ("red", "blue")
    ]
    suite = {"defaults": {"models": ["sim/steady"], "tools": [tool]}, "scenarios": scenarios}
    project.write("suite.json", json.dumps(suite))

    assert project.bench().parseoutcomes() == {"passed": 2}


WAITS = """
import asyncio
from pytest_benchmodels import Response, ToolCall

async def wait():
    await asyncio.Event().wait()

async def ask(request):
    if len(request.messages) > 2:
        await asyncio.Event().wait()
    return Response("", tool_calls=(ToolCall("1", request.tools[0].name, {}),))

def pytest_bench_tools():
    return {"wait": wait}

def pytest_bench_models():
    return {"my/model": ask}
"""


def test_what_was_waited_for_when_time_ran_out(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", WAITS)
    project.suite(
        {**scenario("tool", models=["my/model"], timeout=0.5), "tools": [{"name": "wait"}]},
        {**scenario("step", models=["my/model"], timeout=0.5), "tools": [COUNTER]},
    )

    shown = project.bench(JSON, *workers).stdout.str()

    assert "step 2: attempt 1 was not answered (my/model on 'step', 2 requests)" in shown
    assert "'wait' (my/model on 'tool', 1 attempt)" in shown
    said = {run["scenario"]: (run["status"], run["error"]["message"]) for run in results(project).values()}
    assert said == {
        "tool": ("timeout", "Timeout (>0.5s): the model answered, but a tool that it called did not finish: 'wait'"),
        "step": ("timeout", "Timeout (>0.5s): step 2: attempt 1 was not answered"),
    }


def used(input_: object) -> bytes:
    """An answer of Anthropic's that calls `next`."""
    block = {"type": "tool_use", "id": "toolu_1", "name": "next", "input": input_}
    return document({"model": "m", "content": [block], "stop_reason": "tool_use"})


def test_a_call_that_was_cut_off_goes_back_with_its_error(project: Project, workers: tuple[str, ...]) -> None:
    final = document({"model": "m", "content": [{"type": "text", "text": "sorry"}], "stop_reason": "end_turn"})
    project.suite({**scenario("a", models=["m"], checks=[{"equals": "sorry"}]), "tools": [COUNTER]})
    with scripted(used('{"city": "Pa'), final) as server:
        project.write("bench.toml", f'[model.m]\nprovider = "anthropic"\nname = "m"\nbase_url = "{server.url}"\n')
        assert project.bench(JSON, *workers).ret == 0

    back, told_back = server.asked[1][1]["messages"][1:]
    assert back["content"][0]["input"] == {"INVALID_JSON": '{"city": "Pa'}
    assert told_back["content"][0]["is_error"] is True
    assert "no JSON object" in told_back["content"][0]["content"]


def test_a_streamed_call_without_arguments(project: Project, workers: tuple[str, ...]) -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "next", "input": {}}
    calls = anthropic_events(
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ""}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
    )
    says = anthropic_events(
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "done"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    )
    checks = [{"equals": "done"}, {"tool_called": "next"}]
    project.suite({**scenario("a", models=["m"], checks=checks), "tools": [COUNTER]})
    with scripted(calls, says) as server:
        table = f'[model.m]\nprovider = "anthropic"\nname = "m"\nbase_url = "{server.url}"\nstream = true\n'
        project.write("bench.toml", table)
        assert project.bench(JSON, *workers).ret == 0

    assert server.asked[1][1]["messages"][1]["content"][0]["input"] == {}
    assert server.asked[1][1]["messages"][2]["content"][0]["content"] == "one"


def anthropic_events(*said: object) -> bytes:
    return events({"type": "message_start", "message": {"model": "m"}}, *said, {"type": "message_stop"})
