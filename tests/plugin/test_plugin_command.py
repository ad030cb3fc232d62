"""`provider = "command"`: command-line agents where models stand."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, json_report
from tests.plugin.plugin_results import JSON, results

ALLOWED = "--bench-allow-commands"
ECHO = """
import json, os, pathlib, sys
prompt = sys.stdin.read()
pathlib.Path("seen.txt").write_text("made by the agent")
print(json.dumps({"answer": prompt, "words": sys.argv[1:], "usage": {"in": 1000, "out": 10}, "cost": 0.25,
                  "environment": sorted(os.environ), "model": "echo-2"}))
"""
OUTPUT = (
    '{format = "json_line", text = "answer", input_tokens = "usage.in", output_tokens = "usage.out", '
    'cost_usd = "cost", served_model = "model"}'
)


def agent(project: Project, source: str = ECHO, words: str = "", name: str = "agent", **keys: str) -> None:
    """A model that is a Python script of this source; `keys` are TOML."""
    project.write(f"{name}.py", source)
    command = f'command = ["{sys.executable}", "{{project}}/{name}.py"{words}]'
    table = "\n".join((f"[model.{name}]", 'provider = "command"', command, *(f"{k} = {v}" for k, v in keys.items())))
    path = project.path / "bench.toml"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    project.write("bench.toml", f"{before}\n{table}\n")


def asking(**keys: object) -> dict[str, Any]:
    return {"id": "a", "prompt": "4", "checks": [{"equals": "4"}], **keys}


def only(project: Project) -> Mapping[str, Any]:
    (run,) = results(project).values()
    return run


def test_a_command_answers_with_what_it_took(project: Project, workers: tuple[str, ...]) -> None:
    agent(project, output=OUTPUT)
    project.suite(asking(), models=["agent"])

    result = project.bench(JSON, ALLOWED, *workers)

    assert result.parseoutcomes() == {"passed": 1}
    run = only(project)
    assert run["cost_usd"] == 0.25
    assert (run["response"]["usage"]["input_tokens"], run["response"]["usage"]["output_tokens"]) == (1000, 10)
    assert run["response"]["served_model"] == "echo-2"
    assert run["response"]["ttft_s"] is None
    assert run["latency_s"] > 0
    assert [each["path"] for each in run["response"]["changes"]] == ["seen.txt"]
    assert [each["purpose"] for each in run["work"]["commands"]] == ["agent"]


def test_without_the_option_it_is_skipped_and_nothing_runs(project: Project, workers: tuple[str, ...]) -> None:
    agent(project, "open('ran', 'w')")
    project.suite(asking(), models=["agent"])

    result = project.bench("-rs", *workers)

    assert result.parseoutcomes() == {"skipped": 1}
    result.stdout.fnmatch_lines("*--bench-allow-commands*")
    assert not list(project.path.rglob("ran"))


@pytest.mark.parametrize(
    ("words", "keys", "read"),
    [
        ("", {}, "sys.stdin.read()"),
        ("", {"prompt": '"argument"'}, "sys.argv[1]"),
        (', "--prompt={prompt}"', {}, "sys.argv[1].removeprefix('--prompt=')"),
        (', "{prompt_file}"', {}, "pathlib.Path(sys.argv[1]).read_text()"),
    ],
    ids=["stdin", "argument", "word", "file"],
)
def test_the_prompt_comes_by_stdin_word_or_file(project: Project, words: str, keys: dict[str, str], read: str) -> None:
    agent(project, f"import pathlib, sys\nprint({read}, end='')", words, **keys)
    project.suite(
        asking(prompt="  {model} a\n'$HOME' \u00e9 ", checks=[{"equals": "{model} a\n'$HOME' \u00e9"}]),
        models=["agent"],
    )

    assert project.bench(JSON, ALLOWED).ret == 0
    assert only(project)["response"]["changes"] == []


def test_words_have_model_workspace_and_turns(project: Project, workers: tuple[str, ...]) -> None:
    shows = "import os, sys\nprint(*sys.argv[1:3], os.path.samefile(sys.argv[3], '.'), sys.argv[4])"
    words = ', "--model={model}", "{max_turns}", "{workspace}", "{other}"'
    agent(project, shows, words, name="a", max_turns="7")
    text = (project.path / "bench.toml").read_text()
    project.write("bench.toml", text.replace('provider = "command"', 'provider = "command"\nname = "big-1"'))
    project.suite(asking(checks=[{"equals": "--model=big-1 7 True {other}"}]), models=["a"])

    assert project.bench(JSON, ALLOWED, *workers).ret == 0


def test_it_sees_no_variable_but_those_of_its_table(
    project: Project, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-never-seen-by-anyone-1")
    monkeypatch.setenv("MY_AGENT_KEY", "sk-mine-0123456789abcdef")
    agent(
        project,
        "import os, sys\nkey = os.environ['TOKEN']\nsys.stderr.write(key)\n"
        "print(sorted(os.environ), key, os.environ['PLAIN'])",
        env='{TOKEN = "env:MY_AGENT_KEY", PLAIN = "text"}',
    )
    project.suite(asking(checks=[{"contains": "*** text"}, {"contains": "API_KEY", "not": True}]), models=["agent"])

    result = project.bench(JSON, ALLOWED, "--bench-html=b.html", *workers)

    assert result.ret == 0, result.stdout.str()
    for path in ("b.json", "b.html"):
        assert "sk-mine" not in (project.path / path).read_text()


def test_a_variable_that_is_not_set_ends_the_session(project: Project, workers: tuple[str, ...]) -> None:
    agent(project, env='["MY_AGENT_KEY"]')
    project.suite(asking(), models=["agent"])

    result = project.bench(ALLOWED, *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*no API key for agent: set the environment variable MY_AGENT_KEY*")


def test_a_program_that_is_not_there_ends_the_session(project: Project, workers: tuple[str, ...]) -> None:
    project.write("bench.toml", '\n[model.lost]\nprovider = "command"\ncommand = ["no-such-agent", "-p"]\n')
    project.suite(asking(), models=["lost"])

    result = project.bench(ALLOWED, *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = "bench.toml:4: model lost: the program 'no-such-agent' is not on the PATH: install it, or say by `command`*"
    result.stderr.fnmatch_lines(f"*{said}")


FAILURES: list[tuple[str, dict[str, str], str, str]] = [
    ("import sys; print('half'); sys.stderr.write('no luck'); sys.exit(3)", {}, "agent", "exit status 3: no luck"),
    (
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        {},
        "agent",
        "was ended by SIGSEGV: it printed nothing",
    ),
    ("", {}, "agent", "ended with exit status 0 and no output: it printed nothing"),
    ("print('  ')", {}, "agent", "printed nothing"),
    ("print('no json')", {"output": OUTPUT}, "agent", "has no line that is a JSON object: it begins with 'no json'"),
    ("print('no json')", {"output": '{format = "json", text = "a"}'}, "agent", "is no JSON document: it begins with"),
    ("print('{\"b\": 1}')", {"output": '{format = "json", text = "a"}'}, "agent", "there is no text at a"),
    (
        'print(\'{"a": "no way", "bad": true}\')',
        {"output": '{format = "json", text = "a", error = "bad"}'},
        "agent",
        "exit status 0: no way",
    ),
    ("import sys; sys.exit('HTTP 401: invalid api key')", {}, "auth", "HTTP 401"),
    ('import sys; sys.exit("You\'ve hit your weekly limit")', {}, "quota", "weekly limit"),
]


@pytest.mark.parametrize(("source", "keys", "kind", "said"), FAILURES)
def test_what_is_no_answer_is_an_error(
    project: Project, source: str, keys: dict[str, str], kind: str, said: str
) -> None:
    agent(project, source, **keys)
    project.suite(asking(), models=["agent"])

    result = project.bench(JSON, ALLOWED)

    assert result.parseoutcomes() == {"errors": 1}
    run = only(project)
    assert (run["status"], run["error"]["kind"], run["attempts"]) == ("error", kind, 1)
    assert said in run["error"]["message"]
    assert run["cost_usd"] is None, "nobody knows what it took"


def test_failures_are_told_the_same_by_workers(project: Project, workers: tuple[str, ...]) -> None:
    agent(project, "import sys; print('\\033[31mred'); sys.exit(2)")
    project.suite(asking(), models=["agent"])

    result = project.bench(JSON, ALLOWED, *workers)

    result.stdout.fnmatch_lines("*ended with exit status 2: \\x1b[[]31mred*")
    assert "\x1b[31mred" not in result.stdout.str()


LIMITED = """
import os, pathlib, sys, tempfile
counter = pathlib.Path("{counter}")
is_later = "so far" in sys.stdin.read()
attempt = len(counter.read_text()) if counter.exists() else 0
places = [pathlib.Path(place) / "left" for place in (".", os.environ["HOME"], tempfile.gettempdir(), "d")]
seen = [str(place) for place in places if place.exists()]
seen += [pathlib.Path(name).read_text() for name in ("made", "a.txt")]
if is_later == {in_later}:
    counter.write_text("x" * (attempt + 1))
    if attempt < {failures}:
        pathlib.Path("d").mkdir()
        for place in places:
            place.write_text("half a solution")
        pathlib.Path("a.txt").write_text("changed")
        sys.exit("429 Too Many Requests, retry in 0 s")
