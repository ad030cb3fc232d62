"""Texts of a megabyte, and errors without a text: reports stay readable, and every run ends."""

from __future__ import annotations

from tests.plugin.plugin_parts import Project, by_both, json_report, scenario

CHECKS = """
from typing import ClassVar
from pytest_benchmodels import CheckError, Grade, Grader

class UnreadableError(Exception):
    def __str__(self):
        raise UnreadableError

LONG = "x" * 1_000_000
RAISED = {"raises": ValueError(LONG), "cannot judge": CheckError(LONG), "unreadable": UnreadableError()}
ZEROS = "\\0" * 1_000_000
GRADES = {"explains": Grade.of(False, LONG), "steers": Grade.of(False, ZEROS), "no text": Grade(1.0, True, 7)}

def judged(what):
    if what in RAISED:
        raise RAISED[what]
    return GRADES[what]

class OnTheLoop(Grader, frozen=True):
    on_the_loop: str
    bounded: ClassVar[bool] = True
    def grade(self, response):
        return judged(self.on_the_loop)

class InAThread(Grader, frozen=True):
    in_a_thread: str
    def grade(self, response):
        return judged(self.in_a_thread)

def pytest_bench_graders():
    return [OnTheLoop, InAThread]
"""


@by_both("check", "on_the_loop", "in_a_thread")
def test_a_check_may_say_as_much_as_it_likes(project: Project, workers: tuple[str, ...], check: str) -> None:
    project.write("conftest.py", CHECKS)
    names = ("raises", "cannot judge", "unreadable", "explains", "steers", "no text")
    project.suite(*(scenario(name, checks=[{check: name}]) for name in names))

    result = project.bench("--bench-json=b.json", "--junitxml=j.xml", *workers)

    assert result.parseoutcomes() == {"failed": 2, "errors": 4}
    assert len(str(result.stdout)) < 40_000
    assert (project.path / "j.xml").stat().st_size < 60_000
    found = {each["scenario"]: each for each in json_report(project.path / "b.json")["results"]}
    assert found["explains"]["checks"][0]["explanation"].endswith("x... (990000 more characters)")
    assert len(found["steers"]["checks"][0]["explanation"]) < 50_000
    assert len(found["raises"]["error"]["message"]) < 11_000
    assert "UnreadableError: (it cannot say what: its __str__ raises " in found["unreadable"]["error"]["message"]
    assert "an explanation has to be a text, got int" in found["no text"]["error"]["message"]


def test_a_server_may_explain_itself_at_length(project: Project) -> None:
    project.suite(scenario("a", {"status": 400, "text": "y" * 500_000}))

    result = project.bench("--bench-json=b.json")

    assert result.parseoutcomes() == {"errors": 1}
    (found,) = json_report(project.path / "b.json")["results"]
    assert "simulated status 400: yyy" in found["error"]["message"]
    assert "message" not in found["error"]["message"]
    assert len(found["error"]["message"]) < 500
