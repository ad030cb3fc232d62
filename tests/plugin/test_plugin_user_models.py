"""Functions of the user's where models stand: `pytest_bench_models`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.plugin.plugin_parts import Project, by_both, json_report, junit_cases, properties, right, scenario

AGENTS = """
import asyncio, json, threading
from pytest_benchmodels import ProviderError, Response, Usage

async def agent(request):
    await asyncio.sleep(0)
    return "4"

def pipeline(request):
    return Response("4", usage=Usage(input_tokens=1000, output_tokens=10), latency_s=1.5, served_model="mine-2")

def pytest_bench_models():
    return {"my/agent": agent, "pipeline": pipeline, "lambda": lambda request: agent(request)}
"""


def functions(project: Project, source: str, given: str = "{'my/agent': ask}") -> None:
    """A conftest.py with this source, whose `ask` is the model."""
    heading = "import asyncio, json, os, sys, threading, time\nimport pytest\n"
    ours = "from pytest_benchmodels import ProviderError, Response, Usage\n"
    note = "def note(name):\n    with open(name, 'a') as file: file.write('x')\n"
    hook = f"def pytest_bench_models(): return {given}\n"
    project.write("conftest.py", f"{heading}{ours}{source}\n{note}{hook}")


def results(project: Project, *arguments: str) -> Mapping[str, Mapping[str, Any]]:
    """The results of a session by scenario."""
    project.bench("--bench-json=out.json", *arguments)
    return {one["scenario"]: one for one in json_report(project.path / "out.json")["results"]}


def test_a_function_stands_where_a_model_stands(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", AGENTS)
    project.suite(right("add"), right("sub"), models=["my/agent", "pipeline", "lambda", "sim/steady"])

    result = project.bench("--junitxml=junit.xml", *workers)

    assert result.parseoutcomes() == {"passed": 8}
    cases = junit_cases(project.path / "junit.xml")
    told = properties(cases["add[pipeline]"])
    assert (told["bench.latency_s"], told["bench.input_tokens"]) == ("1.5", "1000")
    assert "bench.input_tokens" not in properties(cases["add[my/agent]"])


def test_a_function_is_named_in_the_config_and_has_a_table(project: Project, workers: tuple[str, ...]) -> None:
    functions(project, "def ask(request): return Response(json.dumps(dict(request.params)), usage=Usage(1000, 1000))")
    project.write(
        "bench.toml",
        'models = ["my/agent", "hot"]\n'
        '[model."my/agent"]\nprice = {input = 1, output = 2}\nparams = {depth = 3}\n'
        '[model.hot]\nprovider = "function"\nname = "my/agent"\nparams = {depth = 9}\n',
    )
    project.suite(scenario("add", checks=[{"contains": '"depth": 3'}]), models=())

    result = project.bench("--bench-json=out.json", *workers)

    assert result.parseoutcomes() == {"passed": 1, "failed": 1}
    by_model = {one["model"]: one for one in json_report(project.path / "out.json")["results"]}
    assert by_model["my/agent"]["cost_usd"] == pytest.approx(0.003)
    assert by_model["hot"]["cost_usd"] is None


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ('base_url = "http://127.0.0.1:1"', "base_url makes no sense for a model that is a function"),
        ('api_key_env = "KEY"', "api_key_env makes no sense"),
        ('provider = "openai"', "provider makes no sense"),
        ('headers = {x-a = "env:A"}', "headers makes no sense"),
    ],
)
def test_a_key_that_is_about_http_is_refused(project: Project, key: str, said: str) -> None:
    functions(project, 'def ask(request): return "4"')
    project.write("bench.toml", f'[model."my/agent"]\n{key}\n')
    project.suite(right("add"), models=["my/agent"])

    result = project.bench()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: [[]model.my/agent[]] of bench.toml: {said}*"])


@by_both(
    "given, said",
    ("{'openai/x': ask}", "'openai/x' names a model of the provider 'openai': begin it with another word"),
    ("{'function/x': ask}", "'function/x' names a model of the provider 'function'*"),
    ("{'a[1]': ask}", "the name 'a[[]1[]]' has to be printable, without*"),
    ("{'a#2': ask}", "the name 'a#2' has to be printable, without*"),
    ("{'a,b': ask}", "the name 'a,b' could not be given to --bench-models*"),
    ("{'': ask}", "'' is no name of a model*"),
    ("{7: ask}", "7 is no name of a model*"),
    ("{'a': 'b'}", "'a' is 'b', which is not callable*"),
    ("[ask]", "*has to return a dict, got list*"),
    ("1 / 0", "*crashed: ZeroDivisionError: division by zero (conftest.py:7)"),
    ("pytest.skip('no')", "*crashed: Skipped: no (conftest.py:7)"),
)
def test_what_cannot_be_a_model_is_a_usage_error_with_its_place(
    project: Project, workers: tuple[str, ...], given: str, said: str
) -> None:
    functions(project, 'def ask(request): return "4"', given)
    project.suite(right("add"), models=["sim/steady"])

    result = project.bench_process(*workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: conftest.py: pytest_bench_models*{said}"])
    result.stderr.no_fnmatch_line("*Traceback*")


def test_a_name_that_two_files_give_names_both(project: Project, workers: tuple[str, ...]) -> None:
    functions(project, 'def ask(request): return "4"')
    source = "def pytest_bench_models(): return {'my/agent': len, 'another': len}\n"
    project.write("scenarios/conftest.py", source)
    project.suite(right("add"), name="scenarios/suite.yaml", models=["my/agent"])

    result = project.bench_process("scenarios", *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: *conftest.py: pytest_bench_models: 'my/agent' is given twice, in *conftest.py*"]
    )


def test_rootdirs_and_a_named_folders_conftest_count(project: Project, workers: tuple[str, ...]) -> None:
    functions(project, 'def ask(request): return "4"')
    project.write("scenarios/conftest.py", "def pytest_bench_models(): return {'mine': lambda request: '4'}\n")
    project.suite(right("add"), name="scenarios/suite.yaml", models=["my/agent", "mine"])

    assert project.bench("scenarios", *workers).parseoutcomes() == {"passed": 2}


def test_a_deeper_folders_comes_too_late_and_that_is_said(project: Project) -> None:
    project.write("scenarios/conftest.py", "def pytest_bench_models(): return {'mine': lambda request: '4'}\n")
    project.suite(right("add"), name="scenarios/suite.yaml", models=["mine"])

    result = project.bench()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: unknown model 'mine'*(scenarios/conftest.py has a hook for models*"])


RAISING = """
async def ask(request):
    inner(request.messages[-1].content)

