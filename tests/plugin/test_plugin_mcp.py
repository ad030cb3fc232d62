"""MCP servers as tools: real servers over stdio, what becomes of them, and what a user is told."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.forked_processes import forking
from tests.plugin.plugin_parts import Project, scenario
from tests.plugin.plugin_process import live_session
from tests.plugin.plugin_results import JSON, results, seen_by
from tests.plugin.test_plugin_tools import COUNTER, call, calling, told

OFFICIAL = """
import os
from pathlib import Path

from mcp.server import MCPServer
from mcp.server.mcpserver import Image
from mcp.types import CallToolResult

with Path("pids.txt").open("a") as file:
    file.write(f"{os.getpid()}\\n")
server = MCPServer("shop", version="1.2")
made = []

@server.tool()
def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b

@server.tool()
def count() -> str:
    made.append(1)
    return str(len(made))

@server.tool(structured_output=False)
def picture() -> list:
    return ["a pixel", Image(data=b"GIF89a", format="gif")]

@server.tool()
def fails() -> str:
    raise ValueError("no such thing")

@server.tool()
def structured() -> CallToolResult:
    return CallToolResult(content=[], structured_content={"sky": "rain"})

@server.tool()
def environment() -> list[str]:
    return sorted(os.environ.values())

server.run("stdio")
"""

BY_HAND = """
import json, os, signal, subprocess, sys
from pathlib import Path

def note(pid):
    with Path("pids.txt").open("a") as file:
        file.write(f"{pid}\\n")

note(os.getpid())
made = 0
TOOLS = [{"name": name, "description": name, "inputSchema": {"type": "object"}} for name in sys.argv[1:]]
for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request:
        continue
    result = None
    if request["method"] == "initialize":
        version = request["params"]["protocolVersion"]
        about = {"name": "by hand", "version": "1"}
        result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
    elif request["method"] == "tools/list":
        result = {"tools": TOOLS}
    elif request["method"] == "tools/call":
        name = request["params"]["name"]
        made += 1
        with Path("called.txt").open("a") as file:
            file.write(f"{name}\\n")
        if name == "dies":
            print("the last\\x1b[31m word", file=sys.stderr, flush=True)
            os._exit(3)
        if name == "babbles":
            print("Hello, I am a server!", flush=True)
        if name in ("hangs", "stubborn"):
            if name == "stubborn":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
                note(child.pid)
            Path("hanging.txt").write_text("yes")
            while True:
                signal.pause()
        result = None if name == "refuses" else {"content": [{"type": "text", "text": str(made)}]}
    if result is None:
        answer = {"error": {"code": -32601, "message": "no such method"}}
    else:
        answer = {"result": result}
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}), flush=True)
"""


@pytest.fixture(scope="module", autouse=True)
def client_imported() -> Iterator[None]:
    """Import what a session imports, once: it takes a second, and pytester forgets what a session imported."""
    names = ("mcp", "mcp.client.stdio", "mcp.shared.message", "mcp.types")
    for name in names:
        importlib.import_module(name)
    with forking(*names) if hasattr(os, "pidfd_open") else nullcontext():
        yield


@pytest.fixture(autouse=True)
def nothing_outlives_a_failed_test(project: Project) -> Iterator[None]:
    """A test that fails may leave what it looks for."""
    yield
    if (project.path / "pids.txt").exists():
        for pid in alive(project):
            os.kill(pid, signal.SIGKILL)


def official(project: Project, *lines: str) -> None:
    project.write("server.py", OFFICIAL)
    project.write("bench.toml", table("shop", "server.py", *lines))


def by_hand(project: Project, *tools: str, lines: tuple[str, ...] = ()) -> None:
    project.write("server.py", BY_HAND)
    project.write("bench.toml", table("shop", "server.py", *lines, arguments=tools))


def table(name: str, script: str, *lines: str, arguments: tuple[str, ...] = ()) -> str:
    return "\n".join((f"[mcp.{name}]", f"command = {json.dumps([sys.executable, script, *arguments])}", *lines, ""))


def pids(project: Project) -> list[int]:
    return list(map(int, (project.path / "pids.txt").read_text(encoding="utf-8").split()))


def alive(project: Project) -> list[int]:
    """Those of the servers' processes that run: what has ended and nobody has waited for has no command."""
    commands = {pid: Path(f"/proc/{pid}/cmdline") for pid in pids(project)}
    return [pid for pid, path in commands.items() if path.exists() and path.read_bytes()]


