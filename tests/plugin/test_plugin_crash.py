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


@pytest.mark.parametrize("dist", ["loadscope", "loadgroup", "each"])
def test_with_a_scheduler_of_xdists_the_right_run_is_blamed_and_each_is_reported_once(
    project: Project, dist: str
) -> None:
    """xdist takes the first unfinished item for the culprit, and sends it out again."""
    project.write("conftest.py", DEADLY)
    project.suite(*(right(f"a-{number}") for number in range(4)), right("deadly", checks=[{"exits": "exit"}]))
    copies = 2 if dist == "each" else 1

    result = project.bench_process("-n2", f"--dist={dist}", "-rE")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 4 * copies, "errors": copies}
    result.stdout.fnmatch_lines(["ERROR suite.yaml::deadly[[]sim/steady[]] - worker-crash: *"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


@pytest.mark.parametrize("status", [0, 7])
def test_a_check_that_ends_the_one_process_is_no_success(project: Project, status: int) -> None:
    project.write("conftest.py", DEADLY.replace("os._exit(3)", f"os._exit({status})"))
    project.suite(right("deadly", checks=[{"exits": "exit"}]), right("add"))

    result = project.bench_process()

    assert result.ret == (status or 1)
    said = f"!!! os._exit({status}) was called in this process: * without a result; *with -n 2 it would cost*"
    result.stderr.fnmatch_lines([said])


def test_a_forked_process_may_end_as_it_likes(project: Project) -> None:
    project.write(
        "conftest.py",
        DEADLY.replace("os.kill(os.getpid(), signal.SIGKILL)", "os._exit(0) if os.fork() == 0 else os.wait()").replace(
            "def pytest_bench", "        return pytest_benchmodels.Grade.of(True)\n\ndef pytest_bench"
        ),
    )
    project.suite(right("add", checks=[{"exits": "kill"}]))

    result = project.bench_process("-Wignore")  # a fork beside threads: Python 3.12 warns of it

    assert result.ret == 0
    assert "os._exit" not in result.stderr.str()