def inner(what):
    if what == "value": raise ValueError("no such thing")
    if what == "library": json.loads("{")
    if what == "stop": raise StopIteration("x")
    if what == "exit": sys.exit(3)
    if what == "interrupt": raise KeyboardInterrupt
    if what == "cancel": raise asyncio.CancelledError
    if what == "timeout": raise TimeoutError("inner")
    if what == "skip": pytest.skip("no")
    if what == "generator": raise GeneratorExit
    if what == "nostr":
        class Mute(Exception):
            def __str__(self): return self.nothing
        raise Mute
"""
RAISED = {
    "value": "ValueError: no such thing (conftest.py:9)",
    "library": "JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) "
    "(conftest.py:10)",
    "stop": "StopIteration: x (conftest.py:11)",
    "exit": "SystemExit: 3 (conftest.py:12)",
    "interrupt": "KeyboardInterrupt (conftest.py:13)",
    "cancel": "CancelledError (conftest.py:14)",
    "timeout": "TimeoutError: inner (conftest.py:15)",
    "skip": "Skipped: no (conftest.py:16)",
    "generator": "GeneratorExit (conftest.py:17)",
    "nostr": "Mute: (it cannot say what: its __str__ raises AttributeError) (conftest.py:21)",
}


@pytest.mark.parametrize("kind", ["async def", "def"])
def test_what_it_raises_is_that_runs_error_with_file_and_line(
    project: Project, workers: tuple[str, ...], kind: str
) -> None:
    functions(project, RAISING.replace("async def", kind))
    broken = [right(name, prompt=name) for name in RAISED]
    project.suite(*broken, models=["my/agent"])
    project.suite(right("add"), name="other.yaml")

    found = results(project, *workers)

    assert {name: one["error"]["message"] for name, one in found.items() if name != "add"} == {
        name: f"my/agent: {text}" for name, text in RAISED.items()
    }
    assert {one["error"]["kind"] for name, one in found.items() if name != "add"} == {"provider"}
    assert found["add"]["status"] == "passed"


RETURNING = """
class Name(str): pass
VALUES = {
    "none": None, "bytes": b"4", "number": 4, "list": ["4"], "class": Response,
    "text": Response(4), "usage": Response("4", usage={"input_tokens": 1}), "tokens": Response("4", usage=Usage("1")),
    "negative": Response("4", usage=Usage(-1)), "nan": Response("4", latency_s=float("nan")), "str": Name("4"),
    "surrogate": "4\\ud800",
}
def ask(request): return VALUES[request.messages[-1].content]
"""
RETURNED = {
    "none": "TypeError: it has to return a text or a Response, got NoneType",
    "bytes": "TypeError: it has to return a text or a Response, got bytes",
    "number": "TypeError: it has to return a text or a Response, got int",
    "list": "TypeError: it has to return a text or a Response, got list",
    "class": "TypeError: it has to return a text or a Response, got StructMeta",
    "text": "TypeError: it has to return a text or a Response; of its Response: Expected `str`, got `int` "
    "- at `$.text`",
    "usage": None,
    "tokens": "TypeError: it has to return a text or a Response; of its Response: Expected `int | null`, got `str` "
    "- at `$.usage.input_tokens`",
    "negative": "ValueError: input_tokens = -1 of its Response has to be 0 or more",
    "nan": "ValueError: latency_s = nan of its Response has to be 0 or more",
    "str": None,
    "surrogate": None,
}


def test_what_it_returns_is_looked_at(project: Project, workers: tuple[str, ...]) -> None:
    functions(project, RETURNING)
    project.suite(*(right(name, prompt=name, checks=[{"contains": "4"}]) for name in RETURNED), models=["my/agent"])

    found = results(project, *workers)

    told = {name: one["error"] and one["error"]["message"] for name, one in found.items()}
    assert told == {name: text and f"my/agent: {text}" for name, text in RETURNED.items()}


def test_the_limit_ends_a_function_that_waits(project: Project, workers: tuple[str, ...]) -> None:
    source = """