REFUSAL = {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "not today"}}
SHOP: list[dict[str, Any]] = [{"mcp": "shop"}]


def test_a_server_of_the_official_package(project: Project, workers: tuple[str, ...]) -> None:
    official(project)
    calls = (
        [call("add", a=1, b=2), call("count"), call("count")],
        call("fails"),
        call("add", a="x"),
        call("add", a=2, b=2),
    )
    checks: list[dict[str, Any]] = [
        {"tool_called": "add", "arguments": {"a": 1}},
        {"equals": "4"},
        {"tools_called": ["add", "count", "count", "fails", "add"], "order": "in_order"},
    ]
    project.suite(calling("a", *calls, tools=SHOP, checks=checks), calling("b", call("structured"), tools=SHOP))

    result = project.bench(JSON, "--bench-html=out.html", *workers)

    assert result.ret == 0
    runs = {run["scenario"]: run for run in results(project).values()}
    first, second, third, fourth, _ = told(runs["a"])
    assert first[0] == ("3", False)
    assert sorted(first[1:]) == [("1", False), ("2", False)]
    assert second[0][0].startswith("Error executing tool fails")
    assert second[0][1]
    assert third[0][0].startswith("the arguments do not fit the tool's parameters: at $.a: 'x'")
    assert fourth == [("4", False)]
    assert told(runs["b"])[0] == [('{"sky": "rain"}', False)]
    assert not alive(project)
    assert "call add(" in (project.path / "out.html").read_text(encoding="utf-8")


def test_what_the_model_is_told_of_tools_is_what_the_server_says(project: Project) -> None:
    official(project)
    project.write("conftest.py", DESCRIBED)
    project.suite(
        {**scenario("a", models=["my/model"], checks=[]), "tools": [{"mcp": "shop", "only": ["add"]}, COUNTER]}
    )

    assert project.bench(JSON).ret == 0

    (run,) = results(project).values()
    described = json.loads(run["response"]["text"])
    assert [tool[:2] for tool in described] == [["add", "Add two numbers."], ["next", ""]]
    assert described[0][2]["required"] == ["a", "b"]


DESCRIBED = """
import json

def ask(request):
    return json.dumps([[tool.name, tool.description, tool.parameters] for tool in request.tools])

def pytest_bench_models():
    return {"my/model": ask}
"""

PICTURES = """
from pytest_benchmodels import Response, ToolCall

def ask(request):
    if len(request.messages) == 1:
        return Response("", tool_calls=(ToolCall("1", "picture", {}),))
    (result,) = request.messages[-1].parts
    text, image = result.content
    return f"{text.text}: {image.media_type} {image.data}"

def pytest_bench_models():
    return {"my/model": ask}
"""


def test_images_reach_the_model_as_images(project: Project, workers: tuple[str, ...]) -> None:
    official(project)
    project.write("conftest.py", PICTURES)
    project.suite(
        {**scenario("a", models=["my/model"], checks=[{"equals": "a pixel: image/gif R0lGODlh"}])} | {"tools": SHOP}
    )

    assert project.bench(JSON, *workers).ret == 0

    project.path.joinpath("pids.txt").unlink()
    assert project.bench("--bench-regrade", *workers).ret == 0


