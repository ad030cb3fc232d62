"""What a session in any repository collects, and how its summary looks and ends."""

from __future__ import annotations

import re

import pytest

from tests.plugin.plugin_parts import Project, right, wrong

CHECK = """
from pytest_benchmodels import Grade, Grader, Response

class EndsWith(Grader, frozen=True):
    ends_with: str

    def grade(self, response: Response) -> Grade:
        return Grade.of(response.text.endswith(self.ends_with), "")

    def example(self) -> str:
        return self.ends_with

def pytest_bench_graders():
    return [EndsWith]
"""


def test_yaml_of_others_is_left_out_and_counted(project: Project, workers: tuple[str, ...]) -> None:
    project.write("docker-compose.yml", "services: {}\n")
    project.write("docs/mkdocs.yml", "site_name: x\n")
    project.write("data.json", "{}")
    project.suite(right("a"))
    result = project.bench(".", *workers)
    result.assert_outcomes(passed=1)
    told = [line for line in result.outlines if "left out" in line]
    assert told == [
        "bench: left out 2 YAML files without a key of a scenario file; name them to see why, or set bench_files"
    ]
    project.bench("docker-compose.yml").assert_outcomes(errors=1)


def test_checks_of_a_deeper_conftest_are_known_beside_it_only(project: Project, workers: tuple[str, ...]) -> None:
    project.write("one/deep/conftest.py", CHECK)
    mine = right("a", checks=[{"ends_with": "Ada"}])
    project.suite(mine, name="one/deep/suite.yaml")
    project.bench("one", *workers).assert_outcomes(passed=1)
    project.suite(mine, name="two/suite.yaml")
    result = project.bench(".", *workers)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*two/suite.yaml:1: unknown check 'ends_with'*"])


def test_a_scenario_file_without_bench_says_what_is_missing(project: Project, pytester: pytest.Pytester) -> None:
    path = project.suite(right("a"))
    result = pytester.runpytest_inprocess(path.name)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: if 'suite.yaml' is a scenario file, add --bench: *"])


@pytest.mark.parametrize(
    ("scenarios", "arguments", "status", "said"),
    [
        ([right("a")], (), 0, "exit status 0: no run failed"),
        ([right("a"), wrong("b")], (), 1, "exit status 1: of 2 runs 1 failed"),
        ([wrong("b", xfail=True)], (), 0, "exit status 0: no run failed"),
        (
            [wrong("a"), wrong("b")],
            ("-x", "--bench-concurrency=1"),
            1,
            "exit status 1: of 1 run 1 failed, 1 run without*",
        ),
        ([wrong("b")], ("--bench-gate=error_rate == 0",), 0, "exit status 0: 2 gates held, and gates decide"),
        ([wrong("b")], ("--bench-gate=score >= 1",), 1, "exit status 1: gate failed: score >= 1"),
    ],
)
def test_the_last_line_says_what_decided_the_exit_status(
    project: Project, scenarios: list[dict[str, object]], arguments: tuple[str, ...], status: int, said: str
) -> None:
    project.suite(*scenarios)
    result = project.bench("suite.yaml", *arguments)
    assert result.ret == status
    last = next(number for number, line in enumerate(result.outlines) if line.startswith("exit status"))
    result.stdout.fnmatch_lines([said])
    assert re.match(r"=+ .* in .* =+|!+ .* !+", result.outlines[last + 1])


def test_the_summary_fits_a_screen_of_80_columns(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    project.suite(right("a"), right("b", skip=True))
    result = project.bench("suite.yaml")
    start = next(number for number, line in enumerate(result.outlines) if "benchmark summary" in line)
    assert max(map(len, result.outlines[start:])) <= 80
    rows = [line for line in result.outlines[start:] if line.startswith("sim/steady")]
    assert [len(row.split()) for row in rows] == [7, 6]


def test_runs_of_several_files_are_plain_dots(project: Project) -> None:
    for name in "abc":
        project.suite(right("one"), right("two"), name=f"{name}.yaml")
    result = project.bench(".", "-p", "no:cacheprovider")
    assert [line for line in result.outlines if re.match(r"\.{6} +\[100%\]", line)]


def test_models_and_gates_are_coloured_by_pytests_rules(project: Project) -> None:
    project.suite(right("a"))
    arguments = ("suite.yaml", "--bench-gate=score >= 1")
    result = project.bench(*arguments, "--color=yes")
    assert re.search(r"(?m)^\x1b\[32msim/steady .*\x1b\[0m$", result.stdout.str())
    assert re.search(r"(?m)^\x1b\[32mgate held .*\x1b\[0m$", result.stdout.str())
    assert "\x1b[" not in project.bench(*arguments, "--color=no").stdout.str()