from pytest_benchmodels.engine import lanes
lanes._JOIN_TIMEOUT_S = 0.5  # with what will not end at the session's end
async def ask(request):
    if request.messages[-1].content == "stubborn":
        while True:
            try: await asyncio.Event().wait()
            except asyncio.CancelledError: continue
    try: await asyncio.Event().wait()
    finally: note("cancelled.txt")
def sync(request): threading.Event().wait()
def spinning(request):
    while True: pass
"""
    functions(project, source, given="{'my/agent': ask, 'sync': sync, 'spinning': spinning}")
    project.suite(
        right("waits", timeout=0.3, models=["my/agent", "sync", "spinning"]),
        right("stubborn", timeout=0.3, prompt="stubborn", models=["my/agent"]),
        right("add"),
    )

    result = project.bench_process(*workers)

    assert result.parseoutcomes() == {"failed": 4, "passed": 1}
    result.stdout.fnmatch_lines(["Timeout (>0.3s): attempt 1 was not answered*"])
    assert (project.path / "cancelled.txt").read_text() == "x"


# Whoever looks for what is late does so more often, and bears less, than otherwise.
HOLDING = """
from pytest_benchmodels.plugin.workers import overdue
overdue.GRACE_S = overdue._EVERY_S = 0.5
async def ask(request): threading.Event().wait()
"""


def test_a_function_that_holds_the_loop_is_ended(project: Project, workers: tuple[str, ...]) -> None:
    functions(project, HOLDING)
    project.suite(right("holds", timeout=1, models=["my/agent"]), right("add"))

    result = project.bench_process("--bench-json=out.json", *workers)

    words = "*suite.yaml::holds[[]my/agent]: the code of its model holds the interpreter*"
    if workers:
        errors = {one["scenario"]: one["error"] for one in json_report(project.path / "out.json")["results"]}
        assert errors.pop("holds")["kind"] == "worker-crash"
        assert errors == {"add": None}
        result.stdout.fnmatch_lines([words])
    else:
        assert result.ret not in (0, 1)
        result.stderr.fnmatch_lines([f"!!! {words}"])


def test_a_function_that_ends_its_worker_is_the_one_to_blame(project: Project) -> None:
    functions(project, "def ask(request): os._exit(7)")
    project.suite(right("add"), right("sub"))
    project.suite(right("ends"), models=["my/agent"], name="ends.yaml")

    found = results(project, "-n2")

    assert found["ends"]["error"]["kind"] == "worker-crash"
    assert [found[name]["status"] for name in ("add", "sub")] == ["passed", "passed"]


def test_a_retryable_error_is_retried_and_others_are_not(project: Project, workers: tuple[str, ...]) -> None:
    source = """