print(seen)
"""


@pytest.fixture
def limited(project: Project) -> Callable[..., Path]:
    """Makes an agent that is refused at first, and leaves half a solution; the file that counts its attempts."""
    project.waits("0")
    kept = project.path / "kept"
    kept.mkdir()
    kept.chmod(0o777)  # commands of root's sessions may run as somebody else

    def make(name: str = "agent", failures: int = 1, *, in_later: bool = False) -> Path:
        counter = kept / name
        source = LIMITED.format(counter=counter, failures=failures, in_later=in_later)
        agent(project, source, name=name, writable='["kept"]')
        return counter

    return make


IN_FOLDER: dict[str, Any] = {"files": {"a.txt": "given"}, "setup": "echo set up >> made"}


def test_another_attempt_finds_nothing_of_the_first(
    project: Project, workers: tuple[str, ...], limited: Callable[..., Path]
) -> None:
    counter = limited(failures=2)
    project.suite(asking(**IN_FOLDER, checks=[{"equals": "['set up\\n', 'given']"}]), models=["agent"])

    project.bench(JSON, ALLOWED, *workers).assert_outcomes(passed=1)

    run = only(project)
    assert (run["attempts"], counter.read_text()) == (3, "xxx")
    assert run["response"]["changes"] == []
    assert [each["purpose"] for each in run["work"]["commands"]] == ["setup", "agent"] * 3


def test_what_fails_when_it_is_set_up_again_is_the_runs_error(
    project: Project, workers: tuple[str, ...], limited: Callable[..., Path]
) -> None:
    limited()
    fixture = project.path / "kept" / "fixture"
    fixture.mkdir()
    fixture.chmod(0o777)
    (fixture / "a.txt").touch()
    spoils = f'pathlib.Path("{fixture}/a.txt").unlink()\nsys.exit("429 Too Many Requests, retry in 0 s")'
    project.write("agent.py", f"import pathlib, sys\n{spoils}")
    project.suite(asking(workspace="kept/fixture", setup="test -f a.txt"), models=["agent"])

    project.bench(JSON, ALLOWED, *workers).assert_outcomes(errors=1)

    error = only(project)["error"]
    assert error["kind"] == "workspace"
    assert error["message"] == "setup failed with status 1: test -f a.txt: it wrote nothing"


def test_in_a_later_turn_it_is_tried_again_only_where_it_changed_nothing(
    project: Project, workers: tuple[str, ...], limited: Callable[..., Path]
) -> None:
    counter = limited(in_later=True)
    turns = [{"prompt": "1"}, {"prompt": "2"}]
    project.suite({"id": "a", "turns": turns, **IN_FOLDER}, models=["agent"])

    project.bench(JSON, ALLOWED, *workers)

    run = only(project)
    assert (run["status"], run["error"]["kind"], counter.read_text()) == ("error", "rate-limit", "x")


STEPS = """
import json, sys
for answer in sys.stdin.read().split():
    print(json.dumps({"answer": answer, "turns": int(answer)} if answer.isdigit() else {"answer": answer}))