def test_it_gets_a_small_environment_and_what_bench_toml_says(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, other = "very-secret-4711-abc", "not-for-servers"
    monkeypatch.setenv("SHOP_PASSWORD", secret)
    monkeypatch.setenv("OTHER_THING", other)
    official(project, 'env = {PASSWORD = "env:SHOP_PASSWORD", LEVEL = "a-plain-text"}')
    project.suite(
        calling("a", call("environment"), tools=SHOP, checks=[{"contains": "a-plain-text"}, {"contains": "***"}])
    )

    result = project.bench(JSON, "--bench-html=out.html", "--junitxml=out.xml")

    assert result.ret == 0
    store = (project.path / ".benchmodels" / "store.sqlite").read_bytes().decode("latin-1")
    texts = [(project.path / name).read_text(encoding="utf-8") for name in ("b.json", "out.html", "out.xml")]
    everything = "".join((*texts, store, result.stdout.str()))
    assert secret not in everything
    assert other not in everything


def test_each_run_has_a_server_of_its_own_unless_it_is_shared(project: Project, workers: tuple[str, ...]) -> None:
    by_hand(project, "count")
    of_count = [calling(name, call("count"), tools=SHOP, checks=[{"equals": "1"}]) for name in "abc"]
    project.suite(*of_count)

    assert project.bench(*workers).parseoutcomes() == {"passed": 3}

    # A worker that is not ready in time has nothing to do, and may list no tools.
    assert len(pids(project)) in ((4, 5) if workers else (4,))
    assert not alive(project)


def test_a_shared_server_is_one_for_all_runs(project: Project) -> None:
    by_hand(project, "count", lines=("shared = true",))
    project.suite(*[calling(name, call("count"), tools=SHOP) for name in "abc"])

    assert project.bench(JSON).ret == 0

    assert sorted(told(run)[0][0][0] for run in results(project).values()) == ["1", "2", "3"]
    assert len(pids(project)) == 2
    assert not alive(project)


def test_a_shared_server_that_died_is_started_anew(project: Project) -> None:
    by_hand(project, "dies", "count", lines=("shared = true",))
    project.suite(calling("a", call("dies"), tools=SHOP), calling("b", call("count"), tools=SHOP))

    result = project.bench(JSON, "--bench-concurrency=1")

    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    assert not alive(project)


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("dies", "MCP server 'shop' gave no result of 'dies': it ended with status 3; the end of its stderr: the last"),
        (
            "babbles",
            "it wrote to its stdout what is no message of the protocol: 'Hello, I am a server!'",
        ),
        ("hangs", "MCP server 'shop' gave no result of 'hangs' within 5 s"),
    ],
)
def test_a_server_that_fails_in_a_run_is_that_runs_error(
    project: Project, workers: tuple[str, ...], tool: str, said: str
) -> None:
    # The limit holds for the start, too, which a busy machine draws out: only the one that hangs may meet it.
    by_hand(project, tool, "count", lines=(f"timeout = {5 if tool == 'hangs' else 60}",))
    project.suite(
        calling("bad", call(tool), tools=SHOP),
        calling("good", call("count"), tools=[{"mcp": "shop", "only": ["count"]}], checks=[{"equals": "1"}]),
    )

    result = project.bench(JSON, *workers)

    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    error = next(run["error"] for run in results(project).values() if run["scenario"] == "bad")
    assert error["kind"] == "tool"
    assert said in error["message"]
    assert "\x1b" not in error["message"] + result.stdout.str()
    assert not alive(project)