def ask(request):
    what = request.messages[-1].content
    if what == "busy" and request.attempt < 3:
        raise ProviderError("overloaded", "busy", retryable=True, retry_after_s=0)
    if what == "refused": raise ProviderError("bad-request", "no", status=400)
    if what == "odd": raise ProviderError("budget", "no")
    if what == "odder": raise ProviderError("http", "no", retryable=True, retry_after_s="soon")
    return Response("4", usage=Usage(1, 1))
"""
    functions(project, source)
    project.write("bench.toml", '[model."my/agent"]\nprice = {input = 1, output = 1}\n')
    project.suite(*(right(name, prompt=name) for name in ("busy", "refused", "odd", "odder")), models=["my/agent"])

    found = results(project, *workers)

    assert (found["busy"]["status"], found["busy"]["attempts"], found["busy"]["cost_usd"]) == ("passed", 3, None)
    assert found["refused"]["error"] == {"kind": "bad-request", "message": "no"}
    assert (found["refused"]["attempts"], found["refused"]["cost_usd"]) == (1, 0)
    assert found["odd"]["error"]["message"] == (
        "a ProviderError was raised whose kind 'budget' is the plugin's own: take one of another name (conftest.py:10)"
    )
    assert found["odder"]["error"]["message"] == (
        "a ProviderError was raised whose retry_after_s is no number of seconds: 'soon' (conftest.py:11)"
    )


def test_it_sees_no_solution_and_may_change_its_parameters(project: Project, workers: tuple[str, ...]) -> None:
    source = """
def ask(request):
    request.params.pop("stop").append("x")
    return repr((request.checks, request.target, request.trial, request.model.id, len(request.messages)))
"""
    functions(project, source)
    told = "((), None, {trial}, 'my/agent', 1)"
    one = scenario("add", params={"stop": ["y"]}, target="4", repeat=2, checks=[{"contains": "((), None, "}])
    project.suite(one, models=["my/agent"])

    result = project.bench("--bench-json=out.json", *workers)

    assert result.parseoutcomes() == {"passed": 2}
    texts = {one["response"]["text"] for one in json_report(project.path / "out.json")["results"]}
    assert texts == {told.format(trial=1), told.format(trial=2)}


def test_max_in_flight_and_the_breaker_hold(project: Project) -> None:
    source = """
lock, now, most = threading.Lock(), 0, 0
def ask(request):
    global now, most
    with lock:
        now += 1
        most = max(most, now)
    time.sleep(0)
    with lock:
        now -= 1
        with open("most.txt", "w") as file: file.write(str(most))
    raise ProviderError("auth", "the agent's own key is wrong", status=401)
