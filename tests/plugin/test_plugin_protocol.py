"""Where nobody watches, passed runs take a short way through pytest's protocol, and what comes back is the same."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.plugin.plugin_parts import Project, right, wrong

WATCHER = """
seen = []

def pytest_runtest_{step}({argument}):
    seen.append({argument}.nodeid if hasattr({argument}, "nodeid") else {argument})

def pytest_sessionfinish(session):
    if seen:  # an xdist controller runs nothing
        with open("seen.txt", "a") as file:
            file.writelines(f"{{name}}\\n" for name in seen)
"""
STEPS = {
    "setup": "item",
    "call": "item",
    "teardown": "item",
    "makereport": "item",
    "logstart": "nodeid",
    "logfinish": "nodeid",
}


def cases(project: Project) -> list[tuple[str | None, ...]]:
    """All that JUnit tells of each run but times."""
    timed = ("bench.latency_s", "bench.connect_s", "bench.client_s")
    found = ET.parse(project.path / "junit.xml").getroot().iter("testcase")  # noqa: S314 - the test's own file
    return sorted(
        (
            case.get("name"),
            case.get("classname"),
            *(child.tag for child in case),
            *(
                f"{entry.get('name')}={entry.get('value')}"
                for entry in case.iter("property")
                if entry.get("name") not in timed
            ),
        )
        for case in found
    )


def test_junit_is_the_same_whether_somebody_watches_or_not(project: Project) -> None:
    project.suite(right("a"), right("b", tags=["smoke"]), wrong("c"), right("d"))
    project.bench("--junitxml=junit.xml")
    alone = cases(project)
    project.write("conftest.py", WATCHER.format(step="setup", argument="item"))

    result = project.bench("--junitxml=junit.xml")

    assert result.parseoutcomes() == {"passed": 3, "failed": 1}
    assert len(alone) == 4
    assert cases(project) == alone
    assert len((project.path / "seen.txt").read_text().splitlines()) == 4


@pytest.mark.parametrize("step", STEPS)
def test_whoever_has_a_part_in_the_protocol_gets_each_run(project: Project, step: str) -> None:
    project.write("conftest.py", WATCHER.format(step=step, argument=STEPS[step]))
    project.suite(right("a"), right("b"))

    project.bench()

    seen = set((project.path / "seen.txt").read_text().splitlines())
    assert seen == {"suite.yaml::a[sim/steady]", "suite.yaml::b[sim/steady]"}


def test_the_slowest_runs_are_told(project: Project) -> None:
    project.suite(right("a"))
    project.bench("--durations=0", "--durations-min=0.000001").stdout.fnmatch_lines(["*s call * suite.yaml::a*"])


def test_a_passed_run_that_was_expected_to_fail_is_told_as_pytest_tells_it(project: Project) -> None:
    project.suite(right("a", xfail="too hard"), right("b"))
    assert project.bench().parseoutcomes() == {"passed": 1, "xpassed": 1}
