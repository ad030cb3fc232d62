"""A worker that dies costs its session one run."""

from __future__ import annotations

import pytest

from tests.plugin.plugin_parts import Project, junit_cases, properties, right, wrong

DEADLY = """
import os, signal
import pytest_benchmodels

class Exits(pytest_benchmodels.Grader, frozen=True):
    exits: str
    def grade(self, response):
        os.kill(os.getpid(), signal.SIGKILL) if self.exits == "kill" else os._exit(3)

def pytest_bench_graders():
    return [Exits]
"""


@pytest.mark.parametrize(("workers", "how"), [("-n2", "kill"), ("-n3", "exit")])
def test_only_the_run_that_ended_its_worker_is_an_error(project: Project, workers: str, how: str) -> None:
    project.write("conftest.py", DEADLY)
    deadly = right("deadly", checks=[{"exits": how}])
    project.suite(*(right(f"a-{number}") for number in range(4)), deadly, wrong("bad"), right("last"))

    result = project.bench_process(workers, "--bench-concurrency=6", "--junitxml=j.xml")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 5, "failed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["*7 scenarios x 1 model = 7 runs in *"])
    result.stdout.fnmatch_lines(["ERROR suite.yaml::deadly[[]sim/steady[]] - worker-crash: worker gw* died *"])
    cases = junit_cases(project.path / "j.xml")
    assert len(cases) == 7
    crashed = cases["deadly[sim/steady]"]
    assert crashed.find("error") is not None
    assert properties(crashed)["bench.status"] == "error"
    assert properties(crashed)["bench.model"] == "sim/steady"
    assert properties(cases["bad[sim/steady]"])["bench.status"] == "failed"


def test_without_replacement_the_session_still_ends_with_a_summary(project: Project) -> None:
    project.write("conftest.py", DEADLY)
    project.suite(right("deadly", checks=[{"exits": "exit"}]), right("add"))

    result = project.bench_process("-n2", "--max-worker-restart=0")

    assert result.ret != 0
    assert result.parseoutcomes()["errors"] == 1
    result.stdout.fnmatch_lines(["*worker gw* crashed and worker restarting disabled*", "*= benchmark summary =*"])
