"""`tests_pass`: the share of tests that pass is the score of a run."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, scenario
from tests.plugin.plugin_results import JSON, results

ALLOW = "--bench-allow-commands"
TESTS = """
echo 1..4
for n in 1 2 3 4; do
  if [ "$n" -le "$(cat passing)" ]; then echo "ok $n - test $n"; else echo "not ok $n - test $n"; failed=1; fi
done
exit ${failed:-0}
"""
REPORT = (
    "<testsuite><testcase classname='a' name='b'/><testcase classname='a' name='c'><failure/></testcase></testsuite>"
)


def suite_of(name: str, passing: int, /, **options: object) -> dict[str, Any]:
    """A scenario of whose four tests so many pass."""
    check = {"tests_pass": "sh tests.sh", "format": "tap", **options}
    return scenario(name, checks=[check], files={"tests.sh": TESTS, "passing": f"{passing}\n"})


def reported(name: str, command: str, /, **options: object) -> dict[str, Any]:
    """A scenario in whose workspace a report was left."""
    check = {"tests_pass": command, "report": "report.xml", **options}
    return scenario(name, checks=[check], files={"report.xml": REPORT, "kept": REPORT})


def test_the_share_of_passed_tests_is_the_score(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(
        suite_of("all", 4),
        suite_of("three", 3),
        suite_of("none", 0),
        suite_of("may", 2, may_fail=["test 3", "test 4"]),
        suite_of("must", 2, may_fail=["*"], must_pass=["test 1", "test 4"]),
        suite_of("more", 4, at_least=8),
        {**suite_of("enough", 3), "threshold": 0.7},
    )

    result = project.bench(ALLOW, JSON, *workers)

    result.assert_outcomes(passed=3, failed=4)
    scores = {name.partition("[")[0]: each["score"] for name, each in results(project).items()}
    assert scores == {"all": 1, "three": 0.75, "none": 0, "may": 1, "must": 2 / 3, "more": 0.5, "enough": 0.75}
    result.stdout.fnmatch_lines(["*3 of 4 tests passed, exit status 1 after * s; failed: 'test 4'; it wrote*"])


def test_a_report_has_to_be_written_by_the_command(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(
        reported("stale", "true"),
        reported("written", "rm report.xml && cp kept report.xml && exit 1"),
        reported("may", "rm report.xml && cp kept report.xml && exit 1", may_fail=["a.c"]),
        reported("gone", "rm report.xml"),
    )

    result = project.bench(ALLOW, JSON, *workers)

    result.assert_outcomes(passed=1, failed=3)
    told = {name.partition("[")[0]: each["checks"][0]["explanation"] for name, each in results(project).items()}
    assert "'report.xml' was there before, and was not written anew" in told["stale"]
    assert told["written"].startswith("1 of 2 tests passed, exit status 1")
    assert told["may"].startswith("1 of 1 tests passed, 1 failed that may, exit status 1")
    assert "it wrote no report of the tests that fits 'report.xml'" in told["gone"]


def test_it_stands_beside_others(project: Project, workers: tuple[str, ...]) -> None:
    inside = {"tests_pass": "sh tests.sh", "format": "tap"}
    both = {**suite_of("both", 2), "checks": [{"any_of": [inside, {"file": "none"}]}, {**inside, "not": True}]}
    project.suite(both)

    project.bench(ALLOW, JSON, *workers).assert_outcomes(failed=1)

    any_of, denied = results(project)["both[sim/steady]"]["checks"]
    assert (any_of["score"], any_of["passed"], denied["score"], denied["passed"]) == (0.5, False, 0.5, True)


def test_tests_run_again_where_a_run_is_judged_anew(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(suite_of("a", 3, may_fail=["test 4"]))
    project.bench(ALLOW, *workers).assert_outcomes(passed=1)
    project.suite(suite_of("a", 3))

    project.bench(ALLOW, "--bench-regrade", JSON, *workers).assert_outcomes(failed=1)

    assert results(project)["a[sim/steady]"]["score"] == 0.75


def test_names_and_output_are_hostile_text(project: Project, workers: tuple[str, ...]) -> None:
    script = "printf '1..1\\nnot ok 1 - \\033[31m<script>x</script>\\n'; printf '::error::\\n' >&2; exit 1"
    project.suite(scenario("a", checks=[{"tests_pass": "sh t.sh", "format": "tap"}], files={"t.sh": script}))

    result = project.bench(ALLOW, "--bench-html=report.html", "--junitxml=junit.xml", *workers)

    result.assert_outcomes(failed=1)
    assert "\x1b[31m<" not in result.stdout.str()
    assert "<script>x" not in (project.path / "report.html").read_text("utf-8")


def test_show_and_html_tell_which_failed(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.suite(suite_of("a", 3))
    project.bench(ALLOW, "--bench-html=report.html").assert_outcomes(failed=1)

    main(["show", "latest", "a[sim/steady]"])

    assert "failed: 'test 4'" in capsys.readouterr().out
    assert "3 of 4 tests passed" in (project.path / "report.html").read_text("utf-8")
