"""What users add in a conftest.py."""

from __future__ import annotations

import pytest

from tests.plugin.plugin_parts import Project, by_both, right, wrong

POLITE = """
import pytest_benchmodels

class Polite(pytest_benchmodels.Grader, frozen=True):
    polite: bool
    def grade(self, response):
        return pytest_benchmodels.Grade.of("please" in response.text, "no please in it")
    def example(self):
        return "please"

def pytest_bench_graders():
    return [Polite]
"""


def test_a_grader_of_the_users_is_a_check(project: Project) -> None:
    project.write("conftest.py", POLITE)
    project.suite(right("good", checks=[{"polite": True}]), wrong("bad", checks=[{"polite": True}]))

    result = project.bench()

    assert result.parseoutcomes() == {"passed": 1, "failed": 1}
    result.stdout.fnmatch_lines(["*failed  polite*: no please in it"])


def test_a_check_that_crashes_is_an_error_and_names_its_line(project: Project) -> None:
    crashing = POLITE.replace("return pytest_benchmodels.Grade", "1 / 0; return pytest_benchmodels.Grade")
    project.write("conftest.py", crashing)
    project.suite(right("crash", checks=[{"polite": True}]), right("add"))

    result = project.bench()

    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["check: check 'polite' crashed: ZeroDivisionError: division by zero (conftest.py:7)*"])


@by_both(
    "returned, said",
    ("1 / 0", "pytest_bench_graders() crashed: ZeroDivisionError: division by zero (conftest.py:12)"),
    (
        "Polite",
        "pytest_bench_graders returned <class '*Polite'>: give a list of Grader classes, such as [[]Polite]",
    ),
    ("[[Polite]]", "*is no grader: derive a class from Grader*"),
    ("[int]", "*is no grader: derive a class from Grader*"),
    ("[Polite, Polite]", "*a check 'polite' exists already*"),
    ("pytest.skip('no')", "pytest_bench_graders() crashed: Skipped: no (conftest.py:12)"),
    ("7", "pytest_bench_graders returned 7: give a list of Grader classes, such as [[]Polite]"),
)
def test_a_class_that_is_no_grader_is_said_and_nothing_runs(
    project: Project, workers: tuple[str, ...], returned: str, said: str
) -> None:
    project.write(
        "conftest.py", POLITE.replace("[Polite]", returned).replace("import pytest_", "import pytest, pytest_")
    )
    project.suite(right("add"))

    result = project.bench_process(*workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    result.stderr.no_fnmatch_line("*Traceback*")


def test_each_result_is_handed_out_once_where_results_come_together(project: Project, workers: tuple[str, ...]) -> None:
    hook = "def pytest_bench_result(result): print('got', result.nodeid, result.status, file=open('got.txt', 'a'))\n"
    project.write("conftest.py", hook)
    project.suite(right("add"), wrong("bad"), right("not", skip="no"), name="s.yaml")

    project.bench(*workers)

    assert sorted((project.path / "got.txt").read_text().splitlines()) == [
        "got s.yaml::add[sim/steady] passed",
        "got s.yaml::bad[sim/steady] failed",
        "got s.yaml::not[sim/steady] skipped",
    ]


def test_a_crash_of_a_deeper_folders_hook_is_a_collection_error_without_our_traceback(project: Project) -> None:
    project.write("deep/conftest.py", "def pytest_bench_graders(): return [1 / 0]\n")
    project.suite(right("add"), name="deep/suite.yaml")
    project.suite(right("add"))

    result = project.bench("--continue-on-collection-errors")

    assert result.parseoutcomes() == {"errors": 1, "passed": 1}
    crashed = "pytest_bench_graders() crashed: ZeroDivisionError: division by zero (deep/conftest.py:1)"
    result.stdout.fnmatch_lines([crashed])
    result.stdout.no_fnmatch_line("*collect.py*")
