"""A plugin that runs failed items again: a run counts once, with its last result."""

from __future__ import annotations

from tests.plugin.plugin_parts import Project, broken, json_report, right, wrong

RERUNS = """
from _pytest.runner import runtestprotocol


def pytest_runtest_protocol(item, nextitem):
    # As pytest-rerunfailures does it, with `--reruns 1`.
    for last in (False, True):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        for report in reports:
            if report.failed and not last:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        if not any(report.outcome == "rerun" for report in reports):
            break
    return True
"""


def test_a_run_that_is_run_again_counts_once(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", RERUNS)
    project.suite(right("add"), wrong("miss"), broken("refused"))

    result = project.bench("--bench-json=b.json", *workers)

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["sim/steady * 1/2 *", "3 scenarios x 1 model = 3 runs in *", "*1 failed, 1 passed, 1 error*"]
    )
    statuses = {entry["scenario"]: entry["status"] for entry in json_report(project.path / "b.json")["results"]}
    assert statuses == {"add": "passed", "miss": "failed", "refused": "error"}
    assert len(json_report(project.path / "b.json")["results"]) == 3
