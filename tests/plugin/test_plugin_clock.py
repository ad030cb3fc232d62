"""The time of day is set during a session: nothing that is measured changes by it."""

from __future__ import annotations

from datetime import datetime

from tests.plugin.plugin_parts import Project, by_both, json_report, junit_cases, right
from tests.plugin.plugin_store import stored_runs

# Processes see the change as if the machine's clock had been set: one after its second run, a worker before its first.
SETS_THE_CLOCK = """
import os, time
told = time.time
judged = []

def pytest_collection_finish(session):
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw1":
        time.time = lambda: told() + BY

def pytest_bench_result(result):
    judged.append(result)
    if len(judged) == 2:
        time.time = lambda: told() + BY

def pytest_unconfigure():
    time.time = told
"""


@by_both("by_s", 3600, -3600)
def test_a_clock_that_is_set_changes_no_duration(project: Project, workers: tuple[str, ...], by_s: int) -> None:
    project.suite(*(right(name) for name in "abcdef"))
    project.write("conftest.py", SETS_THE_CLOCK.replace("BY", str(by_s)))

    result = project.bench("--bench-json=b.json", "--junitxml=j.xml", "--bench-concurrency=1", *workers)

    assert result.parseoutcomes() == {"passed": 6}
    report = json_report(project.path / "b.json")
    assert 0 < report["run"]["makespan_s"] < 600
    assert report["run"]["makespan_s"] <= report["run"]["duration_s"] < 600
    starts = [datetime.fromisoformat(each["started_at"]).timestamp() for each in report["results"]]
    assert max(starts) - min(starts) < 600
    assert all(float(case.get("time", "0")) < 600 for case in junit_cases(project.path / "j.xml").values())
    (run,) = stored_runs(project)
    assert run.finished_at is not None
    assert 0 <= run.finished_at - run.started_at < 600
