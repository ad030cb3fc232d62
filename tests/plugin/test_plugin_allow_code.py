"""`--bench-allow-code`: code of answers runs, or its scenarios are skipped with the remedy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, right, scenario
from tests.plugin.plugin_results import JSON, results, seen_by

ALLOW = "--bench-allow-code"
TESTS = "assert add(2, 3) == 5\nassert add(-1, 1) == 0\n"
RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"


def coded(name: str, code: str = RIGHT, /, **options: object) -> dict[str, Any]:
    """A scenario whose model gives this code."""
    check = {"code_passes": "python", "tests": TESTS, **options}
    return scenario(name, target=f"Here it is:\n```python\n{code}```\n", checks=[check])


def test_right_code_passes_and_wrong_code_fails(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(coded("good"), coded("bad", WRONG), coded("denied", WRONG, **{"not": True}))

    result = project.bench(ALLOW, JSON, *workers)

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*failed  code_passes 'python' (*: the code fails: AssertionError in line 1 of *add(2, 3) gave -1*",
            "code of answers was confined by *",
        ]
    )
    assert {name: each["status"] for name, each in results(project).items()} == {
        "good[sim/steady]": "passed",
        "bad[sim/steady]": "failed",
        "denied[sim/steady]": "passed",
    }


def test_without_the_option_they_are_skipped_and_cost_nothing(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    project.suite(coded("code"), right("sum"), models=["watched"])

    result = project.bench("-rs", JSON, *workers)

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED * code of answers is not run unless you allow it: give --bench-allow-code"])
    assert results(project)["code[watched]"]["status"] == "skipped"
    assert seen_by(sim)["steady"]["requests"] == 1
    assert "code of answers" not in result.stdout.str().partition("benchmark summary")[2]


def test_an_authors_own_reason_to_skip_stays(project: Project) -> None:
    project.suite({**coded("code"), "skip": "not today"})

    project.bench("-rs").stdout.fnmatch_lines(["SKIPPED * not today"])


def test_a_check_of_a_turn_is_one_too(project: Project, workers: tuple[str, ...]) -> None:
    first = coded("a")
    turns = [
        {"prompt": "Write add.", "checks": first["checks"]},
        {"prompt": "And the sum?", "checks": [{"equals": "4"}]},
    ]
    project.suite({"id": "a", "turns": turns, "target": first["target"]})

    project.bench(*workers).assert_outcomes(skipped=1)
    project.bench(ALLOW, *workers).stdout.fnmatch_lines(["*turn 1: code_passes*"])


def test_its_time_is_not_the_runs(project: Project, workers: tuple[str, ...]) -> None:
    """More programs than processors, each slower than a run may be: nobody is late."""
    endless = [coded(f"endless-{number}", "while True: pass\n", timeout=1) for number in range(4)]
    project.suite(*(each | {"timeout": 0.5} for each in endless))

    result = project.bench(ALLOW, JSON, *workers)

    result.assert_outcomes(failed=4)
    assert {each["status"] for each in results(project).values()} == {"failed"}
    result.stdout.fnmatch_lines(["*the code fails: the tests did not end within 1 s*"])


def test_what_was_stored_is_judged_anew(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(coded("a"))
    project.bench(ALLOW, *workers).assert_outcomes(passed=1)
    project.suite(coded("a", tests="assert add(2, 3) == 6"))

    project.bench(ALLOW, "--bench-regrade", *workers).assert_outcomes(failed=1)
    project.bench("--bench-regrade", *workers).assert_outcomes(skipped=1)


def test_what_code_says_is_hostile_text(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(coded("a", "def add(a, b): raise ValueError('\\x1b[31m\\n::error::<script>x</script>')\n"))

    result = project.bench(ALLOW, JSON, "--bench-html=report.html", "--junitxml=junit.xml", *workers)

    result.assert_outcomes(failed=1)
    assert "\x1b[31m\n" not in result.stdout.str()
    assert "\n::error" not in result.stdout.str()
    assert "<script>x" not in (project.path / "report.html").read_text("utf-8")
    assert "ValueError" in results(project)["a[sim/steady]"]["checks"][0]["explanation"]


def test_show_and_html_tell_what_failed(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.suite(coded("a", WRONG))
    project.bench(ALLOW, "--bench-html=report.html").assert_outcomes(failed=1)

    main(["show", "latest", "a[sim/steady]"])

    assert "add(2, 3) gave -1" in capsys.readouterr().out
    assert "add(2, 3) gave -1" in (project.path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"tests": "assert ("}, "*suite.yaml:1: *tests are no Python: line 1: '(' was never closed"),
        ({"tests": "x = [1"}, "*tests are no Python: line 1: '[[]' was never closed"),
        ({"tests": "def check(f): pass"}, "*tests define `check`, and nobody calls it: name the function*"),
        ({"tests": "import os\n'no test'"}, "*tests run nothing: write `assert` statements, or functions*"),
        ({"tests": "def test_x(tmp_path): pass"}, "*line 1 of tests: test_x takes arguments, and there are no*"),
        ({"tests": "class TestX: pass"}, "*line 1 of tests: the class TestX would not run: write functions instead"),
        ({"entry_point": "a b"}, "*entry_point 'a b' is no name of a function"),
        ({"before": "x = 1"}, "*`before` needs `entry_point`: the name of the function*"),
        ({"timeout": 0}, "*timeout*"),
        ({"memory": 1}, "*memory*"),
        ({"processes": 0}, "*processes*"),
        ({"code_passes": "cobol"}, "*code_passes*"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_check_is_told_with_its_line(
    project: Project, options: dict[str, object], problem: str
) -> None:
    project.suite(coded("a", RIGHT, **options))

    result = project.bench(ALLOW)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([problem])


def test_validate_takes_it(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    path = project.suite(coded("a"))
    bad = project.suite(coded("a", tests="("), name="bad.yaml")

    assert main(["validate", str(path)]) == 0
    assert main(["validate", str(bad)]) != 0
    assert "tests are no Python" in "".join(capsys.readouterr())


def test_records_in_the_shape_of_humaneval(project: Project, workers: tuple[str, ...]) -> None:
    record = {
        "task_id": "HumanEval/0",
        "prompt": 'def up(x):\n    """One more than x."""\n',
        "entry_point": "up",
        "canonical_solution": "    return x + 1\n",
        "test": "METADATA = {}\n\ndef check(candidate):\n    assert candidate(1) == 2\n",
    }
    wrong = {**record, "task_id": "HumanEval/1", "canonical_solution": "    return x\n"}
    project.write("records.jsonl", "".join(json.dumps(each) + "\n" for each in (record, wrong)))
    project.write(
        "suite.yaml",
        json.dumps(
            {
                "id": "humaneval",
                "models": ["sim/steady"],
                "dataset": {"file": "records.jsonl", "id": "{{ task_id }}"},
                "prompt": "{{ prompt }}",
                "target": "{{ canonical_solution }}",
                "checks": [
                    {
                        "code_passes": "python",
                        "tests": "{{ test }}",
                        "entry_point": "{{ entry_point }}",
                        "before": "{{ prompt }}",
                    }
                ],
            }
        ),
    )

    project.bench(ALLOW, *workers).assert_outcomes(passed=1, failed=1)
