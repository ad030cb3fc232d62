"""Other plugins in the same session, beside ordinary tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.plugin.plugin_parts import Project, hanging, json_report, right, wrong

TESTS = """
import pytest

@pytest.fixture(scope="session")
def bad():
    yield
    raise RuntimeError("the end")

@pytest.mark.parametrize("n", [1, 2])
def test_param(n): pass
def test_bad(bad): pass
def test_fail(): assert 1 == 2
"""
OPTIONS = {
    "timeout": ("--timeout=60",),
    "json": ("--json-report",),
    "junit": ("--junitxml=junit.xml",),
    "all": ("--timeout=60", "--json-report", "--junitxml=junit.xml"),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_our_packages_beside_ordinary_tests(
    project: Project, workers: tuple[str, ...], options: tuple[str, ...]
) -> None:
    project.write("test_ordinary.py", TESTS)
    project.suite(right("add"), wrong("lie"), right("closed", skip="later"))

    result = project.bench(*options, *workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 4, "failed": 2, "skipped": 1, "errors": 1}
    result.stdout.fnmatch_lines(["E * RuntimeError: the end"])
    if "--json-report" in options:
        report = json_report(project.path / ".report.json")
        assert {test["nodeid"].rpartition("::")[2] for test in report["tests"]} >= {"test_bad", "add[sim/steady]"}
    if "--junitxml=junit.xml" in options:
        # pytest makes two cases of a test that fails and whose teardown fails as well.
        cases = ET.parse(project.path / "junit.xml").getroot().iter("testcase")  # noqa: S314 - the test has just made it
        assert {"test_fail", "lie[sim/steady]"} <= {case.attrib["name"] for case in cases}


def _allure(folder: Path) -> Iterator[dict[str, Any]]:
    for file in folder.glob("*-result.json"):
        yield json.loads(file.read_text(encoding="utf-8"))


def test_allure_tells_runs_apart_and_failed_from_broken(project: Project, workers: tuple[str, ...]) -> None:
    pytest.importorskip("allure_pytest")
    project.suite(right("add"), wrong("lie"), hanging("late", timeout=0.3))

    project.bench_process("--alluredir=allure", "--bench-repeat=2", "--bench-models=sim/steady", *workers)

    cases = list(_allure(project.path / "allure"))
    assert len({case["historyId"] for case in cases}) == len(cases) == 6
    statuses = {case["name"].partition("[")[0]: case["status"] for case in cases}
    assert statuses == {"add": "passed", "lie": "failed", "late": "failed"}
    late = [case["stop"] - case["start"] for case in cases if case["name"].startswith("late")]
    assert min(late) >= 300


def test_a_run_has_what_other_plugins_ask_an_item_for(project: Project) -> None:
    project.write(
        "conftest.py",
        "def pytest_collection_finish(session):\n"
        "    for item in session.items:\n"
        "        print('spec', item.callspec.id, item.callspec.params, item._parallel_custom_item)\n",
    )
    project.suite(right("add"))

    result = project.bench("-s")

    result.stdout.fnmatch_lines(["*spec sim/steady-1 {'model': 'sim/steady', 'trial': 1} True*"])