def test_what_a_server_refuses_is_told_to_the_model_as_one_error(project: Project, workers: tuple[str, ...]) -> None:
    by_hand(project, "refuses")
    # A simulated model says what it was told, in the form that its API has it.
    project.suite(calling("a", call("refuses"), tools=SHOP, checks=[{"equals": "Error: no such method"}]))

    assert project.bench(JSON, *workers).ret == 0

    (run,) = results(project).values()
    assert told(run)[0] == [("no such method", True)]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "raise SystemExit('no licence')",
            "MCP server 'shop' did not start: it ended with status 1; the end of its stderr: no licence",
        ),
        (
            "print('welcome', flush=True); input()",
            "did not start: it wrote to its stdout what is no message of the protocol: 'welcome'",
        ),
        ("import signal\nwhile True: signal.pause()", "MCP server 'shop' did not start within 1 s"),
        (
            'input(); print(\'{"jsonrpc": "2.0", "id": 0, "result": 4}\', flush=True); input()',
            "MCP server 'shop' did not start: ",
        ),
        (
            f"input()\nprint({json.dumps(json.dumps(REFUSAL))}, flush=True)\ninput()",
            "MCP server 'shop' did not start: not today",
        ),
    ],
)
def test_a_server_that_does_not_start_is_told_when_files_are_read(
    project: Project, workers: tuple[str, ...], script: str, said: str
) -> None:
    project.write("server.py", "import os\nopen('pids.txt', 'a').write(f'{os.getpid()}\\n')\n" + script)
    # Only the one that never says a word may meet its limit, however busy the machine is.
    limit_s = 1 if "within 1 s" in said else 60
    project.write("bench.toml", table("shop", "server.py", f"timeout = {limit_s}"))
    project.suite(calling("a", tools=SHOP), calling("b", tools=SHOP), name="bad.json")
    project.suite(scenario("c"), name="good.json")

    result = project.bench("--continue-on-collection-errors", *workers)

    shown = result.stdout.str()
    assert result.ret != 0
    assert f"bad.json:1: {said}" in shown or said in shown
    assert "Traceback" not in shown
    assert not alive(project)


def test_a_command_that_is_not_there(project: Project) -> None:
    project.write("bench.toml", '[mcp.shop]\ncommand = ["no-such-command"]\n')
    project.suite(calling("a", tools=SHOP))

    shown = project.bench().stdout.str()

    assert (
        "suite.yaml:1: MCP server 'shop' did not start: [Errno 2] No such file or directory: 'no-such-command'" in shown
    )
    assert "see `command` and `cwd` of [mcp.shop]" in shown


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        (
            [{"mcp": "shopp"}],
            "mcp 'shopp': bench.toml defines no such server; there are 'shop': write [mcp.NAME] with its command there",
        ),
        (
            [{"mcp": "shop", "only": ["cuont"]}],
            "MCP server 'shop' has no tool 'cuont'; it has 'count', 'a.b'; did you mean 'count'?",
        ),
        ([{"mcp": "shop", "results": 1}], "beside `mcp` stands nothing but `only`"),
        ([{"mcp": "shop", "only": ["count"]}, {"name": "count", "results": 1}], "tool 'count' is there twice"),
        ([{"mcp": "shop"}], "tool 'a.b' of MCP server 'shop': no API takes this name"),
        ([{"name": "x", "results": 1, "only": ["y"]}], "`only` is about the tools of a server"),
        ([{"results": 1}], "a tool lacks 'name'"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_line(project: Project, tools: list[dict[str, Any]], said: str) -> None:
    by_hand(project, "count", "a.b")
    project.suite({**scenario("a"), "tools": tools})

    result = project.bench("--collect-only")

    assert result.ret != 0
    assert "suite.yaml:1: " in result.stdout.str()
    assert said in result.stdout.str()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "[mcp.shop]\nshared = true\n",
            "bench.toml:1: [mcp.shop] lacks command: write the words that start the server",
        ),
        ('[mcp.shop]\ncommand = "python x"\n', "bench.toml:2: command = 'python x': Expected `array`"),
        (
            '[mcp.shop]\ncommand = ["x"]\nenv = {KEY = "env:"}\n',
            "bench.toml:3: env: each value is a text, or read from",
        ),
        ('[mcp.shop]\ncommand = ["x"]\ntimeout = 0\n', "bench.toml:3: timeout = 0"),
        ('[mcp.shop]\ncomand = ["x"]\n', "unknown key 'comand' in [mcp.shop]; did you mean 'command'?"),
    ],
)
def test_a_table_that_is_wrong(project: Project, lines: str, said: str) -> None:
    project.write("bench.toml", lines)
    project.suite(scenario("a"))

    result = project.bench()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()