"""
COUNTED = '{format = "json_line", text = "answer", steps = "turns"}'


def test_the_steps_that_an_agent_tells_of_are_counted(project: Project, workers: tuple[str, ...]) -> None:
    agent(project, STEPS, output=COUNTED)
    checks = [{"steps_at_most": 5}]
    turns = [{"prompt": "2"}, {"prompt": "3"}]
    project.suite(
        asking(id="few", checks=checks, prompt="5"),
        asking(id="many", checks=checks, prompt="6"),
        asking(id="unknown", checks=[*checks, {"steps_at_most": 5, "not": True}], prompt="none"),
        {"id": "turns", "turns": turns, "checks": [{"steps_at_most": 4}]},
        models=["agent"],
    )

    result = project.bench(JSON, ALLOWED, "--bench-html=b.html", *workers)

    result.assert_outcomes(passed=1, failed=3)
    said = {name: run["checks"][0]["explanation"] for name, run in results(project).items()}
    assert said == {
        "few[agent]": "expected at most 5 steps, got 5",
        "many[agent]": "expected at most 5 steps, got 6",
        "unknown[agent]": (
            "agent does not tell how many steps it took: output.steps of its table says where that stands"
        ),
        "turns[agent]": "expected at most 4 steps, got 5",
    }
    steps = {name: run["response"]["steps"] for name, run in results(project).items()}
    assert steps == {"few[agent]": 5, "many[agent]": 6, "unknown[agent]": None, "turns[agent]": 3}


def test_max_turns_holds_by_what_an_agent_without_a_flag_tells(project: Project, workers: tuple[str, ...]) -> None:
    agent(project, STEPS, output=COUNTED, max_turns="5")
    project.suite(
        asking(id="few", prompt="5", checks=[{"equals": "5"}]),
        asking(id="many", prompt="6"),
        asking(id="unknown", prompt="none"),
        models=["agent"],
    )

    project.bench(JSON, ALLOWED, *workers).assert_outcomes(passed=1, errors=2)

    errors = {name: run["error"] for name, run in results(project).items() if run["error"]}
    assert {error["kind"] for error in errors.values()} == {"agent"}
    assert "but it took 6 steps, and max_turns allows 5: " in errors["many[agent]"]["message"]
    told = "but it does not say how many steps it took, which max_turns bounds: nothing stands at turns: "
    assert told in errors["unknown[agent]"]["message"]


def test_a_later_turn_tells_what_was_said_and_finds_the_workspace(project: Project, workers: tuple[str, ...]) -> None:
    source = """
