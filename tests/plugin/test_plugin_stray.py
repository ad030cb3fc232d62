"""Whatever a check raises is an error of its run at once; a session that lacks results fails; repeats are trials."""

from __future__ import annotations

import pytest

from tests.plugin.plugin_parts import Project, by_both, json_report, right

RAISING = """
import asyncio, pytest
from typing import ClassVar
from pytest_benchmodels import Grade, Grader

class Mute(Exception):
    def __str__(self): raise RuntimeError("no words")

def endless(): return endless()

STRAY = {
    "skip": lambda: pytest.skip("not this one"), "exit": lambda: pytest.exit("enough"),
    "fail": lambda: pytest.fail("no"),
    "stop": lambda: next(iter(())), "system": lambda: exec("raise SystemExit(0)"), "deep": endless,
    "interrupt": lambda: exec("raise KeyboardInterrupt"), "memory": lambda: exec("raise MemoryError"),
    "generator": lambda: exec("raise GeneratorExit"), "cancel": lambda: exec("raise asyncio.CancelledError"),
    "async stop": lambda: exec("raise StopAsyncIteration"), "mute": lambda: exec("raise Mute"),
    "none": lambda: None, "text": lambda: Grade("1", True), "many": lambda: Grade(7, True),
}

class Raises(Grader, frozen=True):
    raises: str
    def grade(self, response): return STRAY[self.raises]()

class RaisesAtOnce(Grader, frozen=True):
    raises_at_once: str
    bounded: ClassVar[bool] = True
    def grade(self, response): return STRAY[self.raises_at_once]()

class RaisesAsync(Grader, frozen=True):
    raises_async: str
    async def grade(self, response): return STRAY[self.raises_async]()

def pytest_bench_graders(): return [Raises, RaisesAtOnce, RaisesAsync]
"""
KINDS = ["skip", "exit", "fail", "stop", "system", "deep", "interrupt", "memory"]
KINDS += ["generator", "cancel", "async stop", "mute", "none", "text", "many"]


@by_both("check", "raises", "raises_at_once", "raises_async")
def test_whatever_a_check_raises_is_an_error_of_its_run(project: Project, workers: tuple[str, ...], check: str) -> None:
    project.write("conftest.py", RAISING)
    project.suite(*(right(kind.replace(" ", "-"), checks=[{check: kind}]) for kind in KINDS), right("add"))

    result = project.bench("--bench-json=out.json", "--bench-timeout=100", *workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    errors = {
        one["scenario"]: one["error"] for one in json_report(project.path / "out.json")["results"] if one["error"]
    }
    assert len(errors) == len(KINDS)
    assert {error["kind"] for error in errors.values()} == {"check"}
    assert "Skipped: not this one" in errors["skip"]["message"]
    assert "its __str__ raises RuntimeError" in errors["mute"]["message"]
    assert result.parseoutcomes() == {"passed": 1, "errors": len(KINDS)}


CLOSING = """
import {name}
from pytest_benchmodels import Grade, Grader
class Closes(Grader, frozen=True):
    closes: bool = True
    def grade(self, response):
        {code}
        return Grade.of(True, "x")
def pytest_bench_graders(): return [Closes]
"""


@by_both("stream", "stderr", "__stdout__", "stdout")
def test_a_check_that_closes_a_stream_loses_no_result(project: Project, workers: tuple[str, ...], stream: str) -> None:
    project.write("conftest.py", CLOSING.format(name="sys", code=f"sys.{stream}.close()"))
    project.suite(right("a"), {"id": "closes", "prompt": "x", "checks": ["closes"]}, right("b"))

    result = project.bench_process(*workers)

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 3}


CLOSING_MEANWHILE = """
import sys, threading
from pytest_benchmodels import Grade, Grader
reporting, closed = threading.Event(), threading.Event()
def pytest_runtest_setup(item):
    if "first" in item.nodeid:
        reporting.set()
        assert closed.wait(60)
class Closes(Grader, frozen=True):
    closes: bool = True
    def grade(self, response):
        assert reporting.wait(60)
        sys.stdout.close()
        closed.set()
        return Grade.of(True, "x")
def pytest_bench_graders(): return [Closes]
"""


def test_a_stream_that_is_closed_while_another_item_is_captured_loses_no_result(project: Project) -> None:
    project.write("conftest.py", CLOSING_MEANWHILE)
    project.suite(right("first"), {"id": "closes", "prompt": "x", "checks": ["closes"]}, right("last"))

    result = project.bench_process()

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 3}


FAILING_REPORTS = """
import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    if {where} and "bad" in report.nodeid:
        raise ValueError("this hook cannot go on")
"""


def test_a_worker_that_cannot_report_ends_as_by_a_crash(project: Project) -> None:
    project.write("conftest.py", "import os\n" + FAILING_REPORTS.format(where="'PYTEST_XDIST_WORKER' in os.environ"))
    project.suite(right("a"), right("bad"), right("b"), right("c"))

    result = project.bench_process("-n2", "--bench-json=out.json")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    outcomes = {one["scenario"]: one["error"] for one in json_report(project.path / "out.json")["results"]}
    assert outcomes.pop("bad")["kind"] == "worker-crash"
    assert outcomes == {"a": None, "b": None, "c": None}
    result.stdout.fnmatch_lines(["*internal error in the worker: ValueError: this hook cannot go on (conftest.py:*"])


ANOTHER_LOOP = """
import pytest
class Loop:
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self): return True
def pytest_collection_finish(session): session.config.pluginmanager.register(Loop())
"""


def test_a_loop_that_ends_early_is_no_success(project: Project) -> None:
    project.write("conftest.py", ANOTHER_LOOP)
    project.suite(right("a"), right("b"))

    result = project.bench()

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["exit status 1: 2 runs without a result"])


def test_an_exit_with_status_0_amid_runs_is_no_success(project: Project, workers: tuple[str, ...]) -> None:
    leave = "import pytest\ndef pytest_runtest_logfinish(nodeid): pytest.exit('enough', returncode=0)\n"
    project.write("conftest.py", leave)
    project.suite(*(right(f"add-{number}") for number in range(5)))

    result = project.bench_process(*workers)

    assert result.ret != 0


@by_both("code", "items[:] = items * 2", "items.append(items[0])")
def test_an_item_that_stands_twice_is_run_as_another_trial(
    project: Project, workers: tuple[str, ...], code: str
) -> None:
    project.write("conftest.py", f"def pytest_collection_modifyitems(items):\n    {code}\n")
    project.suite(right("a"), right("b"))

    result = project.bench("-v", "--bench-json=out.json", *workers)

    assert result.ret == 0
    found = {one["nodeid"] for one in json_report(project.path / "out.json")["results"]}
    once = {"suite.yaml::a[sim/steady]", "suite.yaml::b[sim/steady]"}
    twice = {"suite.yaml::a[sim/steady#2]"} | ({"suite.yaml::b[sim/steady#2]"} if "*" in code else set())
    assert found == once | twice
    assert result.parseoutcomes() == {"passed": len(found)}


def test_a_file_that_is_named_twice_is_run_twice_where_that_is_asked_for(project: Project) -> None:
    project.suite(right("a"))

    once = project.bench("suite.yaml", "suite.yaml")
    twice = project.bench("suite.yaml", "suite.yaml", "--keep-duplicates")

    assert once.parseoutcomes() == {"passed": 1}
    assert twice.parseoutcomes() == {"passed": 2}
