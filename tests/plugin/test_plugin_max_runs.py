"""`--bench-max-runs`: how many runs a session may have, before one of them is made."""

from __future__ import annotations

import pytest

from tests.plugin.plugin_parts import Project, right

REFUSAL = "*this session would have 20,000,000 runs, more than 1,000,000: lower `repeat`*--bench-max-runs 20000000*"


def bomb(project: Project) -> None:
    """A small file that asks for 20,000,000 runs."""
    project.suite(*(right(f"s{number}", repeat=10_000) for number in range(2_000)))


def test_a_small_file_cannot_ask_for_millions_of_runs(project: Project, workers: tuple[str, ...]) -> None:
    bomb(project)
    result = project.bench("suite.yaml", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([REFUSAL])


@pytest.mark.parametrize("option", ["--collect-only", "--bench-plan"])
def test_no_run_of_it_is_made_where_nothing_would_be_called(project: Project, option: str) -> None:
    bomb(project)
    result = project.bench("suite.yaml", option)
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["suite.yaml: asks for 20000000 runs; " + REFUSAL[1:]])
    assert "RunItem" not in result.stdout.str()


def test_all_files_datasets_and_models_count_together(project: Project) -> None:
    project.write("data.csv", "word\na\nb\nc\n")
    quiz: dict[str, object] = {"id": "quiz", "prompt": "{{ word }}", "dataset": "data.csv"}
    project.suite(quiz, name="one.yaml", models=["sim/steady", "sim/slow"])
    project.suite(quiz, name="two.yaml", models=["sim/steady", "sim/slow"])
    result = project.bench(".", "--bench-repeat=5", "--bench-max-runs=59")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*would have 60 runs, more than 59*--bench-max-runs 60"])
    assert project.bench(".", "--bench-repeat=5", "--bench-max-runs=60", "--collect-only", "-q").ret == 0
