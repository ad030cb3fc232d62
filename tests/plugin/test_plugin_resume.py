"""--bench-resume: what was finished is taken over, the rest is run, and all of it is one report."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import (
    Project,
    Scenario,
    broken,
    by_both,
    hanging,
    json_report,
    junit_cases,
    properties,
    right,
    scenario,
    wrong,
)
from tests.plugin.plugin_store import end_after, read_until, requests, session, stored, stored_runs

REPORTS = ("--junitxml=j.xml", "--bench-json=b.json")
CRASHES = """
import os
import pytest_benchmodels

class Deadly(pytest_benchmodels.Grader, frozen=True):
    deadly: bool
    def grade(self, response):
        {body}

def pytest_bench_graders():
    return [Deadly]
"""


def suite(project: Project, *last: Scenario) -> None:
    """Three runs that end at once, one of them wrongly, and what the test is about."""
    project.suite(right("a"), wrong("b"), right("c"), *last, models=["watched"])


def complete(project: Project, result: pytest.RunResult, *, cached: int, statuses: Mapping[str, str]) -> None:
    """One report of all runs, each of which is there once, in the terminal, in JUnit, in JSON and in the store."""
    count = len(statuses)
    result.stdout.fnmatch_lines([f"{count} scenarios x 1 model = {count} runs in *"])
    result.stdout.fnmatch_lines([f"throughput: * model runs/min (*{cached} cached not counted)"])
    result.stdout.no_fnmatch_line("to finish this run: *")
    cases = junit_cases(project.path / "j.xml")
    assert {name.partition("[")[0]: properties(case)["bench.status"] for name, case in cases.items()} == statuses
    document = json_report(project.path / "b.json")
    assert {entry["scenario"]: entry["status"] for entry in document["results"]} == statuses
    assert len(document["results"]) == document["run"]["runs"] == count
    assert document["run"]["cached"] == cached
    (run,) = stored_runs(project)
    assert (run.id, run.state, run.total) == (document["run"]["id"], "finished", count)
    assert {name: each.status for name, each in stored(project).items()} == statuses


ALL = {"a": "passed", "b": "failed", "c": "passed", "d": "passed"}


@by_both("number", signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
def test_after_a_signal(project: Project, sim: SimServer, workers: tuple[str, ...], number: signal.Signals) -> None:
    project.watch(sim.url)
    suite(project, hanging("d", timeout=60))
    process = session(project, *workers)

    said = end_after(process, 3, number)

    if number is not signal.SIGKILL:
        assert process.returncode == pytest.ExitCode.INTERRUPTED
        assert "stopped early: 1 of 4 runs have no result here\n" in said
        assert f"to finish this run: pytest --bench -v -p no:hypothesispytest {''.join(workers)}".rstrip() in said
    assert stored_runs(project)[0].state == "interrupted"
    before = requests(sim)
    suite(project, right("d"))

    result = project.bench("--bench-resume", *REPORTS, *workers)

    assert result.parseoutcomes() == {"passed": 3, "failed": 1}
    complete(project, result, cached=3, statuses=ALL)
    assert requests(sim) == before + 1


def test_after_a_kill_nothing_that_was_reported_is_missing(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    """The process ends in the middle of its work, and not where it waits."""
    project.watch(sim.url)
    project.suite(*(right(f"s{number}") for number in range(60)), models=["watched"])
    said = end_after(session(project, "--bench-concurrency=4", *workers), 20, signal.SIGKILL)
    # `NODEID PASSED` in one process, `PASSED NODEID` with workers.
    reported = set(re.findall(r"(?<=::)s\d+(?=\[watched\] PASSED)|(?<=PASSED suite.yaml::)s\d+(?=\[)", said))

    assert len(reported) >= 19
    assert reported <= stored(project).keys()
    result = project.bench("--bench-resume", "--bench-concurrency=4", *REPORTS, *workers)

    complete(
        project, result, cached=len(json_cached(project)), statuses={f"s{number}": "passed" for number in range(60)}
    )
    assert reported <= json_cached(project)
    assert 60 <= requests(sim) <= 64


def json_cached(project: Project) -> set[str]:
    return {entry["scenario"] for entry in json_report(project.path / "b.json")["results"] if entry["cached"]}


def test_after_the_budget_was_spent(project: Project, sim: SimServer) -> None:
    price = "price = {input = 1_000_000, output = 0}"
    project.write(
        "bench.toml", f'[model.watched]\nprovider = "sim"\nname = "steady"\nbase_url = "{sim.url}"\n{price}\n'
    )
    suite(project, right("d"))
    first = project.bench("--bench-concurrency=1", "--bench-budget=1")
    assert first.parseoutcomes() == {"passed": 1, "skipped": 3}

    # What was taken over costs nothing again: three runs of 3 dollars and more fit into this budget, four do not.
    result = project.bench("--bench-resume", "--bench-concurrency=1", "--bench-budget=10", *REPORTS)

    assert result.parseoutcomes() == {"passed": 3, "failed": 1}
    complete(project, result, cached=1, statuses=ALL)
    assert requests(sim) == 4


def test_after_a_worker_crashed(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.write("conftest.py", CRASHES.format(body="os._exit(3)"))
    suite(project, right("d", checks=[{"deadly": True}]))
    first = project.bench_process("-n2")
    assert first.parseoutcomes() == {"passed": 2, "failed": 1, "errors": 1}
    first.stdout.fnmatch_lines(["to finish this run: pytest --basetemp=* --bench -Werror -n2 --bench-resume"])
    before = requests(sim)
    project.write("conftest.py", CRASHES.format(body="return pytest_benchmodels.Grade.of(True)"))

    result = project.bench_process("--bench-resume", "-n2", *REPORTS)

    assert result.parseoutcomes() == {"passed": 3, "failed": 1}
    complete(project, result, cached=3, statuses=ALL)
    assert requests(sim) == before + 1


def test_errors_run_again_and_timeouts_do_not(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.watch(sim.url)
    suite(project, broken("d"), hanging("e", timeout=0.2))
    assert project.bench(*workers).parseoutcomes() == {"passed": 2, "failed": 2, "errors": 1}
    suite(project, right("d"), hanging("e", timeout=0.2))

    result = project.bench("--bench-resume", *REPORTS, *workers)

    assert result.parseoutcomes() == {"passed": 3, "failed": 2}
    result.stdout.fnmatch_lines(["Timeout (>0.2s): *"])
    complete(project, result, cached=4, statuses={**ALL, "e": "timeout"})
    assert requests(sim) == 6


def test_what_was_stopped_by_a_failure_can_be_resumed(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    suite(project, hanging("d", timeout=60), right("e", skip="later"))
    first = project.bench("-x", *workers)
    first.stdout.fnmatch_lines(
        ["stopped early: * of 5 runs have no result here*", "to finish this run: pytest --bench *"]
    )
    first.stdout.no_fnmatch_line("to finish this run: * -x *")
    suite(project, right("d"), right("e", skip="later"))

    result = project.bench("--bench-resume", *REPORTS, *workers)

    assert result.parseoutcomes() == {"passed": 3, "failed": 1, "skipped": 1}
    assert stored_runs(project)[0].state == "finished"
    assert {name: each.status for name, each in stored(project).items()} == {**ALL, "e": "skipped"}


def unfinished(project: Project, sim: SimServer, **changed: object) -> None:
    """A run that lacks a verdict for `d`, and a suite in which `a` is changed by now."""
    project.watch(sim.url)
    suite(project, broken("d"))
    project.bench()
    project.suite({**right("a"), **changed}, wrong("b"), right("c"), right("d"), models=["watched"])


def test_a_changed_prompt_is_asked_again_and_the_reason_is_told(project: Project, sim: SimServer) -> None:
    unfinished(project, sim, prompt="What is 1 + 3?")

    result = project.bench("--bench-resume", "-v", *REPORTS)

    assert result.parseoutcomes() == {"passed": 3, "failed": 1}
    result.stdout.fnmatch_lines(["1 run was run: not reused: messages changed"])
    complete(project, result, cached=2, statuses=ALL)
    assert requests(sim) == 4 + 2


def test_changed_checks_judge_the_stored_answer(project: Project, sim: SimServer) -> None:
    unfinished(project, sim, checks=[{"equals": "5"}])

    result = project.bench("--bench-resume", *REPORTS)

    assert result.parseoutcomes() == {"passed": 2, "failed": 2}
    complete(project, result, cached=3, statuses={**ALL, "a": "failed"})
    judged = stored(project)["a"]
    assert judged.reuse == "its checks changed: the stored answer was judged afresh"
    assert (judged.attempts, judged.session, judged.was_run) == (1, 1, True)
    assert judged.duration_s >= judged.latency_s > 0
    assert requests(sim) == 4 + 1


def test_marks_count_for_what_is_taken_over(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    suite(project, broken("d"))
    project.bench()
    project.suite(
        right("a", skip="not now"),
        wrong("b", xfail="too hard"),
        right("c", tags=["smoke"]),
        right("d"),
        models=["watched"],
    )

    result = project.bench("--bench-resume")

    assert result.parseoutcomes() == {"passed": 2, "skipped": 1, "xfailed": 1}
    assert requests(sim) == 4 + 1


def test_trials_are_resumed_each_for_itself(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(right("a"), scenario("b", {"status": 400}), models=["watched"])
    project.bench("--bench-repeat=2")
    project.suite(right("a"), right("b"), models=["watched"])

    result = project.bench("--bench-resume", "--bench-repeat=2", "--bench-json=b.json")

    assert result.parseoutcomes() == {"passed": 4}
    entries = json_report(project.path / "b.json")["results"]
    assert sorted((entry["scenario"], entry["trial"], entry["cached"]) for entry in entries) == [
        ("a", 1, True),
        ("a", 2, True),
        ("b", 1, False),
        ("b", 2, False),
    ]
    assert requests(sim) == 4 + 2


@pytest.mark.parametrize("option", ["--collect-only", "--bench-plan"])
def test_looking_at_what_would_run_finishes_nothing(project: Project, sim: SimServer, option: str) -> None:
    unfinished(project, sim)

    assert project.bench("--bench-resume", option).ret == 0

    assert stored_runs(project)[0].state == "unfinished"
    assert project.bench("--bench-resume").parseoutcomes() == {"passed": 3, "failed": 1}


def test_a_part_of_a_run_does_not_finish_it(project: Project, sim: SimServer) -> None:
    unfinished(project, sim)

    part = project.bench("--bench-resume", "suite.yaml::a[watched]")

    assert part.parseoutcomes() == {"passed": 1}
    (run,) = stored_runs(project)
    assert (run.state, run.total) == ("unfinished", 4)
    part.stdout.fnmatch_lines(
        [
            f"not asked for here: 1 run of {run.id} without a verdict: suite.yaml::d[[]watched]",
            "to finish this run: pytest --bench -Werror --bench-resume",
        ]
    )
    assert project.bench("--bench-resume").parseoutcomes() == {"passed": 3, "failed": 1}
    assert stored_runs(project)[0].state == "finished"
    assert requests(sim) == 4 + 1


def test_what_was_only_judged_again_is_still_to_be_run(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    suite(project, hanging("d", timeout=60))
    project.bench("-x")
    suite(project, right("d", prompt="What is 1 + 3?"))  # nobody has asked this yet

    judged = project.bench("--bench-resume", "--bench-regrade")

    before = requests(sim)
    (run,) = stored_runs(project)
    assert run.state == "unfinished"
    assert run.statuses["skipped"] >= 1
    judged.stdout.fnmatch_lines(["to finish this run: pytest --bench -Werror *--bench-resume"])
    judged.stdout.no_fnmatch_line("to finish this run: *--bench-regrade*")
    result = project.bench("--bench-resume", *REPORTS)
    assert result.parseoutcomes() == {"passed": 3, "failed": 1}
    complete(project, result, cached=4 - run.statuses["skipped"], statuses=ALL)
    assert requests(sim) == before + run.statuses["skipped"]


def test_a_check_that_can_judge_by_now_finishes_a_run_without_a_call(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.write("conftest.py", CRASHES.format(body="raise RuntimeError('oh')"))
    suite(project, right("d", checks=[{"deadly": True}]))
    project.bench_process()
    project.write("conftest.py", CRASHES.format(body="return pytest_benchmodels.Grade.of(True)"))

    result = project.bench_process("--bench-resume", "--bench-regrade", *REPORTS)

    assert result.parseoutcomes() == {"passed": 3, "failed": 1}
    complete(project, result, cached=4, statuses=ALL)
    assert requests(sim) == 4


def test_nothing_to_resume_is_a_usage_error(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    suite(project)

    none = project.bench("--bench-resume")
    project.bench()
    finished = project.bench("--bench-resume")

    assert (none.ret, finished.ret) == (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.USAGE_ERROR)
    none.stderr.fnmatch_lines(["ERROR: --bench-resume: there is no store *store.sqlite; run without it first"])
    finished.stderr.fnmatch_lines(["ERROR: --bench-resume: no run of the store *store.sqlite is unfinished"])


def test_a_run_that_still_runs_is_not_taken_away(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    suite(project, hanging("d", timeout=60))
    process = session(project)
    read_until(process, 1)

    result = project.bench("--bench-resume")
    process.kill()
    process.communicate(timeout=300)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --bench-resume: no run of the store *store.sqlite is unfinished"])