import pathlib, sys
path = pathlib.Path("count")
path.write_text(str(int(path.read_text()) + 1) if path.exists() else "1")
print(path.read_text(), "of", repr(sys.stdin.read()))
"""
    agent(project, source)
    turns = [{"prompt": "one"}, {"prompt": "two"}]
    said = (
        "2 of \"The conversation so far:\\\\n\\\\nUser: one\\\\n\\\\nAssistant: 1 of 'Be brief.\\\\\\\\n\\\\\\\\none'"
    )
    checks = [{"contains": "2 of"}, {"contains": "User: one"}, {"contains": "Assistant: 1 of"}]
    project.suite({"id": "a", "system": "Be brief.", "turns": turns, "checks": checks}, models=["agent"])

    assert project.bench(JSON, ALLOWED, *workers).ret == 0, said
    text = only(project)["response"]["text"]
    assert text.startswith("2 of")
    assert text.count("Be brief.") == 2, "in front of each prompt, and in what was said before"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"params": {"temperature": 0}}, "params (temperature): a command takes none"),
        ({"tools": [{"name": "add", "results": [1]}]}, "tools: a command has tools of its own"),
    ],
)
def test_what_a_command_cannot_take_is_refused(project: Project, keys: dict[str, object], said: str) -> None:
    agent(project, "open('/dev/null'); print('4')")
    project.suite(asking(**keys), models=["agent"])

    project.bench(JSON, ALLOWED)

    run = only(project)
    assert (run["error"]["kind"], run["cost_usd"]) == ("unsupported", 0.0)
    assert said in run["error"]["message"]


def test_a_run_that_is_too_long_is_a_timeout(project: Project, workers: tuple[str, ...]) -> None:
    agent(project, "import time; time.sleep(60)")
    project.suite(asking(timeout=0.3), models=["agent"])

    project.bench(JSON, ALLOWED, *workers)

    assert only(project)["status"] == "timeout"


def test_other_words_are_another_agent_to_the_store(project: Project, workers: tuple[str, ...]) -> None:
    agent(project, "print('4')")
    project.suite(asking(), models=["agent"])
    project.bench(JSON, ALLOWED, *workers)

    project.bench(JSON, ALLOWED, "--bench-cache", *workers)
    assert only(project)["cached"] is True

    text = (project.path / "bench.toml").read_text()
    project.write("bench.toml", text.replace('agent.py"]', 'agent.py", "-v"]'))
    project.bench(JSON, ALLOWED, "--bench-cache", *workers)
    assert only(project)["cached"] is False


WRONG: list[tuple[str, str]] = [
    ("", "2: [model.a] lacks command: write the words that start it"),
    ('command = "x"', "3: command = 'x': Expected `array | null`, got `str`; write the words that start the agent"),
    ('command = ["x", "{promt}"]', "3: command has {promt}, which is no placeholder; did you mean 'prompt'?"),
    ('command = ["x", "{model}"]', "3: command has {model}, and nothing says which: set name beside it"),
    ('command = ["x"]\nname = "m"', "4: no word of command has {model}: write it where the agent takes it"),
    ('command = ["x"]\nprompt = "file"', '4: prompt = "file", and no word of command has {prompt_file}'),
    ('command = ["x"]\nprompt = "tty"', "4: prompt = 'tty': Invalid enum value 'tty'; write \"stdin\""),
    ('command = ["x", "{prompt}"]\nprompt = "stdin"', '4: prompt = "stdin", and command has a word for it'),
    ('command = ["x"]\nmax_turns = 3', "4: no word of command has {max_turns}"),
    ('command = ["x"]\nbase_url = "http://x"', "4: base_url is about an API, and a command has none: leave it out"),
    ('command = ["x"]\nparams = {a = 1}', "4: params is about an API, and a command has none: leave it out"),
    ('command = ["x"]\nmemory = 0', "4: memory = 0: Expected `int` >= 1; it is a number of MB"),
    ('command = ["x"]\nargs = ["-v"]', "4: args follow the words of a preset: write them into command"),
    ('command = ["x"]\noutput = {format = "json"}', '4: output has format = "json" and does not say where the answer'),
    ('command = ["x"]\noutput = {format = "xml"}', "4: output = {'format': 'xml'}: Invalid enum value 'xml'"),
    (
        'command = ["x"]\noutput = {format = "json", text = "a..b"}',
        "4: output.text = 'a..b': write names with dots between them",
    ),
    ('command = ["x"]\noutput = {error = "("}', "4: output.error = '(': no regular expression"),
    ('command = ["x"]\noutput = {error = "bad"}', "4: output.error = 'bad': it has 0 groups"),
    ('preset = "claude"', "3: preset = 'claude' is unknown; did you mean 'claude-code'?; known are claude-code"),
    ('preset = "codex"\nprompt = "stdin"', "4: prompt is the preset's own: leave it out"),
]


@pytest.mark.parametrize(("keys", "said"), WRONG)
def test_what_is_wrong_with_a_table_is_told_with_its_line(
    project: Project, keys: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write("bench.toml", f'[model.a]\nprovider = "command"\n{keys}\n')
    project.suite(asking(), models=["a"])

    result = project.bench(ALLOWED)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"bench.toml:{said}" in result.stderr.str()
    assert main(["validate", str(project.path)]) == 2
    assert f"bench.toml:{said}" in "".join(capsys.readouterr())


def test_keys_of_agents_belong_to_agents(project: Project) -> None:
    project.write("bench.toml", '[model."sim/steady"]\ncommand = ["x"]\n')
    project.suite(asking())

    result = project.bench()

    result.stderr.fnmatch_lines('*bench.toml:2: command is about a command-line agent: set provider = "command"*')


def test_the_plan_starts_no_program(project: Project) -> None:
    project.write("bench.toml", '[model.lost]\nprovider = "command"\ncommand = ["no-such-agent"]\n')
    project.suite(asking(), models=["lost"])

    result = project.bench("--bench-plan", ALLOWED)

    assert result.ret == 0
    result.stdout.fnmatch_lines("*lost*1*")


def test_a_command_cannot_judge(project: Project) -> None:
    agent(project, "print('4')")
    check = {"judge": "Is it four?", "model": "agent"}
    project.suite({"id": "a", "prompt": "2 + 2?", "checks": [check]})

    project.bench(JSON, ALLOWED)

    assert "agent as a judge: a command works in a run's workspace" in json.dumps(json_report(project.path / "b.json"))


LOOKS = """
from typing import ClassVar
from pytest_benchmodels import Grade, Grader

class Looks(Grader, frozen=True):
    looks: str
    needs_workspace: ClassVar[bool] = True

    async def grade(self, context):
        return Grade.of(context.workspace.read(self.looks) == b"x")

def pytest_bench_graders():
    return [Looks]
"""


def test_a_workspace_that_is_looked_at_again_needs_no_key(
    project: Project, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, sim: SimServer
) -> None:
    monkeypatch.setenv("MY_API_KEY", "sk-mine-0123456789abcdef")
    project.write("conftest.py", LOOKS)
    project.watch(sim.url, api_key_env="MY_API_KEY")
    project.suite(
        {"id": "a", "prompt": "Hi", "files": {"a.txt": "x"}, "checks": [{"looks": "a.txt"}]}, models=["watched"]
    )
    project.bench(JSON, ALLOWED, *workers)
    assert only(project)["status"] == "passed"
    monkeypatch.delenv("MY_API_KEY")

    project.bench(JSON, ALLOWED, "--bench-regrade", *workers)

    run = only(project)
    assert (run["status"], run["error"], run["cached"]) == ("passed", None, True)
