"""Where nobody watches, passed runs take a short way through pytest's protocol, and what comes back is the same."""

from __future__ import annotations

import gc
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


KEPT = """
import os, pytest

@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    stats = session.config.pluginmanager.get_plugin("terminalreporter").stats
    kept = {category: len(reports) for category, reports in stats.items() if reports}
    with open(os.environ.get("PYTEST_XDIST_WORKER", "main") + ".txt", "w") as file:
        file.write(repr(kept))
"""


def test_what_pytest_keeps_of_runs_is_what_its_summary_needs(project: Project, workers: tuple[str, ...]) -> None:
    """At the end pytest looks through all other reports once for each failure: in a worker, for nobody to see."""
    project.write("conftest.py", KEPT)
    project.write("test_ordinary.py", "def test_one(): pass\ndef test_two(): assert False\n")
    project.suite(*map(right, "abc"), *map(wrong, "de"))

    project.bench(*workers, ".").assert_outcomes(passed=4, failed=3)

    kept = {path.stem: path.read_text() for path in project.path.glob("*.txt")}
    assert kept.pop("main") == "{'': 4, 'passed': 4, 'failed': 3}"
    ours = [eval(text) for text in kept.values()]  # noqa: S307 - what the conftest.py above wrote
    assert len(ours) == (2 if workers else 0)
    # Ordinary tests stay: only what is of a run is let go.
    assert sum(each.get("passed", 0) for each in ours) == sum(each.get("failed", 0) for each in ours) == len(ours[:1])


def test_a_report_shares_the_node_id_of_its_item(project: Project) -> None:
    """Each would keep a parsed one of its own to the end."""
    project.write(
        "conftest.py",
        "def pytest_sessionfinish(session):\n"
        "    stats = session.config.pluginmanager.get_plugin('terminalreporter').stats\n"
        "    ids = {item.nodeid: item.id for item in session.items}\n"
        "    for report in (*stats['passed'], *stats['failed']):\n"
        "        print('shared', report.nodeid, report.id is ids[report.nodeid])\n",
    )
    project.suite(right("a"), wrong("b"))
    result = project.bench("-s")
    result.stdout.fnmatch_lines_random(["*shared suite.yaml::a* True", "*shared suite.yaml::b* True"])


def test_python_looks_for_garbage_less_often_until_the_session_ends(project: Project, workers: tuple[str, ...]) -> None:
    project.write(
        "conftest.py",
        "import gc, os\n"
        "def pytest_sessionstart():\n"
        "    with open(os.environ.get('PYTEST_XDIST_WORKER', 'main') + '.txt', 'w') as file:\n"
        "        file.write(str(gc.get_threshold()[0]))\n",
    )
    project.suite(right("a"), right("b"))
    before = gc.get_threshold()

    project.bench(*workers)

    assert gc.get_threshold() == before
    assert {path.read_text() for path in project.path.glob("*.txt")} == {"50000"}


TELLS = """
from pytest_benchmodels.plugin.items.audience import Audience

def pytest_sessionfinish(session):
    audience = Audience.of(session.config)
    with open("tells.txt", "w") as file:
        print(audience.starts, audience.finishes, file=file)
"""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-q"], "False False"),
        ([], "True False"),  # the file's path stands before its dots
        (["-v"], "True False"),
        (["-q", "--log-cli-level=INFO"], "True True"),
        (["-q", "-o", "log_cli=true"], "True True"),
        (["-q", "-p", "no:logging"], "False False"),
        (["-p", "no:terminal"], "False False"),
    ],
)
def test_a_run_s_beginning_and_end_are_told_where_somebody_has_a_use_for_them(
    project: Project, options: list[str], told: str
) -> None:
    project.write("conftest.py", TELLS)
    project.suite(right("a"))

    project.bench(*options)

    assert (project.path / "tells.txt").read_text().strip() == told


SHORT_WAY = """
import os

from pytest_benchmodels.plugin.items.audience import Audience
from pytest_benchmodels.plugin.items.protocol import Protocol

def pytest_sessionfinish(session):
    with open(os.environ.get("PYTEST_XDIST_WORKER", "main") + ".txt", "w") as file:
        print(Protocol(session.config)._is_unwatched, Audience.of(session.config) == Audience(), file=file)
"""


@pytest.mark.usefixtures("real_processes")
def test_runs_go_the_short_way_in_a_worker_too(project: Project) -> None:
    # There xdist's plugin is of no module that could be imported: so it must not be taken for somebody who watches.
    project.write("conftest.py", SHORT_WAY)
    project.suite(right("a"))

    project.bench("-q", "-n1")

    assert {path.name: path.read_text().strip() for path in project.path.glob("*.txt")} == {
        "gw0.txt": "True True",
        "main.txt": "True True",
    }
