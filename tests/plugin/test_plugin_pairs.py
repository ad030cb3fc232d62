"""Each pair of plugins that people use beside ours, in a session of runs and ordinary tests."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.plugin.plugin_parts import Project, broken, json_report, right, wrong

TESTS = """
import pytest

@pytest.fixture
def bad():
    raise RuntimeError("the fixture")

def test_pass(): pass
def test_fail(): assert 1 == 2
def test_error(bad): pass
@pytest.mark.skip(reason="later")
def test_skip(): pass
@pytest.mark.xfail(strict=True, reason="known")
def test_xfail(): assert False
"""
OPTIONS = {
    "timeout": ("--timeout=60",),
    "json-report": ("--json-report",),
    "junit": ("--junitxml=junit.xml",),
    "rerunfailures": ("-p", "rerunfailures", "--reruns=1", "--only-rerun=no such text"),
    "bench-json": ("--bench-json=bench.json",),
}
PAIRS = list(itertools.combinations(OPTIONS, 2))
NAMES = {f"test_{name}" for name in ("pass", "fail", "error", "skip", "xfail")} | {
    f"{name}[sim/steady]" for name in ("add", "lie", "refused", "closed", "known")
}
OUTCOMES = {"passed": 2, "failed": 2, "errors": 2, "skipped": 2, "xfailed": 2}


def a_project(project: Project) -> None:
    project.write("test_ordinary.py", TESTS)
    project.suite(
        right("add"), wrong("lie"), broken("refused"), right("closed", skip="later"), wrong("known", xfail="k")
    )


SESSIONS = [((), pair) for pair in PAIRS] + [(("-n2",), tuple(OPTIONS))]  # with workers once: it has all pairs


@pytest.mark.parametrize(("workers", "names"), SESSIONS, ids=["+".join((*w, *names)) for w, names in SESSIONS])
def test_each_result_comes_once_whoever_else_listens(
    project: Project, workers: tuple[str, ...], names: tuple[str, ...]
) -> None:
    a_project(project)

    result = project.bench(*workers, *(word for name in names for word in OPTIONS[name]))

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == OUTCOMES
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    assert_whole(project.path, names)


def assert_whole(folder: Path, names: tuple[str, ...]) -> None:
    """Both kinds of items stand in the reports, each once."""
    once = dict.fromkeys(NAMES, 1)
    if "json-report" in names:
        tests = json_report(folder / ".report.json")["tests"]
        assert Counter(test["nodeid"].rpartition("::")[2] for test in tests) == once
    if "junit" in names:
        cases = ET.parse(folder / "junit.xml").getroot().iter("testcase")  # noqa: S314 - the test has just made it
        assert Counter(case.attrib["name"] for case in cases) == once
    if "bench-json" in names:
        results = json_report(folder / "bench.json")["results"]
        assert Counter(entry["scenario"] for entry in results) == dict.fromkeys(
            ("add", "lie", "refused", "closed", "known"), 1
        )


WORKERINPUT = """
import pathlib, time
from pytest_benchmodels import Grade, Grader

HERE = pathlib.Path(__file__).parent

class Both(Grader):
    both: str
    def grade(self, response):
        while len(list(HERE.glob("*.up"))) < 2:
            time.sleep(0.005)  # in a thread of its own, ended by the run's limit
        return Grade.of(True)

def pytest_bench_graders():
    return [Both]

def pytest_configure_node(node):
    # As pytest-randomly, pytest-cov and others do it; a plugin that does not find it ends its worker.
    node.workerinput["of_another"] = 42

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        assert config.workerinput["of_another"] == 42
        (HERE / (config.workerinput["workerid"] + ".up")).touch()
"""


def test_workers_that_start_later_get_what_other_plugins_hand_over(project: Project) -> None:
    project.write("conftest.py", WORKERINPUT)
    project.suite(*(right(name, checks=[{"both": "up"}]) for name in "abcd"))

    result = project.bench("-n2", "--bench-concurrency=1")

    assert result.parseoutcomes() == {"passed": 4}


RETRY = """
import pytest

class Reports:
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        mark = item.get_closest_marker("flaky")
        if call.when != "call" or call.excinfo is None or mark is None or mark.kwargs.get("condition") is False:
            return
        item._initrequest()  # as pytest-retry does: Python test functions have it

def pytest_configure(config):
    config.pluginmanager.register(Reports(), "pytest-retry")
    config.addinivalue_line("markers", "flaky: one that fails at times")

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.flaky(retries=1))
"""


def test_pytest_retry_leaves_runs_alone_and_hears_why(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", RETRY)
    project.suite(right("add"), wrong("lie"))

    result = project.bench("-Wdefault", "--bench-json=b.json", *workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    counted = result.parseoutcomes()
    assert (counted["passed"], counted["failed"], counted.get("errors", 0)) == (1, 1, 0)
    statuses = {entry["scenario"]: entry["status"] for entry in json_report(project.path / "b.json")["results"]}
    assert statuses == {"add": "passed", "lie": "failed"}
    if not workers:
        result.stdout.fnmatch_lines(["*pytest-retry runs no scenario again: --bench-retries repeats requests*"])
