"""`judge` with `file`: a model judges what an agent left in its workspace."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_agents import ALLOW, agents, task
from tests.plugin.plugin_parts import Project
from tests.plugin.plugin_results import JSON, results

JUDGE: dict[str, Any] = {"judge": "Does it say how to install?", "reference": "pip install", "model": "sim/judge"}


def test_it_is_judged_by_what_is_in_the_file(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    writes = "echo 'Run pip install shop.' > README.md"
    project.suite(
        task("good", writes, checks=[{**JUDGE, "file": "README.md"}]),
        task("bad", "echo no > README.md", checks=[{**JUDGE, "file": "README.md"}]),
        task("many", writes, checks=[{**JUDGE, "files": "**/*.md"}]),
        task("missing", "true", checks=[{**JUDGE, "file": "README.md"}, {**JUDGE, "file": "README.md", "not": True}]),
    )

    project.bench(ALLOW, JSON, *workers).assert_outcomes(passed=2, failed=2)

    missing = results(project)["missing[my/agent]"]
    assert [check["explanation"] for check in missing["checks"]] == ["expected 'README.md', and it is not there"] * 2
    assert [call["purpose"] for call in missing["calls"]] == ["answer"]


def test_a_stored_answer_is_judged_in_its_workspace_made_again(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    script = "echo 'Run pip install shop.' > README.md"
    project.suite(task("a", script, checks=[{**JUDGE, "file": "a.txt"}]))
    project.bench(ALLOW, *workers).assert_outcomes(failed=1)
    project.suite(task("a", script, checks=[{**JUDGE, "file": "README.md"}]))

    project.bench(ALLOW, "--bench-cache", *workers).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("scenario", "problem"),
    [
        (
            {"files": {}, "checks": [{**JUDGE, "file": "src/*"}]},
            "*suite.yaml:1: *`file` is about one file; for all that fit write `files: src/*`*",
        ),
        (
            {"checks": [{**JUDGE, "file": "a"}]},
            "*suite.yaml:1: *looks into a workspace, and it has none: name its folder*",
        ),
        (
            {
                "files": {},
                "checks": [{"any_of": [{"all_of": [{"file": "a"}]}, {"equals": "4"}], "extract": "last_number"}],
            },
            "*suite.yaml:1: *check 'file' inside of 'any_of' judges what is in the workspace: write `extract` at*",
        ),
    ],
    ids=["glob", "no workspace", "extract"],
)
def test_what_cannot_be_is_told_with_its_line(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    workers: tuple[str, ...],
    scenario: dict[str, Any],
    problem: str,
) -> None:
    project.suite({"id": "a", "prompt": "?", **scenario})

    result = project.bench(ALLOW, *workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([problem])
    assert main(["validate", str(project.path / "suite.yaml")]) != 0
    assert problem.split(": *")[1].strip("*")[:40] in capsys.readouterr().out


def test_extract_in_front_of_a_judge_of_a_file_is_of_the_answer(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    judge = {"all_of": [{**JUDGE, "file": "a.txt", "reference": "two"}], "extract": {"line": "first"}}
    project.suite(task("a", "true", checks=[judge]))

    project.bench(ALLOW, *workers).assert_outcomes(passed=1)


def test_of_a_key_that_an_agent_wrote_into_a_file_nobody_is_told(
    project: Project, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-written-by-an-agent-1"
    monkeypatch.setenv("MY_KEY", key)
    script = 'echo "token $MY_KEY" | tee a.txt > "$MY_KEY.txt"; echo done'
    table = f'[model.agent]\nprovider = "command"\ncommand = ["sh", "-c", {json.dumps(script)}]\nenv = ["MY_KEY"]\n'
    with (project.path / "bench.toml").open("a", encoding="utf-8") as file:
        file.write(table)
    shown = {**JUDGE, "file": "a.txt", "reference": "token ***"}
    named = {"pattern": "token", "files": "*", "absent": True}
    checks = [
        named,
        {**shown, "file": "", "files": "*"},
        {"file": "a.txt", "equals": "b"},
        {"command": "cat a.txt", "stdout": "b"},
        shown,
    ]
    project.suite({"id": "a", "prompt": "work", "files": {}, "checks": checks}, models=["agent"])

    done = project.bench(ALLOW, JSON, "--bench-html=report.html", "--bench-keep=none", *workers)

    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*'a.txt': line 1: expected 'b', got 'token [*][*][*]'*"])
    judged = results(project)["a[agent]"]["checks"][-1]
    assert judged["passed"], "the judge was shown the file with asterisks in it"
    kept = [path for path in project.path.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
    assert kept == []
    assert key not in done.stdout.str()