def test_a_variable_that_is_not_set(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    by_hand(project, "count", lines=('env = {PASSWORD = "env:SHOP_PASSWORD"}',))
    project.suite(calling("a", tools=SHOP))

    assert "MCP server 'shop': set the environment variable SHOP_PASSWORD" in project.bench().stdout.str()


def test_without_the_package_the_error_names_the_extra(project: Project, real_processes: None) -> None:
    by_hand(project, "count")
    project.write("conftest.py", "import sys\nsys.modules['mcp'] = None\n")
    project.suite(calling("a", tools=SHOP))

    shown = project.bench_process().stdout.str()

    assert 'suite.yaml:1: [mcp.shop] needs the package mcp: pip install "pytest-benchmodels[mcp]"' in shown


def test_validate_knows_the_names_and_starts_nothing(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(project, "count")
    project.suite({**scenario("a"), "tools": SHOP, "tool_choice": "count"}, name="good.yaml")
    project.suite({**scenario("a"), "tools": [{"mcp": "other"}]}, name="bad.yaml")
    monkeypatch.chdir(project.path)

    assert main(["validate", "good.yaml"]) == 0
    assert main(["validate", "bad.yaml"]) == 1

    assert "mcp 'other': bench.toml defines no such server; there are 'shop'" in capsys.readouterr().out
    assert not (project.path / "pids.txt").exists()


def test_stored_answers_call_no_server(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    by_hand(project, "count")
    before = (project.path / "bench.toml").read_text(encoding="utf-8")
    project.write("bench.toml", f'{before}[model.m]\nprovider = "sim"\nname = "steady"\nbase_url = "{sim.url}"\n')
    project.suite(calling("a", call("count"), tools=SHOP, checks=[{"equals": "1"}]), models=["m"])
    assert project.bench(*workers).ret == 0
    asked = seen_by(sim)["steady"]["requests"]

    assert project.bench("--bench-cache", *workers).ret == 0

    assert seen_by(sim)["steady"]["requests"] == asked
    assert (project.path / "called.txt").read_text(encoding="utf-8") == "count\n"


def test_nothing_is_left_of_a_run_that_ran_out_of_time(project: Project, workers: tuple[str, ...]) -> None:
    by_hand(project, "stubborn", lines=("timeout = 300",))
    project.suite(calling("a", call("stubborn"), tools=SHOP, timeout=5))

    result = project.bench(*workers)

    assert result.parseoutcomes() == {"failed": 1}
    assert (project.path / "hanging.txt").exists()
    assert not alive(project)


WAITING = """
from pathlib import Path

def wait(request):
    return Path(__file__).with_name("hanging.txt").read_text()

def pytest_bench_models():
    return {"my/model": wait}
"""


def test_nothing_is_left_after_the_first_failure(project: Project, workers: tuple[str, ...]) -> None:
    by_hand(project, "stubborn", lines=("timeout = 300",))
    project.write("conftest.py", WAITING)
    os.mkfifo(project.path / "hanging.txt")
    project.suite(
        calling("a", call("stubborn"), tools=SHOP, timeout=0),
        scenario("b", models=["my/model"], checks=[{"equals": "no"}]),
    )

    result = project.bench("-x", *workers)

    assert result.parseoutcomes()["failed"] == 1
    assert not alive(project)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_session_that_is_interrupted(
    project: Project, workers: tuple[str, ...], number: signal.Signals
) -> None:
    by_hand(project, "stubborn", lines=("timeout = 300",))
    os.mkfifo(project.path / "hanging.txt")
    project.suite(calling("a", call("stubborn"), tools=SHOP, timeout=0))

    with live_session(project.path, *workers) as session:
        (project.path / "hanging.txt").read_text(encoding="utf-8")  # until the server hangs
        session.send(number)
        session.end()

    assert not alive(project)
