"""A pipe or a socket where a file should be: whoever reads files of a workspace says so, and waits for nobody."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugin.plugin_agents import ALLOW, agents, task
from tests.plugin.plugin_parts import Project
from tests.plugin.plugin_results import JSON, results

PIPE = "rm a.txt && mkfifo a.txt"
SOCKET = "rm a.txt && python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"a.txt\")'"
NO_FILE = "no regular file (a pipe, a socket or a device)"


@pytest.mark.parametrize("script", [PIPE, SOCKET], ids=["pipe", "socket"])
def test_checks_diffs_and_copies_leave_it_alone(project: Project, workers: tuple[str, ...], script: str) -> None:
    agents(project)
    checks: list[dict[str, Any]] = [
        {"file": "a.txt"},
        {"file": "a.txt", "contains": "one"},
        {"pattern": "one", "files": "a.txt"},
        {"tests_pass": "true", "report": "a.txt"},
        {"changed_only": []},
        {"file": "a.txt", "absent": True},
    ]
    project.suite(task("a", script, checks=checks))

    result = project.bench(ALLOW, JSON, "--bench-keep=all", "--bench-html=report.html", *workers)

    result.assert_outcomes(failed=1)
    (run,) = results(project).values()
    assert [check["passed"] for check in run["checks"]] == [False] * 6
    said = [check["explanation"] for check in run["checks"]]
    assert said[0] == f"expected a file 'a.txt', found {NO_FILE}"
    assert said[1] == f"'a.txt' cannot be judged: it is {NO_FILE}"
    assert "no file fits 'a.txt'" in said[2]
    assert "it wrote no report of the tests that fits 'a.txt'" in said[3]
    assert said[5] == f"'a.txt' is {NO_FILE}, and nothing must be there"
    assert [(each["path"], each["kind"]) for each in run["response"]["changes"]] == [("a.txt", "deleted")]
    assert run["work"]["kept"]


def test_tools_of_a_model_tell_it(project: Project, workers: tuple[str, ...]) -> None:
    steps: list[object] = [
        [{"run_command": PIPE}],
        [{"read_file": {"path": "a.txt"}}, {"edit_file": {"path": "a.txt", "old": "a", "new": "b"}}],
        [{"search": {"pattern": "one"}}, {"list_files": {}}],
        [{"write_file": {"path": "a.txt", "content": "a file again"}}, {"read_file": {"path": "a.txt"}}],
        "done",
    ]
    made = {"id": "a", "prompt": "?", "files": {"a.txt": "one\n"}, "metadata": {"sim_agent": steps}}
    project.suite({**made, "checks": [{"file": "a.txt", "contains": "again"}]}, models=["sim/agent"])

    assert project.bench(ALLOW, JSON, *workers).ret == 0

    (run,) = results(project).values()
    told = [[result["content"] for result in answer["tool_results"]] for answer in run["answers"]]
    assert told[1] == [f"'a.txt': {NO_FILE}"] * 2
    assert told[2] == ["no line matches 'one'", "no file fits '**'"]
    assert told[3][1] == "a file again"
