"""`file`, `pattern` and `changed_only`: what a run left in its workspace, and what it changed there."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, scenario
from tests.plugin.plugin_results import JSON, results

ALLOW = "--bench-allow-commands"

# A model that is a function: it does in its workspace what the prompt says, line by line.
WRITER = """
import pathlib

def write(request):
    for line in request.messages[-1].text.splitlines():
        word, name, *text = line.split(" ", 2)
        if word == "write":
            request.workspace.write(name, text[0].encode())
        elif word == "link":
            (request.workspace.path / name).symlink_to(text[0])
    return "done"

def pytest_bench_models():
    return {"my/writer": write}
"""


@pytest.fixture
def writer(project: Project) -> Project:
    project.write("conftest.py", WRITER)
    return project


def works(name: str, prompt: str, /, *checks: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """A scenario whose model does what the prompt says."""
    return scenario(name, prompt=prompt, checks=list(checks), **{"files": {"src/a.py": "a = 1\n"}, **keys})


MODELS = ["my/writer"]


def test_files_are_judged_as_the_model_left_them(writer: Project, workers: tuple[str, ...]) -> None:
    writer.write("expected.py", "a = 2\n")
    writer.suite(
        works("good", "write src/a.py a = 2", {"file": "src/a.py", "equals_file": "expected.py"}),
        works("bad", "write src/b.py b", {"file": "src/a.py", "contains": "a = 2", "name": "changes a"}),
        works("gone", "write b b", {"file": "c", "absent": True}, {"file": "b", "checks": ["b"], "not": True}),
        works("grep", "write src/b.py # TODO b", {"pattern": "^# TODO", "files": "src/**", "count": 1}),
        models=MODELS,
    )

    result = writer.bench(ALLOW, JSON, *workers)

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        ["*failed  changes a: file 'src/a.py' (contains='a = 2')*: 'src/a.py': it lacks 'a = 2'*"], consecutive=False
    )
    found = results(writer)
    assert found["grep[my/writer]"]["checks"][0]["explanation"] == "/^# TODO/ was found in src/b.py:1"


def test_what_was_changed_has_a_score(writer: Project, workers: tuple[str, ...]) -> None:
    both = "write src/a.py a = 2\nwrite setup.py x"
    writer.suite(
        works("inside", "write src/a.py a = 2", {"changed_only": "src/**", "required": "src/a.py", "max_lines": 2}),
        works("outside", both, {"changed_only": "src/**"}),
        works("both", both, {"changed_only": ["src/**", "*.py"]}, {"changed_only": [], "not": True}),
        works("before", "write src/a.py a = 2", {"command": "echo x > made"}, {"changed_only": "src/**"}),
        models=MODELS,
    )

    result = writer.bench(ALLOW, JSON, *workers)

    result.assert_outcomes(passed=3, failed=1)
    assert results(writer)["outside[my/writer]"]["score"] == 0.5
    result.stdout.fnmatch_lines(["*only 'src/[*][*]' may be changed, not 'setup.py'*"])


OWN = """
from typing import ClassVar
from pytest_benchmodels import Grade, Grader

class Shortest(Grader, frozen=True):
    shortest: str
    needs_workspace: ClassVar[bool] = True

    def grade(self, context):
        sizes = {name: len(context.workspace.read(name)) for name in context.workspace.names()}
        return Grade.of(min(sizes, key=sizes.get) == self.shortest, str(sizes))

def pytest_bench_graders():
    return [Shortest]
"""


def test_a_check_of_ones_own_judges_the_workspace(writer: Project, workers: tuple[str, ...]) -> None:
    writer.write("conftest.py", WRITER + OWN)
    writer.suite(
        works("good", "write b.py b", {"shortest": "b.py"}),
        works("bad", "write b.py b", {"shortest": "src/a.py"}),
        models=MODELS,
    )

    result = writer.bench(ALLOW, *workers)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*{'b.py': 1, 'src/a.py': 6}*"])


def test_a_check_of_ones_own_needs_one_too(writer: Project) -> None:
    writer.write("conftest.py", WRITER + OWN)
    writer.suite(scenario("a", checks=[{"shortest": "b.py"}]), models=MODELS)

    writer.bench(ALLOW).stdout.fnmatch_lines(
        ["*check 'shortest' of scenario 'a' looks into a workspace, and it has none*"]
    )


def test_what_lies_outside_is_never_read(writer: Project, workers: tuple[str, ...]) -> None:
    writer.write("secret.txt", "the secret")
    outside = f"link leak.txt {writer.path}/secret.txt"
    writer.suite(
        works("file", outside, {"file": "leak.txt", "contains": "secret"}),
        works("denied", outside, {"file": "leak.txt", "contains": "secret", "not": True}),
        works("grep", outside, {"pattern": "secret"}),
        models=MODELS,
    )

    result = writer.bench(ALLOW, *workers)

    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["*'leak.txt' cannot be judged: it is a link out of the workspace*"])
    assert "the secret" not in result.stdout.str()


def test_stored_work_is_judged_anew_without_the_model(writer: Project, workers: tuple[str, ...]) -> None:
    writer.suite(works("a", "write src/a.py a = 2", {"changed_only": "src/**"}), models=MODELS)
    writer.bench(ALLOW, *workers).assert_outcomes(passed=1)
    writer.suite(works("a", "write src/a.py a = 2", {"changed_only": "tests/**"}), models=MODELS)

    writer.bench(ALLOW, "--bench-regrade", *workers).assert_outcomes(failed=1)


def test_an_expected_file_outside_is_an_error_of_the_scenario(writer: Project) -> None:
    writer.suite(works("a", "nothing", {"file": "a", "equals_file": "/etc/passwd"}), models=MODELS)

    result = writer.bench(ALLOW)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*suite.yaml:1: check 'file': equals_file '/etc/passwd' lies outside*"])


def test_show_and_html_tell_what_was_found(writer: Project, capsys: pytest.CaptureFixture[str]) -> None:
    writer.suite(works("a", "write b.py <b>TODO</b>", {"pattern": "TODO", "absent": True}), models=MODELS)
    writer.bench(ALLOW, "--bench-html=report.html").assert_outcomes(failed=1)

    main(["show", "latest", "a[my/writer]"])

    assert "/TODO/ was found in b.py:1; it must not be there" in capsys.readouterr().out
    assert "was found in b.py:1; it must not be there" in (writer.path / "report.html").read_text("utf-8")
