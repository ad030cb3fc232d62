"""The time limit of one run: whose wins, what it ends, and that it ends everything."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.held_server import AfterAbandoned, AtOnce, held_sim
from tests.plugin.plugin_parts import Project, by_both, hanging, right, scenario

BLOCKING_CHECKS = """
import asyncio
import time
import pytest_benchmodels

class Spins(pytest_benchmodels.Grader, frozen=True):
    spins: bool
    def grade(self, response):
        while True:
            pass

class Sleeps(pytest_benchmodels.Grader, frozen=True):
    sleeps: bool
    def grade(self, response):
        time.sleep(3600)

class Stubborn(pytest_benchmodels.Grader, frozen=True):
    stubborn: bool
    def grade(self, response):
        while True:
            try:
                time.sleep(3600)
            except BaseException:
                pass

class Swallows(pytest_benchmodels.Grader, frozen=True):
    swallows: bool
    async def grade(self, response):
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass

def pytest_bench_graders():
    return [Spins, Sleeps, Stubborn, Swallows]
"""


@pytest.mark.parametrize(
    ("arguments", "ini", "limit"),
    [
        (("--bench-timeout=0.2",), "", "0.2"),
        (("--timeout=0.2", "--bench-timeout=60"), "", "0.2"),
        ((), "timeout = 0.2", "0.2"),
        (("--bench-timeout=0.2",), "timeout = 60", "0.2"),
        (("--timeout=0.2",), "timeout = 60", "0.2"),
        (("-p", "no:timeout", "--bench-timeout=0.2"), "", "0.2"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_the_most_specific_limit_wins(project: Project, arguments: tuple[str, ...], ini: str, limit: str) -> None:
    project.write("pytest.ini", f"[pytest]\n{ini}\n")
    project.suite(hanging("hang", timeout=None))

    result = project.bench(*arguments)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines([f"Timeout (>{limit}s): attempt 1 was not answered*"])


def test_the_environment_sets_the_limit_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_TIMEOUT", "0.2")
    project.suite(hanging("hang", timeout=None))

    project.bench().stdout.fnmatch_lines(["Timeout (>0.2s): *"])


def test_a_scenarios_limit_wins_over_the_models_and_the_models_over_options(project: Project, sim: SimServer) -> None:
    project.watch(sim.url, timeout=0.4)
    project.suite(hanging("own", timeout=0.2), hanging("models", timeout=None), models=["watched"])

    result = project.bench("--timeout=60")

    result.stdout.fnmatch_lines_random(
        ["Timeout (>0.2s): * (watched on 'own'*", "Timeout (>0.4s): * (watched on 'models'*"]
    )


def test_only_the_late_run_ends(project: Project, workers: tuple[str, ...]) -> None:
    """The server answers the others when it has seen the late one's client leave."""
    with held_sim(AfterAbandoned()) as server:
        project.watch(server.url)
        project.suite(hanging("hang", timeout=1.5), *(right(f"s{number}") for number in range(3)), models=["watched"])

        result = project.bench("--bench-concurrency=4", *workers)

        assert result.parseoutcomes() == {"passed": 3, "failed": 1}
        seen = server.stats()["steady"]
    assert (seen["requests"], seen["in_flight"], seen["abandoned"]) == (4, 0, 1)


@by_both("check", "spins", "sleeps", "stubborn", "swallows")
def test_a_check_that_blocks_ends_by_the_limit_and_so_does_the_process(
    project: Project, workers: tuple[str, ...], check: str
) -> None:
    project.write("conftest.py", BLOCKING_CHECKS)
    # Up before the session is, so that its limit is the check's.
    with held_sim(AtOnce({})) as server:
        project.watch(server.url)
        block = right("block", checks=[{check: True}], timeout=3)
        project.suite(block, *(right(f"add-{number}") for number in range(3)), models=["watched"])

        result = project.bench_process(*workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 3, "failed": 1}
    result.stdout.fnmatch_lines(["Timeout (>3.0s): the model answered, but a check did not finish*"])


def test_a_pattern_that_explodes_ends_by_itself_or_by_the_limit(project: Project) -> None:
    """An author's pattern that takes exponential time on an answer, against the answer that provokes it."""
    explosive = {"regex": "^(a|aa)+$"}
    project.suite(
        scenario("explode", {"text": "a" * 60 + "!"}, checks=[explosive], timeout=1.5), right("add"), right("more")
    )

    result = project.bench_process()

    outcomes = result.parseoutcomes()
    assert outcomes["passed"] == 2
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 1


def test_no_limit_is_zero(project: Project) -> None:
    project.suite(scenario("slow", {"latency": 0.3, "sigma": 0}))

    assert project.bench("--bench-timeout=0").ret == 0


def test_ordinary_tests_keep_the_limit_that_pytest_timeout_gives_them(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("test_slow.py", "import time\ndef test_slow(): time.sleep(60)\n")
    project.suite(right("add"))

    result = project.bench_process("--timeout=0.5", *workers)

    assert result.parseoutcomes() == {"passed": 1, "failed": 1}
    result.stdout.fnmatch_lines(["*Failed: Timeout (>0.5s) from pytest-timeout.*"])


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "soon"])
def test_a_limit_that_is_none_is_a_usage_error(project: Project, value: str) -> None:
    result = project.bench(f"--bench-timeout={value}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*argument --bench-timeout: invalid number of seconds value: '{value}'"])


def test_an_ini_limit_is_nobodys_without_pytest_timeout(project: Project) -> None:
    project.write("pytest.ini", "[pytest]\ntimeout = 0.001\n")
    project.suite(right("add"))

    # pytest warns of an ini value that no plugin knows.
    assert project.bench("-p", "no:timeout", "-Wdefault").ret == 0
