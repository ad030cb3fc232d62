"""Names and progress as pytest's terminal shows them."""

from __future__ import annotations

import re

from tests.plugin.plugin_parts import Project, junit_cases, right, wrong


def test_a_dot_in_an_id_stays_a_dot(project: Project) -> None:
    """A node id that is shown can be typed again."""
    project.suite(right("v1.5"), wrong("v2.0"))

    result = project.bench("-v", "--junitxml=junit.xml")

    result.stdout.fnmatch_lines_random(["*suite.yaml::v1.5[[]sim/steady]*", "*suite.yaml::v2.0[[]sim/steady]*"])
    result.stdout.re_match_lines([r"_+ v2\.0\[sim/steady\] +_+$"])
    assert "v1::5" not in result.stdout.str()
    assert set(junit_cases(project.path / "junit.xml")) == {"v1.5[sim/steady]", "v2.0[sim/steady]"}
    assert project.bench("suite.yaml::v1.5[sim/steady]").parseoutcomes() == {"passed": 1}


def test_a_gate_is_shown_as_it_was_typed_and_counts_in_the_progress(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("add"))

    result = project.bench("-v", "--bench-gate", "pass_rate >= 0.9", *workers)

    result.stdout.re_match_lines(
        [r"gates::pass_rate >= 0\.9 +PASSED +\[ 66%\]$", r"gates::graded >= 95% +PASSED +\[100%\]$"]
    )
    assert max(int(percent) for percent in re.findall(r"\[ *(\d+)%\]", result.stdout.str())) == 100