"""
    functions(project, source)
    project.write("bench.toml", '[model."my/agent"]\nmax_in_flight = 1\n')
    project.suite(*(right(f"s{number}") for number in range(8)), models=["my/agent"])

    found = results(project)

    assert (project.path / "most.txt").read_text() == "1"
    assert sum(one["attempts"] for one in found.values()) == 5
    assert found["s7"]["error"]["message"].startswith("not started: 5 runs in a row ended with")


CACHED = 'def ask(request):\n    note("asked.txt")\n    return "4"\n'


def test_answers_are_reused_until_the_code_changes(project: Project, workers: tuple[str, ...]) -> None:
    def asked() -> int:
        return len((project.path / "asked.txt").read_text())

    functions(project, CACHED)
    project.suite(right("add"), models=["my/agent"])
    project.bench(*workers)
    assert asked() == 1

    for option in ("--bench-cache", "--bench-regrade"):
        assert project.bench(option, *workers).parseoutcomes() == {"passed": 1}
        assert asked() == 1

    functions(project, CACHED + "# changed\n")
    reuse = results(project, "--bench-cache", *workers)["add"]["reuse"]
    assert (asked(), reuse) == (2, "not reused: model changed")


def test_an_unfinished_run_is_resumed(project: Project, workers: tuple[str, ...]) -> None:
    functions(
        project, CACHED.replace("    return", '    if not os.path.exists("up"): raise OSError("down")\n    return')
    )
    project.suite(right("add"), right("sub"), models=["my/agent", "sim/steady"])
    assert project.bench(*workers).parseoutcomes() == {"errors": 2, "passed": 2}

    project.write("up", "")
    assert project.bench("--bench-resume", *workers).parseoutcomes() == {"passed": 4}
    assert len((project.path / "asked.txt").read_text()) == 4


def test_the_plan_knows_it_and_calls_nothing(project: Project) -> None:
    functions(project, CACHED)
    project.suite(right("add"), models=["my/agent"])

    result = project.bench("--bench-plan")

    result.stdout.fnmatch_lines(["my/agent *1 *"])
    assert not (project.path / "asked.txt").exists()


def test_keys_of_the_environment_are_hidden(
    project: Project, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sk-0123456789abcdef"
    monkeypatch.setenv("SEARCH_API_KEY", secret)
    source = """
def ask(request):
    key = os.environ["SEARCH_API_KEY"]
    if request.messages[-1].content == "raise": raise ValueError(f"wrong key {key}")
    return f"4 {key}"
"""
    functions(project, source)
    project.suite(right("says"), right("raise", prompt="raise"), models=["my/agent"])

    result = project.bench("--bench-json=out.json", "--junitxml=out.xml", "--bench-html=out.html", *workers)

    result.stdout.fnmatch_lines(["*wrong key [*][*][*] (conftest.py:7)*"])
    written = [path.read_bytes() for path in project.path.rglob("*") if path.is_file() and path.name != "conftest.py"]
    assert not any(secret.encode() in content for content in written)
    assert secret not in result.stdout.str()


def test_it_holds_whole_conversations(project: Project, workers: tuple[str, ...]) -> None:
    functions(project, "def ask(request): return ' '.join(message.role for message in request.messages)")
    turns = [{"prompt": "one"}, {"prompt": "two", "checks": [{"equals": "system user assistant user"}]}]
    talk = {"id": "talk", "system": "Be brief.", "turns": turns}
    project.write("suite.yaml", json.dumps({"models": ["my/agent"], **talk}))

    assert project.bench(*workers).parseoutcomes() == {"passed": 1}


def test_what_it_states_as_its_cost_counts_for_the_budget(project: Project) -> None:
    functions(project, 'def ask(request): return Response("4", usage=Usage(stated_cost_usd=0.02))')
    project.write("bench.toml", '[model."my/agent"]\nmax_in_flight = 1\n')
    project.suite(*(right(f"s{number}") for number in range(5)), models=["my/agent"])

    result = project.bench("--bench-budget=0.04")

    assert result.parseoutcomes() == {"passed": 2, "skipped": 3}


def test_an_alias_of_a_function_that_nobody_gives_is_refused(project: Project) -> None:
    functions(project, 'def ask(request): return "4"')
    project.write("bench.toml", '[model.hot]\nprovider = "function"\nname = "my/agnet"\n')
    project.suite(right("add"), models=["hot"])

    result = project.bench()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = "model 'hot': unknown function 'my/agnet'; did you mean 'my/agent'?*(known are my/agent)*"
    result.stderr.fnmatch_lines([f"ERROR: {said}"])


def test_a_plugin_that_reruns_calls_it_again(project: Project) -> None:
    source = "count = 0\ndef ask(request):\n    global count\n    count += 1\n    return '4' if count > 1 else '5'"
    functions(project, source)
    project.suite(right("add"), models=["my/agent"])

    assert project.bench("-p", "rerunfailures", "--reruns=1").parseoutcomes() == {"passed": 1, "rerun": 1}


def test_many_workers_share_its_runs(project: Project) -> None:
    functions(project, "async def ask(request): return '4'")
    project.suite(*(right(f"s{number}") for number in range(60)), models=["my/agent"])

    assert project.bench("-n20").parseoutcomes() == {"passed": 60}
