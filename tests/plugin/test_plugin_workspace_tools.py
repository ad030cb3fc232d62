"""A model of an API at work in a workspace, with the tools that are built in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, by_both, scenario
from tests.plugin.plugin_results import JSON, results, seen_by

ALLOW = "--bench-allow-commands"
AGENT = ("sim/agent",)
FILES = {"greet.py": "def greet():\n    return 'helo'\n", "README": "Fix the greeting.\n"}


def working(name: str, *steps: object, **keys: object) -> dict[str, object]:
    """A scenario in a workspace, whose model does this."""
    return {**scenario(name, metadata={"sim_agent": list(steps)}), "files": FILES, "checks": [], **keys}


def told(run: dict[str, Any]) -> list[list[tuple[str, bool]]]:
    """What the model was told after each of its answers."""
    answers = run["answers"] or [run["response"]]
    return [[(result["content"], result["is_error"]) for result in answer["tool_results"]] for answer in answers]


FIXING: tuple[object, ...] = (
    [{"list_files": {}}, {"search": {"pattern": "hel+o", "files": "*.py"}}],
    [
        {"edit_file": {"path": "greet.py", "old": "'helo'", "new": "'hello'"}},
        {"run_command": f"cat greet.py; echo {'x' * 20}; exit 3"},
    ],
    [{"read_file": {"path": "greet.py", "offset": 2}}, {"write_file": {"path": "docs/log", "content": "a\nb\n"}}],
    "The greeting is right now.",
)


def test_a_model_works_in_a_folder_of_its_own(
    project: Project, workers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    checks: list[dict[str, Any]] = [
        {"tool_called": "edit_file", "arguments": {"path": "greet.py"}},
        {"steps_at_most": 4},
        {"contains": "right now"},
    ]
    project.suite(working("a", *FIXING, checks=checks), models=AGENT)

    assert project.bench(JSON, ALLOW, *workers).ret == 0

    (run,) = results(project).values()
    assert told(run) == [
        [("README\ngreet.py", False), ("greet.py:2: return 'helo'", False)],
        [
            ("replaced 1 place in 'greet.py'", False),
            ("exit status 3\ndef greet():\n    return 'hello'\n" + "x" * 20, False),
        ],
        [("    return 'hello'\n[lines 2 to 2 of 2]", False), ("wrote 4 bytes to 'docs/log'", False)],
        [],
    ]
    assert [change["path"] for change in run["response"]["changes"]] == ["docs/log", "greet.py"]
    (command,) = [each for each in run["work"]["commands"] if each["purpose"] == "tool"]
    assert (command["status"], command["command"].startswith("cat greet.py")) == (3, True)
    assert run["attempts"] == 4
    assert run["usage"]["output_tokens"] > 100
    assert main(["show", "latest", "a", "--store", str(project.path / ".benchmodels" / "store.sqlite")]) == 0
    shown = capsys.readouterr().out
    # Each call is followed by what came of it, and a file's text stands as it is.
    assert '[call write_file({"path": "docs/log"})\n  content:\n  a\n  b]\n  [result of call_sim_2_1: wrote' in shown
    assert "exit status 3" in shown


def test_each_trial_has_the_folder_as_it_was(project: Project, workers: tuple[str, ...]) -> None:
    step = [{"run_command": "echo more >> README; cat README"}]
    project.suite(working("a", step, "Done."), models=AGENT)

    assert project.bench(JSON, ALLOW, "--bench-repeat=3", *workers).ret == 0

    runs = results(project)
    assert len(runs) == 3
    assert {told(run)[0][0] for run in runs.values()} == {("exit status 0\nFix the greeting.\nmore", False)}


def test_nothing_of_it_runs_unless_that_is_allowed(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(working("a", [{"run_command": f"touch {project.path}/ran"}], "Done."), models=AGENT)

    result = project.bench(*workers)

    assert result.parseoutcomes() == {"skipped": 1}
    assert not (project.path / "ran").exists()


def test_what_cannot_be_done_is_told_to_the_model(project: Project, workers: tuple[str, ...]) -> None:
    secret = project.write("secret.txt", "nothing for you")
    steps = (
        [{"read_file": str(secret)}, {"read_file": "../../secret.txt"}, {"run_command": f"ln -s {secret} link"}],
        [{"read_file": "link"}, {"write_file": {"path": "link", "content": "x"}}, {"write_file": {"path": "b"}}],
        "Given up.",
    )
    project.suite(working("a", *steps, checks=[{"equals": "Given up."}]), models=AGENT)

    assert project.bench(JSON, ALLOW, *workers).ret == 0

    (run,) = results(project).values()
    first, second, _ = told(run)
    assert [is_error for _, is_error in (*first, *second)] == [True, True, False, True, True, True]
    assert "nothing for you" not in str(run["answers"])
    assert second[2][0] == "the arguments do not fit the tool's parameters: at $: 'content' is a required property"
    assert run["rejected_calls"] == 1
    assert secret.read_text(encoding="utf-8") == "nothing for you"


def test_only_the_tools_that_are_named_are_there(project: Project, workers: tuple[str, ...]) -> None:
    own = {"name": "look_up", "results": "seven"}
    steps = ([{"look_up": {}}, {"read_file": "README"}], "Done.")
    project.suite(
        working("some", *steps, tools=["read_file", own]),
        working("none", [{"read_file": "README"}], tools=[], checks=[{"contains": "there are: none"}]),
        models=AGENT,
    )

    assert project.bench(JSON, ALLOW, *workers).ret == 0

    runs = {run["scenario"]: run for run in results(project).values()}
    assert told(runs["some"])[0] == [("seven", False), ("Fix the greeting.\n", False)]
    assert told(runs["none"]) == [[]]


def test_a_model_at_work_has_fifty_steps(project: Project) -> None:
    steps = [[{"run_command": f"echo {number}"}] for number in range(60)]
    project.suite(working("a", *steps, tools=["run_command"], checks=[{"steps_at_most": 50}]), models=AGENT)

    assert project.bench(JSON, ALLOW).ret == 0

    (run,) = results(project).values()
    assert (len(run["answers"]), run["out_of_steps"]) == (50, True)
    assert told(run)[48] == [("exit status 0\n48", False)]


def test_a_run_whose_command_outlives_its_limit_is_a_timeout(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(working("a", [{"run_command": "cat /dev/zero > /dev/null"}], "Done.", timeout=1), models=AGENT)

    assert project.bench(JSON, ALLOW, *workers).parseoutcomes() == {"failed": 1}

    (run,) = results(project).values()
    assert run["status"] == "timeout"
    # The command's own limit is the run's, and whichever comes first, the run is over.
    assert "Timeout (>1.0s)" in run["error"]["message"]


@by_both("reuse", "--bench-cache", "--bench-regrade")
def test_what_is_stored_is_judged_and_no_tool_is_called(
    project: Project, workers: tuple[str, ...], reuse: str, sim: SimServer
) -> None:
    project.watch(sim.url, name="agent")
    log = project.path / "log"
    project.suite(working("a", [{"run_command": f"echo ran >> {log}"}], "Done."), models=["watched"])
    assert project.bench(JSON, ALLOW, *workers).ret == 0
    (live,) = results(project).values()
    before = log.read_text(encoding="utf-8") if log.exists() else ""

    again = project.bench(JSON, ALLOW, reuse, *workers)

    assert again.ret == 0
    (run,) = results(project).values()
    assert (run["cached"], run["answers"]) == (True, live["answers"])
    assert seen_by(sim)["agent"]["requests"] == 2
    assert (log.read_text(encoding="utf-8") if log.exists() else "") == before


def test_a_key_of_the_environment_is_not_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-0123456789abcdef")
    files = {"leaked": "key: sk-0123456789abcdef\n"}
    steps = ([{"read_file": "leaked"}, {"run_command": "cat leaked"}], "Done.")
    project.suite(working("a", *steps, files=files), models=AGENT)

    assert project.bench(JSON, ALLOW).ret == 0

    (run,) = results(project).values()
    assert "0123456789abcdef" not in str(run["answers"][0]["tool_results"])


def test_faults_of_a_file_are_told_when_it_is_collected(project: Project, workers: tuple[str, ...]) -> None:
    clash = {"name": "read_file", "results": "x"}
    project.write("s.yaml", f"id: a\nprompt: Hi\nfiles: {{}}\ntools:\n  - {clash}\nmodels: [sim/agent]\n")

    result = project.bench(ALLOW, *workers)

    assert result.ret != 0
    result.stdout.fnmatch_lines(["*s.yaml:5: tool 'read_file': a tool of that name is built in: give it another*"])


def test_files_of_the_users_are_a_fixture_only(project: Project, workers: tuple[str, ...]) -> None:
    project.write("fixture/a.txt", "as it was")
    steps = ([{"write_file": {"path": "a.txt", "content": "changed"}}], "Done.")
    project.suite({**working("a", *steps, workspace="fixture")}, models=AGENT)

    assert project.bench(JSON, ALLOW, *workers).ret == 0

    assert Path(project.path / "fixture" / "a.txt").read_text(encoding="utf-8") == "as it was"
