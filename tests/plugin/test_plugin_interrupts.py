"""Ctrl-C and SIGTERM, once and again, and SIGKILL: nothing that has ended is lost, nothing is left running."""

from __future__ import annotations

import os
import re
import signal

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.store import Store
from tests.plugin.plugin_parts import WAITS_FOR_A_FILE, Project, by_both, hanging, right, scenario
from tests.plugin.plugin_process import live_session
from tests.plugin.plugin_results import JSON, results

RESUME = r"^to finish this run: pytest --bench -v .*--bench-resume$"
SEEN = "saw a signal"
STUCK_REPORT = f"""
import signal, threading

def pytest_bench_result(result):
    if result.scenario == "stuck":
        for number in (signal.SIGINT, signal.SIGTERM):
            tell(number, signal.getsignal(number))
        print("stuck in a hook", flush=True)
        threading.Event().wait()

def tell(number, handle):
    def handle_and_tell(*given):
        handle(*given)
        print("{SEEN}", flush=True)
    signal.signal(number, handle_and_tell)
"""


def stored(project: Project) -> dict[str, str]:
    """Status by scenario, as the store has it."""
    with Store.open_to_read(project.path / ".benchmodels/store.sqlite") as store:
        unfinished = store.runs.newest_unfinished()
        assert unfinished is not None
        return {result.scenario: result.status for result in store.results.of(unfinished.id)}


@by_both("number", signal.SIGINT, signal.SIGTERM)
def test_the_first_signal_reports_and_stores_what_has_ended(
    project: Project, workers: tuple[str, ...], number: signal.Signals
) -> None:
    project.suite(right("a"), right("b"), *(hanging(f"h{count}", timeout=None) for count in range(3)))

    with live_session(project.path, "--bench-concurrency=4", JSON, *workers) as session:
        session.wait_for("PASSED", 2)
        session.send(number)
        status, output = session.end()
        gone = session.is_gone()

    assert (status, gone) == (pytest.ExitCode.INTERRUPTED, True)
    assert f"{number.name}; runs in flight were given up" in output
    assert re.search("stopped early: 3 of 5 runs have no result here", output)
    assert re.search(RESUME, output, re.MULTILINE)
    assert re.search(r"^=+ 2 passed in ", output, re.MULTILINE)
    assert stored(project) == {"a": "passed", "b": "passed"}
    assert results(project).keys() == {"a[sim/steady]", "b[sim/steady]"}


def test_ctrl_c_ends_functions_of_the_users_and_no_process_of_ours_complains(
    project: Project, workers: tuple[str, ...]
) -> None:
    source = """
import asyncio, threading
def sync(request): threading.Event().wait()
async def later(request): await asyncio.Event().wait()
def pytest_bench_models(): return {"sync": sync, "later": later}
"""
    project.write("conftest.py", source)
    project.suite(right("done"))
    project.suite(right("waits"), models=["sync", "later"], name="waits.yaml")

    with live_session(project.path, *workers) as session:
        session.wait_for("PASSED")
        session.press(signal.SIGINT)
        status, output = session.end()
        gone = session.is_gone()

    assert (status, gone) == (pytest.ExitCode.INTERRUPTED, True)
    assert "Traceback" not in output
    assert "stopped early: 2 of 3 runs have no result here" in output


def test_what_was_interrupted_is_finished_by_the_command_that_it_names(
    project: Project, workers: tuple[str, ...]
) -> None:
    first = [right("a"), right("b")]
    project.suite(*first, hanging("late", timeout=None))
    with live_session(project.path, *workers) as session:
        session.wait_for("PASSED", 2)
        session.send(signal.SIGINT)
        _, output = session.end()
    command = re.search(RESUME, output, re.MULTILINE)
    assert command is not None
    project.suite(*first, right("late"))

    result = project.bench(*command[0].split()[6:], JSON)

    assert result.parseoutcomes() == {"passed": 3}
    assert {name: run["cached"] for name, run in results(project).items()} == {
        "a[sim/steady]": True,
        "b[sim/steady]": True,
        "late[sim/steady]": False,
    }


@by_both("number", signal.SIGTERM, signal.SIGINT)
def test_the_second_signal_ends_a_session_whose_hook_blocks_and_loses_nothing(
    project: Project, workers: tuple[str, ...], number: signal.Signals
) -> None:
    project.write("conftest.py", STUCK_REPORT)
    stuck = scenario("stuck", {"latency": 0.3, "sigma": 0})
    project.suite(right("a"), stuck, hanging("late", timeout=None))

    with live_session(project.path, "-s", *workers) as session:
        session.wait_for("stuck in a hook")
        session.insist(number, SEEN)
        status, output = session.end()
        gone = session.is_gone()

    assert (status, gone) == (pytest.ExitCode.INTERRUPTED, True)
    assert "KeyboardInterrupt" in output
    assert re.search(RESUME, output, re.MULTILINE)
    assert stored(project) == {"a": "passed", "stuck": "passed"}


@pytest.mark.parametrize("after", [1, 20])
def test_a_worker_that_is_killed_early_or_late_costs_one_run(project: Project, after: int) -> None:
    count = 25
    project.write("conftest.py", WAITS_FOR_A_FILE)
    # It keeps the session, and so its workers, until one of them is killed.
    last = right("last", checks=[{"waits_for": "killed"}])
    project.suite(last, *(scenario(f"s{number}", {"latency": 0.1}) for number in range(1, count)))

    with live_session(project.path, "-n2", "--bench-concurrency=4", JSON) as session:
        session.wait_for("PASSED", after)
        os.kill(session.workers()[0], signal.SIGKILL)
        project.write("killed", "")
        status, output = session.end()
        gone = session.is_gone()

    found = results(project)
    errors = [run["error"]["kind"] for run in found.values() if run["status"] == "error"]
    assert len(found) == count
    assert errors in ([], ["worker-crash"])
    assert (status, gone) == (pytest.ExitCode.TESTS_FAILED if errors else pytest.ExitCode.OK, True)
    assert f"{count} scenarios x 1 model = {count} runs in " in output


def test_nothing_outlives_a_session_that_is_killed(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("a"), hanging("late", timeout=None))

    with live_session(project.path, *workers) as session:
        session.wait_for("PASSED")
        session.send(signal.SIGKILL)
        gone = session.is_gone()

    assert gone
    assert stored(project) == {"a": "passed"}


def test_a_simulated_server_of_the_users_own_is_the_only_one(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    started = {}
    for model in ("watched", "sim/steady"):
        project.suite(right("a"), hanging("late", timeout=None), models=[model])
        with live_session(project.path, *workers) as session:
            session.wait_for("PASSED")
            started[model] = len(session.running("pytest_benchmodels.providers.sim"))

    assert started == {"watched": 0, "sim/steady": 1}
